//! One step of a plan: its kernel over runs of rows, its epilogue, its store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amplio_graph::ops::BinaryFn;
use amplio_graph::plan::{Epilogue, Operand, Step};
use amplio_graph::{Result, Shape};
use amplio_simd::{Element, Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch, f16};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::compiler::Compiler;
use crate::elementwise::magnitude;
use crate::epilogue::Link;
use crate::kernels::Compiled;
use crate::layout::{channels, pixels, row};

/// Runs of rows for each thread, so that none waits long for the slowest.
const RUNS_PER_THREAD: usize = 32;

/// A step, ready to run.
#[derive(Debug)]
pub(crate) struct CompiledStep {
    kernel: Compiled,
    /// Pixels of the result of the kernel.
    pixels: usize,
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

/// The store of a step that turns channels into blocks of pixels.
#[derive(Debug)]
struct Shuffle {
    r: usize,
    /// Pixels in a row of the kernel's result.
    width: usize,
    /// The picture that is added, if that is what comes first: each of its pixels to all of a block.
    base: Option<usize>,
    after: Vec<Link>,
}

impl CompiledStep {
    pub(crate) fn new(step: &Step, compiler: &Compiler) -> Result<Self> {
        let (mut before, mut shuffle) = (Vec::new(), None::<Shuffle>);
        let mut shape = step.result.clone();
        let mut input = step.inputs.len();
        for op in &step.epilogue {
            if let (Epilogue::PixelShuffle(r), None) = (op, &shuffle) {
                shuffle = Some(Shuffle { r: *r, width: row(&shape), base: None, after: Vec::new() });
                shape = shuffled(&shape, *r);
                continue;
            }
            let compiled = Link::new(op, &shape, input)?;
            match &mut shuffle {
                None => before.push(compiled),
                Some(shuffle) if shuffle.is_base(op, &shape) => shuffle.base = Some(input),
                Some(shuffle) => shuffle.after.push(compiled),
            }
            input += op.reads().len();
        }
        let kernel = Compiled::new(step, compiler, &mut before)?;
        let grain = kernel.grain(&step.result);
        let (pixels, channels) = (pixels(&step.result), channels(&step.result));
        // A rearrangement may fill only a part of its output, and looks at all of it.
        let pixels = if shuffle.is_none() { crate::layout::pixels(&step.output.shape) } else { pixels };
        Ok(Self { kernel, pixels, channels, grain, before, shuffle, overflow: compiler.overflow.clone() })
    }

    /// Runs the step on the threads of `pool`. `inputs` are the views that the step reads, in the order of
    /// [`Step::reads`].
    pub(crate) fn run(&self, level: Level, pool: &ThreadPool, inputs: &[PixelsRef], output: PixelsMut) {
        let grains = self.pixels.div_ceil(self.grain);
        let run = grains.div_ceil(pool.current_num_threads() * RUNS_PER_THREAD).max(1) * self.grain;
        let enlarged = self.shuffle.as_ref().map_or(1, |shuffle| shuffle.r * shuffle.r);
        let runs: Vec<_> = output.chunks(run * enlarged).collect();
        pool.install(|| {
            runs.into_par_iter().enumerate().for_each(|(i, output)| match &self.shuffle {
                Some(shuffle) => self.fill_shuffled(level, inputs, i * run, output, shuffle),
                None if output.is_half() && !self.kernel.stores_half() => {
                    self.fill_halved(level, inputs, i * run, output);
                }
                None => self.fill(level, inputs, i * run, output),
            });
        });
    }

    /// Computes the pixels of the result from `first` on.
    fn fill(&self, level: Level, inputs: &[PixelsRef], first: usize, output: PixelsMut) {
        for (i, mut pixels) in output.chunks(self.grain).enumerate() {
            let first = first + i * self.grain;
            self.kernel.fill(level, inputs, first, &mut pixels);
            for op in &self.before {
                op.apply(level, inputs, first, &mut pixels);
            }
        }
    }

