//! The executable: buffers, and the steps in order.

mod halves;
mod row_major;

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use amplio_graph::plan::{Content, FusedPlan, Kernel, Step, View};
use amplio_graph::{Error, Executable, Pixels, Precision, Result, Shape, StepWatcher, Tensor};
use amplio_simd::{AlignedBuf, PixelsMut, PixelsRef, Region, borrow};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

use self::halves::halves;
use self::row_major::{gather, scatter};
use crate::compiler::Compiler;
use crate::device::Cpu;
use crate::kernels::memory as zeros;
use crate::layout::{channels, pixels, region, row};
use crate::step::CompiledStep;

/// A part of one of the program's blocks of memory.
type Place = (usize, Region);

#[derive(Debug)]
pub(crate) struct Program {
    device: Cpu,
    plan: FusedPlan,
    overflow: Arc<AtomicBool>,
    /// The same plan in floats of 32 bits, once fewer bits could not carry a picture.
    full: Option<Box<Program>>,
    /// Whether they could carry the last picture.
    carried: bool,
    /// The plan's slots while they are needed, then its constants, and what of the result is there if the last step makes it a few rows
    /// at a time.
    memory: Vec<AlignedBuf>,
    /// The size of each slot.
    slots: Vec<usize>,
    steps: Vec<PlacedStep>,
    input: (Shape, Place),
    output: (Shape, Place),
    ending: Option<Ending>,
    /// The rows of the output that may be asked for.
    rows: Range<usize>,
}

/// A result of which the last step makes rows when they are wanted.
#[derive(Debug)]
struct Ending {
    /// What is made begins at a multiple of so many rows, and is so many or what is left of them.
    unit: usize,
    each: usize,
    begun: Option<Begun>,
}

/// A result whose rows may be asked for.
#[derive(Debug)]
struct Begun {
    /// What the network was given, should the last step meet a number that it cannot carry.
    input: Pixels<'static>,
    /// The rows that are there.
    made: Range<usize>,
}

/// About so many bytes of a result are made at once.
const AT_ONCE: usize = 2 << 20;

#[derive(Debug)]
struct PlacedStep {
    step: CompiledStep,
    reads: Vec<Place>,
    output: Place,
    /// Pixels of a row of the output.
    width: usize,
}

impl Program {
    pub(crate) fn new(plan: &FusedPlan, device: &Cpu, precision: Precision) -> Result<Self> {
        let overflow = Arc::default();
        let compiler = Compiler { plan, device, precision, overflow: Arc::clone(&overflow) };
        let halves = halves(plan, device, precision);
        let slots = cells(plan, &halves);
        let mut memory: Vec<_> = slots.iter().map(|_| AlignedBuf::default()).collect();
        let mut blocks = Vec::with_capacity(plan.buffers.len());
        for buffer in &plan.buffers {
            blocks.push(match &buffer.content {
                Content::Slot(slot) => *slot,
                Content::Constant(tensor) => {
                    let mut block = zeros(tensor.data().len())?;
                    let mut pixels = PixelsMut::dense(&mut block, channels(&buffer.shape).max(1));
                    scatter(tensor.data(), &buffer.shape, 0, &mut pixels);
                    memory.push(block);
                    memory.len() - 1
                }
            });
        }
        let place = |view: &View| {
            let half = halves[view.buffer];
            (blocks[view.buffer], region(view, &plan.buffers[view.buffer].shape, half))
        };
        let placed = |step: &Step| {
            let compiled = CompiledStep::new(step, &compiler).map_err(|e| e.at(&step.name))?;
            Ok(PlacedStep {
                step: compiled,
                reads: step.reads().map(place).collect(),
                output: place(&step.output),
                width: pixels(&step.output.shape) / step.output.rows().max(1),
            })
        };
        let steps = device.pool.install(|| plan.steps.par_iter().map(placed).collect::<Result<Vec<_>>>())?;
        let input = View { buffer: plan.input, first: 0, shape: plan.input_shape().clone() };
        let (input, mut output) =
            ((input.shape.clone(), place(&input)), (plan.output.shape.clone(), place(&plan.output)));
        let ending =
            steps.last().filter(|_| ends_in_rows(plan)).map(|last| Ending::new(&output.0, last, device));
        if ending.is_some() {
            memory.push(zeros(0)?);
            output.1 = (memory.len() - 1, Region::dense(0, channels(&output.0)));
        }
        Ok(Self {
            ending,
            rows: 0..0,
            plan: plan.clone(),
            overflow,
            full: None,
            carried: true,
            memory,
            slots,
            steps,
            input,
            output,
            device: device.clone(),
        })
    }

