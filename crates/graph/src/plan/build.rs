//! Makes the plan of a graph: writes the steps of its groups of operations, in order.

use std::collections::HashMap;
use std::sync::Arc;

use super::group::{Group, Link, constants, groups, is_channel_slice, is_elementwise, nearest_factor};
use super::liveness::{Life, slots};
use super::place::{Home, firsts, homes, is_channel_concat, stays_apart};
use super::{Axis, Buffer, Content, Epilogue, FusedPlan, Kernel, Operand, Rearrangement, Step, View};
use crate::{Error, Graph, Op, Result, Shape, Tensor, Value};

pub(super) fn plan(graph: &Graph, input: &Shape) -> Result<FusedPlan> {
    let mut planner = Planner::new(graph, input)?;
    for (value, _) in graph.nodes() {
        planner.visit(value)?;
    }
    planner.finish()
}

struct Planner<'a> {
    graph: &'a Graph,
    shapes: Vec<Shape>,
    /// Values that do not depend on the picture.
    constants: Vec<Option<Arc<Tensor>>>,
    /// Groups by the value in which they end.
    groups: HashMap<Value, Group>,
    homes: HashMap<Value, Home>,
    /// Where each value is, once it has been made.
    views: Vec<Option<View>>,
    /// The wide buffers that have been opened, by the concatenation they were made for.
    wide: HashMap<Value, usize>,
    buffers: Vec<(Shape, Option<Arc<Tensor>>)>,
    input: usize,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    fn new(graph: &'a Graph, input: &Shape) -> Result<Self> {
        let shapes = graph.shapes(input)?;
        let constants = constants(graph, &shapes)?;
        let groups = groups(graph, &shapes, &constants);
        let own = |value: Value| {
            let lazy_view =
                matches!(graph.node(value).op(), Some(op) if is_channel_slice(op, &shapes[value.index()]));
            graph.node(value).op().is_some() && constants[value.index()].is_none() && !lazy_view
        };
        let homes = homes(graph, &shapes, own);
        let mut views = vec![None; shapes.len()];
        let buffers = vec![(input.clone(), None)];
        views[graph.input().index()] = Some(View { buffer: 0, first: 0, shape: input.clone() });
        let (wide, steps) = (HashMap::new(), Vec::new());
        Ok(Self { graph, shapes, constants, groups, homes, views, wide, buffers, input: 0, steps })
    }

    /// Writes the steps that end in `value`, unless somebody has to ask for it first.
    fn visit(&mut self, value: Value) -> Result<()> {
        if self.constants[value.index()].is_some() {
            return Ok(());
        }
        if stays_apart(self.graph, &self.shapes, value) {
            return Ok(());
        }
        if let Some(Op::Concat(op)) = self.graph.node(value).op() {
            return self.concat(value, op.axis);
        }
        if let Some(group) = self.groups.remove(&value) {
            return self.group(value, group).map_err(|e| e.at(self.graph.node(value).name()));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<FusedPlan> {
        let mut output = self.resolve(self.graph.output())?;
        if output.buffer == self.input || self.buffers[output.buffer].1.is_some() {
            // The network's output is its input, or a constant: a device reads it from a buffer of its own.
            let copy = self.scratch(output.shape.clone());
            self.push("output", Kernel::Copy, vec![output], copy.clone());
            output = copy;
        }
        let mut lives: Vec<Option<Life>> = vec![None; self.buffers.len()];
        let mut touch = |buffer: usize, at: usize| {
            let (shape, constant) = &self.buffers[buffer];
            if constant.is_none() {
                let life = lives[buffer].get_or_insert(Life { from: at, to: at, elements: shape.elements() });
                life.to = at;
            }
        };
        touch(self.input, 0);
        for (i, step) in self.steps.iter().enumerate() {
            step.reads().chain([&step.output]).for_each(|view| touch(view.buffer, i + 1));
        }
        touch(output.buffer, self.steps.len() + 1);

        let live: Vec<Life> = lives.iter().filter_map(|life| *life).collect();
        let (slot_of, sizes) = slots(&live);
        let mut slot_of = slot_of.into_iter();
        let buffers = self.buffers.into_iter().zip(lives).map(|((shape, constant), life)| {
            let content = match constant {
                Some(tensor) => Content::Constant(tensor),
                None => Content::Slot(life.and_then(|_| slot_of.next()).unwrap_or(0)),
            };
            Buffer { shape, content }
        });
        let buffers = buffers.collect();
        Ok(FusedPlan { buffers, steps: self.steps, input: self.input, output, slots: sizes })
    }

    fn concat(&mut self, value: Value, axis: usize) -> Result<()> {
        let target = self.target(value);
        let node = self.graph.node(value);
        let of_channels = is_channel_concat(self.graph, &self.shapes, value);
        for (&input, first) in node.inputs().iter().zip(firsts(node.inputs(), &self.shapes, axis)) {
            let from = self.resolve(input)?;
            let shape = self.shapes[input.index()].clone();
            if of_channels {
                let part = View { buffer: target.buffer, first: target.first + first, shape };
                if from != part {
                    self.push(node.name(), Kernel::Copy, vec![from], part);
                }
            } else {
                let kernel = Kernel::Rearrange(Rearrangement::shifted(&shape, Axis { axis, step: first }));
                self.push(node.name(), kernel, vec![from], target.clone());
            }
        }
        self.views[value.index()] = Some(target);
        Ok(())
    }

    fn group(&mut self, tail: Value, group: Group) -> Result<()> {
        let node = self.graph.node(group.root);
        let Some(op) = node.op() else { return Ok(()) };
        let shape = self.shapes[group.root.index()].clone();
        let (kernel, inputs) = if is_elementwise(op) {
            (Kernel::Copy, vec![self.resolve_as(group.source(), shape.rank())?])
        } else {
            self.kernel(op, node.inputs(), &shape)?
        };
        let epilogue = self.epilogue(&group.epilogue)?;
        let output = self.target(tail);
        let shapes: Vec<_> = node.inputs().iter().map(|v| &self.shapes[v.index()]).collect();
        let macs = op.macs(&shapes, &shape);
        self.steps.push(Step {
            name: node.name().into(),
            kernel,
            inputs,
            epilogue,
            result: shape,
            output: output.clone(),
            macs,
        });
        self.views[tail.index()] = Some(output);
        Ok(())
    }

    fn kernel(&mut self, op: &Op, inputs: &[Value], output: &Shape) -> Result<(Kernel, Vec<View>)> {
        if let Op::Conv2d(conv) = op {
            if stays_apart(self.graph, &self.shapes, inputs[0]) {
                let kernel = Kernel::Conv { conv: conv.clone(), enlarge: 1 };
                return Ok((kernel, self.apart(inputs[0])?));
            }
            let (view, enlarge) = self.enlarged(inputs[0])?;
            return Ok((Kernel::Conv { conv: conv.clone(), enlarge }, vec![view]));
        }
        let mut views = inputs.iter().map(|&input| self.resolve(input)).collect::<Result<Vec<_>>>()?;
        let kernel = match op {
            Op::ConvTranspose2d(op) => Kernel::ConvTranspose(op.clone()),
            Op::Resize(op) => Kernel::Resize(*op),
            Op::GridSample(op) => Kernel::GridSample(*op),
            Op::Pool(op) => Kernel::Pool(*op),
            Op::Reduce(op) => Kernel::Reduce(op.clone()),
            Op::LayerNorm(op) => Kernel::LayerNorm(op.clone()),
            Op::GroupNorm(op) => Kernel::GroupNorm(op.clone()),
            Op::Softmax(op) => Kernel::Softmax(*op),
            Op::MatMul(op) => Kernel::MatMul(*op),
            Op::Attention(op) => Kernel::Attention(*op),
            _ => {
                let shapes: Vec<_> = inputs.iter().map(|v| &self.shapes[v.index()]).collect();
                match Rearrangement::of(op, &shapes, output) {
                    Some(rearrangement) => {
                        views.truncate(1);
                        Kernel::Rearrange(rearrangement)
                    }
                    None => {
                        let flat = self.flatten(views.swap_remove(0));
                        let kernel = Kernel::Rearrange(Rearrangement::flat(&flat.shape, output));
                        return Ok((kernel, vec![flat]));
                    }
                }
            }
        };
        Ok((kernel, views))
    }

    /// The views of what is concatenated; one for those that lie side by side.
    fn apart(&mut self, concat: Value) -> Result<Vec<View>> {
        let mut views: Vec<View> = Vec::new();
        for &part in self.graph.node(concat).inputs() {
            let view = self.resolve(part)?;
            match views.last_mut() {
                Some(last) if (last.buffer, last.first + last.shape[1]) == (view.buffer, view.first) => {
                    last.shape = last.shape.with(1, last.shape[1] + view.shape[1]);
                }
                _ => views.push(view),
            }
        }
        Ok(views)
    }

    fn epilogue(&mut self, links: &[Link]) -> Result<Vec<Epilogue>> {
        let mut epilogue = Vec::with_capacity(links.len());
        for link in links {
            epilogue.push(match link {
                Link::Op { value, continues } => self.operation(*value, *continues)?,
                Link::Fork { function, left, right } => {
                    let (left, right) = (self.epilogue(left)?, self.epilogue(right)?);
                    Epilogue::Fork { function: *function, left, right }
                }
            });
        }
        Ok(epilogue)
    }

    /// The elementwise operation `value` as an epilogue that continues `main`.
    fn operation(&mut self, value: Value, main: Value) -> Result<Epilogue> {
        let node = self.graph.node(value);
        let rank = self.shapes[value.index()].rank();
        match node.op() {
            Some(Op::Unary(function)) => Ok(Epilogue::Unary(*function)),
            Some(Op::PixelShuffle(op)) => Ok(Epilogue::PixelShuffle(op.r)),
            Some(Op::Prelu(op)) => {
                let mut shape = vec![1; rank];
                shape[1] = op.slopes.data().len();
                let slopes = self.constant(op.slopes.clone(), Shape::new(shape));
                Ok(Epilogue::Prelu(Operand::View { view: slopes, enlarge: 1 }))
            }
            Some(Op::Binary(op)) => {
                let swapped = node.inputs()[1] == main && node.inputs()[0] != main;
                let other = node.inputs()[usize::from(!swapped)];
                Ok(Epilogue::Binary { function: op.function, operand: self.operand(other, rank)?, swapped })
            }
            _ => Err(Error::Unsupported { what: "this operation as an epilogue".into() }),
        }
    }

    fn operand(&mut self, value: Value, rank: usize) -> Result<Operand> {
        if let Some(constant) = &self.constants[value.index()]
            && let &[number] = constant.data()
        {
            return Ok(Operand::Scalar(number));
        }
        if self.shapes[value.index()].rank() == rank {
            let (view, enlarge) = self.enlarged(value)?;
            return Ok(Operand::View { view, enlarge });
        }
        Ok(Operand::View { view: self.resolve_as(value, rank)?, enlarge: 1 })
    }

    /// A view of the value, or of what the value enlarges if it is a nearest-neighbour enlargement not yet made.
    fn enlarged(&mut self, value: Value) -> Result<(View, usize)> {
        if self.views[value.index()].is_none()
            && self.constants[value.index()].is_none()
            && let Some(r) = self.graph.node(value).op().and_then(nearest_factor)
        {
            return Ok((self.resolve(self.graph.node(value).inputs()[0])?, r));
        }
        Ok((self.resolve(value)?, 1))
    }

    /// Where the value is; what has waited to be asked for is made now.
    fn resolve(&mut self, value: Value) -> Result<View> {
        if let Some(view) = &self.views[value.index()] {
            return Ok(view.clone());
        }
        let shape = self.shapes[value.index()].clone();
        let node = self.graph.node(value);
        let view = match (&self.constants[value.index()], node.op()) {
            (Some(constant), _) => self.constant(constant.clone(), shape),
            (None, Some(Op::Slice(op))) => {
                let source = node.inputs()[0];
                let from = self.resolve(source)?;
                let (start, _) = op.range(self.shapes[source.index()][1]);
                View { buffer: from.buffer, first: from.first + start, shape }
            }
            (None, Some(Op::Resize(op))) => {
                let from = self.resolve(node.inputs()[0])?;
                let target = self.target(value);
                self.push(node.name(), Kernel::Resize(*op), vec![from], target.clone());
                target
            }
            _ => {
                return Err(Error::Unsupported {
                    what: format!("{} is used before it is made", node.name()),
                });
            }
        };
        self.views[value.index()] = Some(view.clone());
        Ok(view)
    }

    /// A view of the value with dimensions of 1 put before its own, up to `rank`.
    fn resolve_as(&mut self, value: Value, rank: usize) -> Result<View> {
        let own = &self.shapes[value.index()];
        if own.rank() == rank {
            return self.resolve(value);
        }
        let shape = Shape::new([vec![1; rank - own.rank()], own.to_vec()].concat());
        if let Some(constant) = &self.constants[value.index()] {
            return Ok(self.constant(constant.clone(), shape));
        }
        let flat = self.resolve(value)?;
        let flat = self.flatten(flat);
        let kernel = Kernel::Rearrange(Rearrangement::flat(&flat.shape, &shape));
        let target = self.scratch(shape);
        self.push(self.graph.node(value).name(), kernel, vec![flat], target.clone());
        Ok(target)
    }

    /// The elements of a view in row-major order.
    fn flatten(&mut self, view: View) -> View {
        if view.shape.rank() == 1 {
            return view;
        }
        let shape = Shape::new([view.shape.elements()]);
        let kernel = Kernel::Rearrange(Rearrangement::flat(&view.shape, &shape));
        let target = self.scratch(shape);
        self.push("reshape", kernel, vec![view], target.clone());
        target
    }

    /// Where the value is to be written.
    fn target(&mut self, value: Value) -> View {
        let shape = self.shapes[value.index()].clone();
        let Some(&Home { root, first }) = self.homes.get(&value) else { return self.scratch(shape) };
        let next = self.buffers.len();
        let buffer = *self.wide.entry(root).or_insert(next);
        if buffer == next {
            self.buffers.push((self.shapes[root.index()].clone(), None));
        }
        View { buffer, first, shape }
    }

    fn scratch(&mut self, shape: Shape) -> View {
        self.buffers.push((shape.clone(), None));
        View { buffer: self.buffers.len() - 1, first: 0, shape }
    }

    fn constant(&mut self, tensor: Arc<Tensor>, shape: Shape) -> View {
        self.buffers.push((shape.clone(), Some(tensor)));
        View { buffer: self.buffers.len() - 1, first: 0, shape }
    }

    fn push(&mut self, name: &str, kernel: Kernel, inputs: Vec<View>, output: View) {
        let result = output.shape.clone();
        self.steps.push(Step {
            name: name.into(),
            kernel,
            inputs,
            epilogue: Vec::new(),
            result,
            output,
            macs: 0,
        });
    }
}

impl Step {
    /// All views that the step reads, those of its epilogue included.
    pub fn reads(&self) -> impl Iterator<Item = &View> {
        self.inputs.iter().chain(self.epilogue.iter().flat_map(Epilogue::reads))
    }
}
