use std::ops::{ControlFlow, Range};

use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, Error as GraphError, Executable, Pixels, Precision, Shape};

use crate::divided::{Band, Divided};
use crate::{Error, Result};

/// A network, compiled for one size of input: whole, or in two parts of which the second runs in bands.
pub(crate) struct Program {
    head: Part,
    tail: Option<Tail>,
}

/// A plan, compiled.
struct Part {
    executable: Box<dyn Executable>,
    /// Multiply-accumulates up to the end of each step.
    macs: Vec<u64>,
    /// The last result, where the device did not lend it.
    given: Option<Pixels<'static>>,
}

struct Tail {
    part: Part,
    bands: Vec<Band>,
    /// Rows of the result for each row that the tail reads.
    scale: usize,
    /// The last result, and its height, width and channels.
    result: Vec<f32>,
    size: [usize; 3],
}

/// Told the share of the work that is done; says whether to go on.
pub(crate) type Share<'a> = &'a dyn Fn(f64) -> ControlFlow<()>;

/// What a program is made of.
pub(crate) struct Plans {
    head: FusedPlan,
    tail: Option<(FusedPlan, Vec<Band>)>,
}

impl Plans {
    /// The plans of a network for an input of this shape.
    pub(crate) fn new(
        network: &Divided,
        input: &Shape,
        device: &dyn Device,
        precision: Precision,
    ) -> Result<Self> {
        let head = FusedPlan::new(network.head(), input)?;
        let Some(tail) = network.tail() else { return Ok(Self { head, tail: None }) };
        let bands = network.bands(&head.output.shape, device, precision)?;
        let mut shape = head.output.shape.to_vec();
        shape[2] = bands.first().map_or(0, |band| band.reads.len());
        Ok(Self { tail: Some((FusedPlan::new(tail, &Shape::new(shape))?, bands)), head })
    }

    /// Bytes of memory that the program takes.
    pub(crate) fn bytes(&self, device: &dyn Device, precision: Precision) -> usize {
        let tail = self.tail.as_ref().map_or(0, |(plan, _)| {
            let result: usize = self.result().iter().product();
            device.bytes(plan, precision).saturating_add(result.saturating_mul(size_of::<f32>()))
        });
        device.bytes(&self.head, precision).saturating_add(tail)
    }

    /// Makes the program ready to run.
    pub(crate) fn compile(self, device: &dyn Device, precision: Precision) -> Result<Program> {
        let (size, scale) = (self.result(), self.scale());
        let head = Part::new(&self.head, device, precision)?;
        let Some((plan, bands)) = self.tail else { return Ok(Program { head, tail: None }) };
        let part = Part::new(&plan, device, precision)?;
        let result = zeros(size.iter().product())?;
        Ok(Program { head, tail: Some(Tail { part, bands, scale, result, size }) })
    }

    /// Rows of the tail's result for each row that it reads.
    fn scale(&self) -> usize {
        self.tail.as_ref().map_or(1, |(plan, _)| plan.output.shape[2] / plan.input_shape()[2].max(1))
    }

    /// Height, width and channels of the result.
    fn result(&self) -> [usize; 3] {
        let last = self.tail.as_ref().map_or(&self.head.output.shape, |(plan, _)| &plan.output.shape);
        [self.head.output.shape[2] * self.scale(), last[3], last[1]]
    }
}

impl Program {
    /// Makes a picture of another: [`Program::result`].
    pub(crate) fn run(&mut self, input: &Pixels, watcher: Share) -> Result<()> {
        let (first, Some(tail)) = (self.head.work(), &mut self.tail) else {
            let whole = self.head.work();
            return self.head.run(input, 0, whole, watcher);
        };
        let Tail { part, bands, scale, result, size: [_, width, channels] } = tail;
        let whole = first + part.work() * bands.len() as u64;
        self.head.run(input, 0, whole, watcher)?;
        let between = self.head.result()?;
        let row = *width * *channels;
        let rows =
            |rows: &Range<usize>, from: usize| (rows.start - from) * *scale..(rows.end - from) * *scale;
        for (i, Band { core, reads }) in bands.iter().enumerate() {
            let done = first + part.work() * i as u64;
            part.run(&between.rows(reads.clone()), done, whole, watcher)?;
            let place = rows(core, 0);
            result[place.start * row..place.end * row]
                .copy_from_slice(part.result()?.rows(rows(core, reads.start)).data());
        }
        Ok(())
    }

    /// The picture that the last run made.
    pub(crate) fn result(&mut self) -> Result<Pixels<'_>> {
        match &self.tail {
            Some(Tail { result, size: [height, width, channels], .. }) => {
                Ok(Pixels::new(*height, *width, *channels, &result[..])?)
            }
            None => self.head.result(),
        }
    }
}

impl Part {
    fn new(plan: &FusedPlan, device: &dyn Device, precision: Precision) -> Result<Self> {
        let mut sum = 0;
        let mut until = |macs: u64| {
            sum += macs;
            sum
        };
        let macs = plan.steps.iter().map(|step| until(step.macs)).collect();
        Ok(Self { executable: device.compile(plan, precision)?, macs, given: None })
    }

    /// Multiply-accumulates of a run.
    fn work(&self) -> u64 {
        self.macs.last().copied().unwrap_or(0)
    }

    /// Runs it, where `done` of `whole` multiply-accumulates were done before.
    fn run(&mut self, input: &Pixels, done: u64, whole: u64, watcher: Share) -> Result<()> {
        let Self { executable, macs, given } = self;
        let share = |step: usize| (done + macs[step]) as f64 / whole.max(1) as f64;
        *given = executable.run_pixels(input, &mut |step, _| watcher(share(step)))?.own();
        Ok(())
    }

    /// What the last run made.
    fn result(&mut self) -> Result<Pixels<'_>> {
        let given = self.given.as_ref().map(|given| given.rows(0..given.height()));
        let nothing = || Error::request("the device has kept no picture");
        given.or_else(|| self.executable.lent_pixels()).ok_or_else(nothing)
    }
}

fn zeros(count: usize) -> Result<Vec<f32>> {
    let mut zeros = Vec::new();
    let bytes = count.saturating_mul(size_of::<f32>());
    zeros.try_reserve_exact(count).map_err(|_| GraphError::OutOfMemory { bytes })?;
    zeros.resize(count, 0.0);
    Ok(zeros)
}