    /// The same program in floats of 32 bits, which computes what this one could not carry.
    fn full(&mut self) -> Result<&mut Self> {
        self.trim();
        let full = match self.full.take() {
            Some(full) => full,
            None => Box::new(Self::new(&self.plan, &self.device, Precision::Full)?),
        };
        Ok(self.full.insert(full))
    }

    /// Makes the program ready for an input of this shape: the slots that were given up are there again.
    fn prepare(&mut self, given: &Shape) -> Result<()> {
        if *given != self.input.0 {
            return Err(Error::Input { expected: self.input.0.to_string(), given: given.clone() });
        }
        for (slot, &size) in self.memory.iter_mut().zip(&self.slots) {
            if slot.len() < size {
                *slot = zeros(size)?;
            }
        }
        Ok(())
    }

    /// Runs the steps, but for one that makes rows when they are wanted, as far as these rows of the output need them; says whether
    /// they carry all numbers. The first that does not is the last that runs, as all of them are then run again in full precision.
    fn steps(&mut self, rows: Range<usize>, watcher: StepWatcher) -> Result<bool> {
        let count = self.steps.len() - usize::from(self.ending.is_some());
        if let Some(ending) = &mut self.ending {
            ending.begun = None;
        }
        (self.rows, self.carried) = (0..0, true);
        // A run that was stopped may have met such a number.
        self.overflow.store(false, Ordering::Relaxed);
        let needed = self.plan.rows_for(rows.clone(), |i| self.steps[i].unit());
        for (i, (PlacedStep { step, reads, output, width }, rows)) in
            self.steps[..count].iter().zip(needed).enumerate()
        {
            let start = Instant::now();
            let (reads, writes) = lend(&mut self.memory, reads, &[*output])?;
            for output in writes {
                let (to_end, _) = output.split_at(rows.end * width);
                let (_, output) = to_end.split_at(rows.start * width);
                step.run(&self.device, &reads, rows.start * width, output);
            }
            if watcher(i, start.elapsed()).is_break() {
                return Err(Error::Stopped);
            }
            if self.overflow.load(Ordering::Relaxed) {
                break;
            }
        }
        self.rows = rows;
        Ok(self.carries())
    }

    /// Runs all steps, and says whether they carry all numbers.
    fn all_steps(&mut self, watcher: StepWatcher) -> Result<bool> {
        let all = 0..self.plan.output.rows();
        let carried = self.steps(all.clone(), watcher)?;
        if !carried || self.ending.is_none() {
            return Ok(carried);
        }
        let start = Instant::now();
        self.make(all)?;
        if watcher(self.steps.len() - 1, start.elapsed()).is_break() {
            return Err(Error::Stopped);
        }
        Ok(self.carries())
    }

    /// Whether the steps could carry all numbers since this was asked last.
    fn carries(&mut self) -> bool {
        self.carried = !self.overflow.swap(false, Ordering::Relaxed);
        self.carried
    }

    /// Makes rows of the result, of which the first begins a unit of the last step.
    fn make(&mut self, rows: Range<usize>) -> Result<()> {
        let Some(last) = self.steps.last() else { return Ok(()) };
        let (shape, (block, region)) = &mut self.output;
        *region = Region::dense(rows.len() * last.width, channels(shape));
        let elements = region.pixels * region.channels;
        if self.memory[*block].len() < elements {
            self.memory[*block] = zeros(elements)?;
        }
        let (reads, writes) = lend(&mut self.memory, &last.reads, &[(*block, *region)])?;
        for output in writes {
            last.step.run(&self.device, &reads, rows.start * last.width, output);
        }
        Ok(())
    }

