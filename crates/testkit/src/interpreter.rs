use std::time::Instant;

use amplio_graph::ops::{Concat, Resize};
use amplio_graph::plan::{Content, Epilogue, FusedPlan, Kernel, Operand, Rearrangement, Step, View};
use amplio_graph::{Device, Error, Executable, Op, Precision, Result, Shape, StepWatcher, Tensor};

/// A device that runs plans step by step with the arithmetic of the reference, in the memory that the plan says.
///
/// It is slow and checks the plan as it goes: memory is filled with NaN at first, and a step may not write where it reads.
#[derive(Clone, Copy, Debug)]
pub struct Interpreter;

impl Device for Interpreter {
    fn name(&self) -> String {
        "interpreter".into()
    }

    fn compile(&self, plan: &FusedPlan, _: Precision) -> Result<Box<dyn Executable>> {
        Ok(Box::new(Program { plan: plan.clone() }))
    }
}

struct Program {
    plan: FusedPlan,
}

impl Executable for Program {
    fn run_watched(&mut self, input: &Tensor, watcher: StepWatcher) -> Result<Tensor> {
        let plan = &self.plan;
        if input.shape() != plan.input_shape() {
            let expected = plan.input_shape().to_string();
            return Err(Error::Input { expected, given: input.shape().clone() });
        }
        let slots = plan.slots.iter().map(|&size| vec![f32::NAN; size]).collect();
        let mut memory = Memory { plan, slots };
        let whole = View { buffer: plan.input, first: 0, shape: input.shape().clone() };
        memory.write(&whole, |at| input.at(at));
        for (i, step) in plan.steps.iter().enumerate() {
            let start = Instant::now();
            memory.step(step).map_err(|e| e.at(&step.name))?;
            if watcher(i, start.elapsed()).is_break() {
                return Err(Error::Stopped);
            }
        }
        Ok(memory.read(&plan.output))
    }
}

struct Memory<'a> {
    plan: &'a FusedPlan,
    slots: Vec<Vec<f32>>,
}