    /// As [`CompiledStep::fill`], and rounds the result to floats of 16 bits.
    fn fill_halved(&self, level: Level, inputs: &[PixelsRef], first: usize, output: PixelsMut) {
        let mut grain = vec![0.0; self.grain * self.channels];
        for (i, mut halves) in output.chunks(self.grain).enumerate() {
            let grain = &mut grain[..halves.pixels() * self.channels];
            self.fill(level, inputs, first + i * self.grain, PixelsMut::dense(grain, self.channels));
            if !dispatch(level, Halve { from: PixelsRef::dense(grain, self.channels), to: &mut halves }) {
                self.overflow.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Computes the pixels of the kernel's result from `first` on, and spreads their channels over `output`.
    fn fill_shuffled(
        &self,
        level: Level,
        inputs: &[PixelsRef],
        first: usize,
        output: PixelsMut,
        shuffle: &Shuffle,
    ) {
        let mut grain = vec![0.0; self.grain * self.channels];
        let block = shuffle.r * shuffle.r;
        for (i, mut larger) in output.chunks(self.grain * block).enumerate() {
            let first = first + i * self.grain;
            let grain = &mut grain[..larger.pixels() / block * self.channels];
            let mut pixels = PixelsMut::dense(grain, self.channels);
            self.kernel.fill(level, inputs, first, &mut pixels);
            for op in &self.before {
                op.apply(level, inputs, first, &mut pixels);
            }
            shuffle.store(grain, inputs, first, &mut larger);
            for op in &shuffle.after {
                op.apply(level, inputs, first * block, &mut larger);
            }
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
            let to = self.to.half_pixel(i).chunks_mut(I::LANES);
            for (to, from) in to.zip(self.from.pixel(i).chunks(I::LANES)) {
                let x = isa.load_partial(from);
                largest = isa.max_i32(largest, isa.reinterpret_i32(isa.abs(x)));
                f16::store_partial(isa, to, x);
            }
        }
        magnitude(isa, largest) <= f16::LARGEST
    }
}

impl Shuffle {
    /// Whether the operation is the first after the shuffle, and adds to a picture of this shape one that has a pixel for each
    /// block.
    fn is_base(&self, op: &Epilogue, shape: &Shape) -> bool {
        let Epilogue::Binary { function: BinaryFn::Add, operand: Operand::View { view, enlarge }, .. } = op
        else {
            return false;
        };
        let blocks = [shape[0], shape[1], shape[2] / self.r, shape[3] / self.r];
        self.base.is_none() && self.after.is_empty() && *enlarge == self.r && view.shape[..] == blocks
    }

    /// Spreads rows of pixels of `c * r * r` channels over `r` times as many rows of `r` times as many pixels. The first of them
    /// is number `first` of the kernel's result.
    fn store(&self, from: &[f32], inputs: &[PixelsRef], first: usize, to: &mut PixelsMut) {
        // Loops of which the compiler knows the length.
        match (self.r, to.channels()) {
            (4, 3) => self.store_blocks(from, inputs, first, to, 4, &mut [0.0; 3]),
            (3, 3) => self.store_blocks(from, inputs, first, to, 3, &mut [0.0; 3]),
            (2, 3) => self.store_blocks(from, inputs, first, to, 2, &mut [0.0; 3]),
            (r, channels) => self.store_blocks(from, inputs, first, to, r, &mut vec![0.0; channels]),
        }
    }

    /// As [`Shuffle::store`], of blocks of `r` by `r` pixels with as many channels as `base`, in which it keeps what is added.
    #[inline(always)]
    fn store_blocks(
        &self,
        from: &[f32],
        inputs: &[PixelsRef],
        first: usize,
        to: &mut PixelsMut,
        r: usize,
        base: &mut [f32],
    ) {
        let width = self.width;
        for (p, channels) in from.chunks_exact((base.len() * r * r).max(1)).enumerate() {
            match self.base.map(|input| &inputs[input]) {
                None => {}
                Some(input) if input.is_half() => {
                    base.iter_mut().zip(input.half_pixel(first + p)).for_each(|(to, x)| *to = x.to_f32());
                }
                Some(input) => base.copy_from_slice(input.pixel(first + p)),
            }
            for i in 0..r {
                let start = ((p / width * r + i) * width + p % width) * r;
                for j in 0..r {
                    let pixel = to.pixel(start + j);
                    for (c, (to, base)) in pixel.iter_mut().zip(&*base).enumerate() {
                        *to = channels[(c * r + i) * r + j] + base;
                    }
                }
            }
        }
    }
}

fn shuffled(shape: &Shape, r: usize) -> Shape {
    Shape::image(shape[0], shape[1] / (r * r), shape[2] * r, shape[3] * r)
}