    /// Writes the input.
    fn take(&mut self, input: &Pixels) -> Result<()> {
        self.prepare(&input.shape())?;
        let (_, mut writes) = lend(&mut self.memory, &[], &[self.input.1])?;
        for to in &mut writes {
            for (i, pixel) in input.data().chunks_exact(input.channels()).enumerate() {
                to.pixel(i).copy_from_slice(pixel);
            }
        }
        Ok(())
    }

    fn load(&mut self, input: &Tensor) -> Result<()> {
        self.prepare(input.shape())?;
        let (shape, place) = &self.input;
        let (_, writes) = lend(&mut self.memory, &[], &[*place])?;
        let run = row(shape);
        let rows: Vec<_> = writes.into_iter().flat_map(|pixels| pixels.chunks(run)).collect();
        self.device.pool.install(|| {
            rows.into_par_iter()
                .enumerate()
                .for_each(|(i, mut row)| scatter(input.data(), shape, i * run, &mut row));
        });
        Ok(())
    }

    fn store(&mut self) -> Result<Tensor> {
        let (shape, place) = &self.output;
        let (reads, _) = lend(&mut self.memory, &[*place], &[])?;
        gather(&reads[0], shape, &self.device.pool)
    }

    /// Some of the rows of the output that are there, as a picture.
    fn pixels(&mut self, rows: Range<usize>) -> Result<Pixels<'_>> {
        let (shape, place) = &self.output;
        let (reads, _) = lend(&mut self.memory, &[*place], &[])?;
        let [1, channels, _, width] = shape[..] else {
            return Err(Error::Unsupported { what: format!("the output, {shape}, is not one picture") });
        };
        let pixels = reads[0].slice(rows.start * width..rows.end * width);
        Pixels::new(rows.len(), width, channels, elements(&pixels))
    }
}

impl Executable for Program {
    fn run_watched(&mut self, input: &Tensor, watcher: StepWatcher) -> Result<Tensor> {
        self.load(input)?;
        match self.all_steps(watcher)? {
            true => self.store(),
            false => self.full()?.run_watched(input, watcher),
        }
    }

    fn run_pixels(&mut self, input: &Pixels, watcher: StepWatcher) -> Result<Pixels<'_>> {
        self.take(input)?;
        match self.all_steps(watcher)? {
            true => self.pixels(self.rows.clone()),
            false => self.full()?.run_pixels(input, watcher),
        }
    }

    fn begin(
        &mut self,
        input: &Pixels,
        rows: Range<usize>,
        watcher: StepWatcher,
    ) -> Result<Option<Pixels<'static>>> {
        self.take(input)?;
        if !self.steps(rows.clone(), watcher)? {
            return self.full()?.begin(input, rows, watcher);
        }
        if let Some(ending) = &mut self.ending {
            let [height, width, channels] = [input.height(), input.width(), input.channels()];
            let input = Pixels::new(height, width, channels, input.data().to_vec())?;
            ending.begun = Some(Begun { input, made: 0..0 });
        }
        Ok(None)
    }

    fn rows(&mut self, rows: Range<usize>) -> Result<Pixels<'_>> {
        if !self.carried {
            return self.full()?.rows(rows);
        }
        if rows.is_empty() || rows.start < self.rows.start || rows.end > self.rows.end {
            return Err(Error::Unsupported {
                what: format!("rows {rows:?} of a result of which {:?} were begun", self.rows),
            });
        }
        let (begun, height) = (self.ending.as_mut().and_then(|ending| ending.begun.take()), self.output.0[2]);
        let (Some(ending), Some(mut begun)) = (&self.ending, begun) else { return self.pixels(rows) };
        if !begun.made.contains(&rows.start) {
            let first = rows.start / ending.unit * ending.unit;
            let end = self.rows.end.next_multiple_of(ending.unit).min(height);
            begun.made = first..(first + ending.each).min(end);
            self.make(begun.made.clone())?;
            if !self.carries() {
                let all = self.rows.clone();
                let full = self.full()?;
                full.begin(&begun.input, all, &mut |_, _| ControlFlow::Continue(()))?;
                return full.rows(rows);
            }
        }
        let made = begun.made.clone();
        self.ending.as_mut().map(|ending| ending.begun.insert(begun));
        self.pixels(rows.start - made.start..rows.end.min(made.end) - made.start)
    }

    fn trim(&mut self) {
        let read = self.steps.last().filter(|_| self.ending.is_some()).map_or(&[][..], |last| &last.reads);
        let is_needed = |slot: usize| read.iter().chain([&self.output.1]).any(|&(block, _)| block == slot);
        let slots = self.memory[..self.slots.len()].iter_mut().enumerate();
        for (_, memory) in slots.filter(|(slot, _)| !(self.carried && is_needed(*slot))) {
            *memory = AlignedBuf::default();
        }
        if let Some(full) = &mut self.full {
            full.trim();
        }
    }
}