impl Memory<'_> {
    fn step(&mut self, step: &Step) -> Result<()> {
        self.check(step)?;
        let inputs: Vec<Tensor> = step.inputs.iter().map(|view| self.read(view)).collect();
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        let op: Op = match &step.kernel {
            Kernel::Copy => {
                let result = Tensor::from_fn(step.result.clone(), |at| inputs[0].at_broadcast(at));
                return self.finish(step, result);
            }
            Kernel::Rearrange(rearrangement) => {
                if !step.epilogue.is_empty() && rearrangement.start.step != 0 {
                    return Err(Error::Unsupported { what: "an epilogue of a part".into() });
                }
                let moved = self.rearranged(rearrangement, inputs[0], step);
                return self.finish(step, moved);
            }
            Kernel::Conv { conv, enlarge } => {
                let input = Op::from(Concat { axis: 1 }).reference(&inputs)?;
                let enlarged = Op::from(Resize::nearest(*enlarge)).reference(&[&input])?;
                let result = Op::from(conv.clone()).reference(&[&enlarged])?;
                return self.finish(step, result);
            }
            Kernel::ConvTranspose(op) => op.clone().into(),
            Kernel::Resize(op) => (*op).into(),
            Kernel::GridSample(op) => (*op).into(),
            Kernel::Pool(op) => (*op).into(),
            Kernel::Reduce(op) => op.clone().into(),
            Kernel::LayerNorm(op) => op.clone().into(),
            Kernel::GroupNorm(op) => op.clone().into(),
            Kernel::Softmax(op) => (*op).into(),
            Kernel::MatMul(op) => (*op).into(),
            Kernel::Attention(op) => (*op).into(),
        };
        let result = op.reference(&inputs)?;
        self.finish(step, result)
    }

    /// Applies the epilogue and stores the result.
    fn finish(&mut self, step: &Step, mut result: Tensor) -> Result<()> {
        agree("the kernel's result", result.shape(), &step.result)?;
        result = self.applied(&step.epilogue, result)?;
        agree("the result", result.shape(), &step.output.shape)?;
        self.write(&step.output, |at| result.at(at));
        Ok(())
    }

    /// What an epilogue makes of a result.
    fn applied(&self, epilogue: &[Epilogue], mut result: Tensor) -> Result<Tensor> {
        for op in epilogue {
            let shape = result.shape().clone();
            result = match op {
                Epilogue::Unary(function) => result.map(|x| function.of(x)),
                Epilogue::Prelu(slopes) => {
                    let slopes = self.operand(slopes, &shape)?;
                    Tensor::from_fn(shape, |at| {
                        let x = result.at(at);
                        if x > 0.0 { x } else { x * slopes.at_broadcast(at) }
                    })
                }
                Epilogue::Binary { function, operand, swapped } => {
                    let other = self.operand(operand, &shape)?;
                    Tensor::from_fn(shape, |at| match (result.at(at), other.at_broadcast(at)) {
                        (a, b) if *swapped => function.of(b, a),
                        (a, b) => function.of(a, b),
                    })
                }
                Epilogue::Fork { function, left, right } => {
                    let (left, right) = (self.applied(left, result.clone())?, self.applied(right, result)?);
                    Tensor::from_fn(shape, |at| function.of(left.at(at), right.at(at)))
                }
                Epilogue::PixelShuffle(r) => {
                    Op::from(amplio_graph::ops::PixelShuffle { r: *r }).reference(&[&result])?
                }
            };
        }
        Ok(result)
    }

    /// The other side of an epilogue, which must broadcast to `shape` without adding dimensions.
    fn operand(&self, operand: &Operand, shape: &Shape) -> Result<Tensor> {
        let (view, enlarge) = match operand {
            Operand::Scalar(number) => return Ok(Tensor::scalar(*number)),
            Operand::View { view, enlarge } => (view, *enlarge),
        };
        let tensor = self.read(view);
        let tensor =
            if enlarge == 1 { tensor } else { Op::from(Resize::nearest(enlarge)).reference(&[&tensor])? };
        let fits = tensor.shape().rank() == shape.rank()
            && tensor.shape().iter().zip(shape.iter()).all(|(&own, &whole)| own == whole || own == 1);
        let what = || format!("an operand of {} does not fit {shape}", tensor.shape());
        if fits { Ok(tensor) } else { Err(Error::Unsupported { what: what() }) }
    }

    fn rearranged(&self, rearrangement: &Rearrangement, input: &Tensor, step: &Step) -> Tensor {
        // A part of a larger output leaves the rest as it is.
        let mut result = self.read(&step.output);
        let mut turns = vec![0; rearrangement.loops.len()];
        let strides = result.shape().strides();
        let runs: usize = rearrangement.loops.iter().map(|each| each.size).product();
        for mut run in 0..runs {
            for (turn, each) in turns.iter_mut().zip(&rearrangement.loops).rev() {
                *turn = run % each.size;
                run /= each.size;
            }
            let mut to = vec![0; result.shape().rank()];
            if let Some(start) = to.get_mut(rearrangement.start.axis) {
                *start = rearrangement.start.step;
            }
            let mut from = Some(vec![0; input.shape().rank()]);
            for (&turn, each) in turns.iter().zip(&rearrangement.loops) {
                to[each.output.axis] += turn * each.output.step;
                match (each.table[turn], &mut from) {
                    (Some(more), Some(from)) => from[each.input] += more,
                    _ => from = None,
                }
            }
            let place: usize = to.iter().zip(&strides).map(|(i, stride)| i * stride).sum();
            result.data_mut()[place] = from.map_or(rearrangement.fill, |from| input.at(&from));
        }
        result
    }

    /// Whether the step writes to memory of its own.
    fn check(&self, step: &Step) -> Result<()> {
        let slot = |view: &View| match self.plan.buffers[view.buffer].content {
            Content::Slot(slot) => Some(slot),
            Content::Constant(_) => None,
        };
        let channels = |view: &View| view.first..view.first + view.shape.get(1).copied().unwrap_or(1);
        let output = &step.output;
        if slot(output).is_none() {
            return Err(Error::Unsupported { what: "writing to a constant".into() });
        }
        for view in step.reads().filter(|view| slot(view) == slot(output)) {
            let (read, written) = (channels(view), channels(output));
            let apart = read.end <= written.start || written.end <= read.start;
            if view.buffer != output.buffer || !apart {
                return Err(Error::Unsupported {
                    what: format!("reading {view:?} while writing {output:?}"),
                });
            }
        }
        Ok(())
    }

    fn read(&self, view: &View) -> Tensor {
        let buffer = &self.plan.buffers[view.buffer];
        let data = match &buffer.content {
            Content::Constant(tensor) => tensor.data(),
            Content::Slot(slot) => &self.slots[*slot],
        };
        let strides = buffer.shape.strides();
        Tensor::from_fn(view.shape.clone(), |at| data[place(view, &strides, at)])
    }

    fn write(&mut self, view: &View, f: impl Fn(&[usize]) -> f32) {
        let buffer = &self.plan.buffers[view.buffer];
        let Content::Slot(slot) = buffer.content else { return };
        let strides = buffer.shape.strides();
        let data = &mut self.slots[slot];
        // The tensor is only a way to walk all indices.
        Tensor::from_fn(view.shape.clone(), |at| {
            data[place(view, &strides, at)] = f(at);
            0.0
        });
    }
}

/// The place in a buffer of an element of a view.
fn place(view: &View, strides: &[usize], at: &[usize]) -> usize {
    let first = if view.first == 0 { 0 } else { view.first * strides[1] };
    first + at.iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>()
}

fn agree(what: &str, is: &Shape, said: &Shape) -> Result<()> {
    let message = || format!("{what} is {is}, and the plan says {said}");
    if is == said { Ok(()) } else { Err(Error::Unsupported { what: message() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs like the interpreter, and errs by a thousandth of one element of its answer.
    struct Wrong;

    impl Device for Wrong {
        fn name(&self) -> String {
            "wrong".into()
        }

        fn compile(&self, plan: &FusedPlan, _: Precision) -> Result<Box<dyn Executable>> {
            Ok(Box::new(WrongProgram(Interpreter.compile(plan, Precision::Full)?)))
        }
    }

    struct WrongProgram(Box<dyn Executable>);

    impl Executable for WrongProgram {
        fn run_watched(&mut self, input: &Tensor, watcher: StepWatcher) -> Result<Tensor> {
            let mut output = self.0.run_watched(input, watcher)?;
            let largest = output.data().iter().fold(0.0, |most: f32, v| most.max(v.abs()));
            let middle = output.data().len() / 2;
            output.data_mut()[middle] += 2e-3 * largest.max(1.0);
            Ok(output)
        }
    }

    #[test]
    fn errors_are_found() {
        for case in crate::conformance::cases().into_iter().step_by(7) {
            let check =
                || crate::conformance::check_cases(&Wrong, Precision::Full, std::slice::from_ref(&case));
            assert!(std::panic::catch_unwind(check).is_err(), "{} allows any error", case.name);
        }
    }

    #[test]
    fn plans_mean_what_their_graphs_mean() {
        crate::conformance::check(&Interpreter, Precision::Full);
    }
}
