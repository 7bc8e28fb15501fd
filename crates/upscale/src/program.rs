use std::mem::take;
use std::ops::{ControlFlow, Range};

use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, Executable, Pixels, Precision, Shape};

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
    /// The number of the band that was made last.
    made: Option<usize>,
    /// Memory for what a band reads.
    read: Vec<f32>,
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
            let band = plan.input_shape().elements().saturating_mul(size_of::<f32>());
            device.bytes(plan, precision).saturating_add(band)
        });
        device.bytes(&self.head, precision).saturating_add(tail)
    }

    /// Makes the program ready to run.
    pub(crate) fn compile(self, device: &dyn Device, precision: Precision) -> Result<Program> {
        let head = Part::new(&self.head, device, precision)?;
        let tail = self.tail.map(|(plan, bands)| {
            let scale = plan.output.shape[2] / plan.input_shape()[2].max(1);
            Ok::<_, Error>(Tail {
                part: Part::new(&plan, device, precision)?,
                bands,
                scale,
                made: None,
                read: Vec::new(),
            })
        });
        Ok(Program { head, tail: tail.transpose()? })
    }
}

impl Program {
    /// Begins to make these rows of a picture of another, as far as that is done all at once: then there are [`Program::rows`].
    pub(crate) fn begin(&mut self, input: &Pixels, rows: Range<usize>, watcher: Share) -> Result<()> {
        let whole = self.work();
        let Some(Tail { part, bands, scale, made, .. }) = &mut self.tail else {
            return self.head.begin(input, rows, 0, whole, watcher);
        };
        *made = None;
        let own = |band: &&Band| band.core.start * *scale < rows.end && band.core.end * *scale > rows.start;
        let (first, last) = (bands.iter().find(own), bands.iter().rfind(own));
        let between = first.map_or(0, |band| band.reads.start)..last.map_or(0, |band| band.reads.end);
        // While one part works, the other keeps only what of it is still to be read.
        part.executable.trim();
        self.head.begin(input, between, 0, whole, watcher)?;
        self.head.executable.trim();
        Ok(())
    }

    /// The first of these rows of the picture: at least one.
    pub(crate) fn rows(&mut self, rows: Range<usize>, watcher: Share) -> Result<Pixels<'_>> {
        let whole = self.work();
        let Some(Tail { part, bands, scale, made, read }) = &mut self.tail else {
            return self.head.rows(rows);
        };
        let is_here = |band: &Band| (band.core.start * *scale..band.core.end * *scale).contains(&rows.start);
        let number = bands.iter().position(is_here);
        let number = number.ok_or_else(|| Error::request(format!("a picture has no rows {rows:?}")))?;
        let Band { core, reads } = &bands[number];
        let first = reads.start * *scale;
        if *made != Some(number) {
            let done = self.head.work() + part.work() * number as u64;
            *made = None;
            let between =
                gathered(reads.clone(), take(read), |rows, data| append(&self.head.rows(rows)?, data))?;
            let own = core.start * *scale - first..core.end * *scale - first;
            part.begin(&between, own, done, whole, watcher)?;
            *read = between.into_data();
            *made = Some(number);
        }
        part.rows(rows.start - first..rows.end.min(core.end * *scale) - first)
    }

    /// All of these rows, in memory of their own.
    pub(crate) fn all_rows(&mut self, rows: Range<usize>, watcher: Share) -> Result<Pixels<'static>> {
        gathered(rows, Vec::new(), |rows, data| append(&self.rows(rows, watcher)?, data))
    }

    /// Multiply-accumulates of a run.
    fn work(&self) -> u64 {
        let tail = self.tail.as_ref().map_or(0, |tail| tail.part.work() * tail.bands.len() as u64);
        self.head.work() + tail
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

    /// Begins to run it for these rows of its result, where `done` of `whole` multiply-accumulates were done before.
    fn begin(
        &mut self,
        input: &Pixels,
        rows: Range<usize>,
        done: u64,
        whole: u64,
        watcher: Share,
    ) -> Result<()> {
        let Self { executable, macs, given } = self;
        let share = |step: usize| (done + macs[step]) as f64 / whole.max(1) as f64;
        *given = executable.begin(input, rows, &mut |step, _| watcher(share(step)))?;
        Ok(())
    }

    /// The first of these rows of the result: at least one.
    fn rows(&mut self, rows: Range<usize>) -> Result<Pixels<'_>> {
        Ok(match &self.given {
            Some(given) => given.rows(rows),
            None => self.executable.rows(rows)?,
        })
    }
}

/// Rows of a picture, in this memory. `some` appends the first of those that it is asked for, and tells how many they are, and their
/// width and channels.
fn gathered(
    mut rows: Range<usize>,
    mut data: Vec<f32>,
    mut some: impl FnMut(Range<usize>, &mut Vec<f32>) -> Result<[usize; 3]>,
) -> Result<Pixels<'static>> {
    let (height, mut width, mut channels) = (rows.len(), 0, 0);
    data.clear();
    while !rows.is_empty() {
        let count;
        [count, width, channels] = some(rows.clone(), &mut data)?;
        rows.start += count;
        data.reserve_exact(rows.len() * width * channels);
    }
    Ok(Pixels::new(height, width, channels, data)?)
}

fn append(rows: &Pixels, data: &mut Vec<f32>) -> Result<[usize; 3]> {
    data.extend_from_slice(rows.data());
    Ok([rows.height(), rows.width(), rows.channels()])
}