impl PlacedStep {
    /// The fewest rows that are computed together, and no pixels of others.
    fn unit(&self) -> usize {
        let pixels = self.step.unit().max(1);
        (1..=pixels).find(|rows| (rows * self.width).is_multiple_of(pixels)).unwrap_or(pixels)
    }
}

impl Ending {
    fn new(output: &Shape, last: &PlacedStep, device: &Cpu) -> Self {
        let (unit, row) = (last.unit(), channels(output) * output[3] * size_of::<f32>());
        // Each thread makes as many as the others.
        let fewest = unit * device.threads();
        let each = (AT_ONCE / row.max(1) / fewest).max(1) * fewest;
        Self { unit, each, begun: None }
    }
}

/// Whether the last step, a convolution, alone makes the result, a picture, of what the others have left: it can then make a few rows
/// of it at a time.
fn ends_in_rows(plan: &FusedPlan) -> bool {
    let (output, Some((last, others))) = (&plan.output, plan.steps.split_last()) else { return false };
    let is_apart = |view: &View| view.buffer != output.buffer;
    matches!(last.kernel, Kernel::Conv { .. })
        && last.output == *output
        && plan.buffers[output.buffer].shape == output.shape
        && matches!(output.shape[..], [1, _, _, _])
        && plan.steps.iter().all(|step| step.reads().all(is_apart))
        && others.iter().all(|step| is_apart(&step.output))
}

/// The memory of each of the plan's slots, in floats of 32 bits.
fn cells(plan: &FusedPlan, halves: &[bool]) -> Vec<usize> {
    let mut cells = vec![0; plan.slots.len()];
    let apart = ends_in_rows(plan).then_some(plan.output.buffer);
    for (i, (buffer, half)) in plan.buffers.iter().zip(halves).enumerate() {
        if let Content::Slot(slot) = buffer.content
            && apart != Some(i)
        {
            let elements = buffer.shape.elements();
            cells[slot] = cells[slot].max(if *half { elements.div_ceil(2) } else { elements });
        }
    }
    cells
}

/// Bytes of the memory of a plan's slots, and of the rows of a result that are made at once.
pub(crate) fn bytes(plan: &FusedPlan, device: &Cpu, precision: Precision) -> usize {
    let bytes = |cells: usize| cells.saturating_mul(size_of::<f32>());
    let rows = if ends_in_rows(plan) { bytes(plan.output.shape.elements()).min(AT_ONCE) } else { 0 };
    let slots = cells(plan, &halves(plan, device, precision));
    slots.into_iter().fold(rows, |sum, cells| bytes(cells).saturating_add(sum))
}

/// Pixels one after the other, as they lie if there is nothing between them.
fn elements<'a>(pixels: &PixelsRef<'a>) -> Cow<'a, [f32]> {
    match pixels.as_slice() {
        Some(elements) => Cow::Borrowed(elements),
        None => (0..pixels.pixels()).flat_map(|i| pixels.pixel(i)).copied().collect(),
    }
}

/// Lends parts of memory; that the plan keeps apart what is read and what is written is checked here.
fn lend<'a>(
    memory: &'a mut [AlignedBuf],
    reads: &[Place],
    writes: &[Place],
) -> Result<(Vec<PixelsRef<'a>>, Vec<PixelsMut<'a>>)> {
    borrow(memory, reads, writes).map_err(|e| Error::Unsupported { what: format!("this plan: {e}") })
}
