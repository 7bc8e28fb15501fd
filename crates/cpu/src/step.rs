//! One step of a plan: its kernel over runs of rows, its epilogue, its store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amplio_graph::Result;
use amplio_graph::plan::{Epilogue, Step};
use amplio_simd::{Element, Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch, f16};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::compiler::Compiler;
use crate::device::Cpu;
use crate::elementwise::{larger, magnitude};
use crate::epilogue::Link;
use crate::kernels::Compiled;
use crate::layout::channels;
use crate::shuffle::Shuffle;

/// Runs of rows for each thread, so that none waits long for the slowest.
const RUNS_PER_THREAD: usize = 32;

/// A step, ready to run.
#[derive(Debug)]
pub(crate) struct CompiledStep {
    kernel: Compiled,
    /// Channels of the result of the kernel.
    channels: usize,
    /// The pixels that are computed at once; runs are multiples of it.
    grain: usize,
    /// Applied to what the kernel has made.
    before: Vec<Link>,
    /// Channels to pixels, and what is applied to the larger rows.
    shuffle: Option<Shuffle>,
    /// Set when floats of 16 bits cannot carry a result.
    overflow: Arc<AtomicBool>,
}

impl CompiledStep {
    pub(crate) fn new(step: &Step, compiler: &Compiler) -> Result<Self> {
        let (mut before, mut shuffle) = (Vec::new(), None::<Shuffle>);
        let mut shape = step.result.clone();
        let mut input = step.inputs.len();
        for op in &step.epilogue {
            if let (Epilogue::PixelShuffle(r), None) = (op, &shuffle) {
                let shuffle = shuffle.insert(Shuffle::new(*r, &shape));
                shape = shuffle.shape(&shape);
                continue;
            }
            let link = Link::new(op, &shape, input)?;
            match &mut shuffle {
                None => before.push(link),
                Some(shuffle) => shuffle.follow(op, link, &shape, input),
            }
            input += op.reads().len();
        }
        let kernel = Compiled::new(step, compiler, &mut before)?;
        let grain = kernel.grain(&step.result);
        let (channels, overflow) = (channels(&step.result), compiler.overflow.clone());
        Ok(Self { kernel, channels, grain, before, shuffle, overflow })
    }

    /// Pixels of the output that are computed at once: a part of it begins at a multiple of them.
    pub(crate) fn unit(&self) -> usize {
        self.grain * self.enlarged()
    }

    /// Pixels of the output for each of the kernel's result.
    fn enlarged(&self) -> usize {
        self.shuffle.as_ref().map_or(1, Shuffle::block)
    }

    /// Runs the step on the threads of the device, or on this one if all of them have works of their own. `inputs` are the views that
    /// the step reads, in the order of [`Step::reads`]; `output` is all of what it writes, or a part that begins with pixel `first`.
    pub(crate) fn run(&self, device: &Cpu, inputs: &[PixelsRef], first: usize, output: PixelsMut) {
        let enlarged = self.enlarged();
        let (first, grains) = (first / enlarged, output.pixels().div_ceil(self.unit()));
        let run = grains.div_ceil(device.threads() * RUNS_PER_THREAD).max(1) * self.grain;
        let runs = output.chunks(run * enlarged).enumerate();
        let fill = |(i, output)| self.fill_run(device.level, inputs, first + i * run, output);
        if device.is_busy() {
            runs.for_each(fill);
        } else {
            let runs: Vec<_> = runs.collect();
            // Each by itself: the last thread to end shall not have several left.
            device.pool.install(|| runs.into_par_iter().with_max_len(1).for_each(fill));
        }
    }

    /// Computes the pixels of the kernel's result from `first` on, and stores them as `output` wants them.
    fn fill_run(&self, level: Level, inputs: &[PixelsRef], first: usize, output: PixelsMut) {
        let (block, channels) = (self.enlarged(), self.channels);
        let is_apart = self.is_apart(&output);
        let mut apart = vec![0.0; if is_apart { self.grain * channels } else { 0 }];
        for (i, mut output) in output.chunks(self.grain * block).enumerate() {
            let first = first + i * self.grain;
            if !is_apart {
                self.fill(level, inputs, first, &mut output);
                continue;
            }
            let apart = &mut apart[..output.pixels() / block * channels];
            self.fill(level, inputs, first, &mut PixelsMut::dense(apart, channels));
            match &self.shuffle {
                Some(shuffle) => shuffle.store(level, apart, inputs, first, &mut output),
                None => self.halve(level, PixelsRef::dense(apart, channels), &mut output),
            }
        }
    }

    /// Whether pixels are computed apart from `output`, and stored there when they are done.
    fn is_apart(&self, output: &PixelsMut) -> bool {
        let stores_half = self.kernel.stores_half() && self.before.is_empty();
        self.shuffle.is_some() || (output.is_half() && !stores_half)
    }

    /// Computes a grain of the kernel's result.
    fn fill(&self, level: Level, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        self.kernel.fill(level, inputs, first, pixels);
        for op in &self.before {
            op.apply(level, inputs, first, pixels);
        }
    }

    /// Rounds pixels to floats of 16 bits.
    fn halve(&self, level: Level, from: PixelsRef, to: &mut PixelsMut) {
        if !dispatch(level, Halve { from, to }) {
            self.overflow.store(true, Ordering::Relaxed);
        }
    }
}

/// Rounds pixels to floats of 16 bits, and tells whether these can carry them.
struct Halve<'a, 'p> {
    from: PixelsRef<'a>,
    to: &'a mut PixelsMut<'p>,
}

impl Kernel for Halve<'_, '_> {
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> bool {
        let mut largest = isa.splat_i32(0);
        for i in 0..self.to.pixels() {
            let to = self.to.pixel_of::<f16>(i).chunks_mut(I::LANES);
            for (to, from) in to.zip(self.from.pixel(i).chunks(I::LANES)) {
                let x = isa.load_partial(from);
                largest = larger(isa, largest, &[x]);
                f16::store_partial(isa, to, x);
            }
        }
        magnitude(isa, largest) <= f16::LARGEST
    }
}
