//! One step of a plan: its kernel over runs of rows, its epilogue, its store.

use amplio_graph::plan::{Epilogue, Operand, Step};
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::epilogue::Elementwise;
use crate::device::Compiler;
use crate::kernels::Compiled;
use crate::layout::{channels, pixels, row};

/// Runs of rows for each thread, so that none waits long for the slowest.
const RUNS_PER_THREAD: usize = 8;

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
    /// Applied to each row that the kernel has made.
    before: Vec<Elementwise>,
    /// Channels to pixels, and what is applied to the larger rows.
    shuffle: Option<Shuffle>,
}

/// The store of a step that turns channels into blocks of pixels.
#[derive(Debug)]
struct Shuffle {
    r: usize,
    /// Pixels in a row of the kernel's result.
    width: usize,
    after: Vec<Elementwise>,
}

impl CompiledStep {
    pub(crate) fn new(step: &Step, compiler: &Compiler) -> Result<Self> {
        let kernel = Compiled::new(step, compiler)?;
        let (mut before, mut shuffle) = (Vec::new(), None::<Shuffle>);
        let mut shape = step.result.clone();
        let mut input = step.inputs.len();
        for op in &step.epilogue {
            if let (Epilogue::PixelShuffle(r), None) = (op, &shuffle) {
                shuffle = Some(Shuffle { r: *r, width: row(&shape), after: Vec::new() });
                shape = shuffled(&shape, *r);
                continue;
            }
            let compiled = Elementwise::new(op, &shape, input)?;
            shuffle.as_mut().map_or(&mut before, |shuffle| &mut shuffle.after).push(compiled);
            input += usize::from(has_view(op));
        }
        let grain = kernel.grain(&step.result);
        let (pixels, channels) = (pixels(&step.result), channels(&step.result));
        // A rearrangement may fill only a part of its output, and looks at all of it.
        let pixels = if shuffle.is_none() { crate::layout::pixels(&step.output.shape) } else { pixels };
        Ok(Self { kernel, pixels, channels, grain, before, shuffle })
    }

    /// Runs the step on the threads of `pool`. `inputs` are the views that the step reads, in the order of
    /// [`Step::reads`].
    pub(crate) fn run(&self, level: Level, pool: &ThreadPool, inputs: &[PixelsRef], output: PixelsMut) {
        let grains = self.pixels.div_ceil(self.grain);
        let run = grains.div_ceil(pool.current_num_threads() * RUNS_PER_THREAD).max(1) * self.grain;
        let enlarged = self.shuffle.as_ref().map_or(1, |shuffle| shuffle.r * shuffle.r);
        let chunks: Vec<_> = output.chunks(run * enlarged).collect();
        pool.install(|| {
            chunks.into_par_iter().enumerate().for_each(|(i, output)| {
                dispatch(level, Run { step: self, inputs, first: i * run, output });
            });
        });
    }
}

/// A run of rows of a step, for one thread.
struct Run<'a> {
    step: &'a CompiledStep,
    inputs: &'a [PixelsRef<'a>],
    /// The first pixel of the kernel's result.
    first: usize,
    output: PixelsMut<'a>,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { step, inputs, first, output } = self;
        match &step.shuffle {
            None => {
                for (i, mut pixels) in output.chunks(step.grain).enumerate() {
                    let first = first + i * step.grain;
                    step.kernel.fill(isa, inputs, first, &mut pixels);
                    for op in &step.before {
                        op.apply(isa, inputs, &mut pixels, first);
                    }
                }
            }
            Some(shuffle) => {
                let mut row = vec![0.0; step.grain * step.channels];
                for (i, mut larger) in output.chunks(step.grain * shuffle.r * shuffle.r).enumerate() {
                    let first = first + i * step.grain;
                    let mut pixels = PixelsMut::dense(&mut row, step.channels);
                    step.kernel.fill(isa, inputs, first, &mut pixels);
                    for op in &step.before {
                        op.apply(isa, inputs, &mut pixels, first);
                    }
                    shuffle.store(&row, &mut larger);
                    for op in &shuffle.after {
                        op.apply(isa, inputs, &mut larger, first * shuffle.r * shuffle.r);
                    }
                }
            }
        }
    }
}

impl Shuffle {
    /// Spreads rows of pixels of `c * r * r` channels over `r` times as many rows of `r` times as many pixels.
    fn store(&self, from: &[f32], to: &mut PixelsMut) {
        let (r, c) = (self.r, to.channels());
        let blocks = from.chunks_exact(c * r * r);
        for (block, channels) in blocks.enumerate() {
            let (y, x) = (block / self.width, block % self.width);
            for i in 0..r {
                for j in 0..r {
                    let pixel = to.pixel(((y * r + i) * self.width + x) * r + j);
                    for (k, value) in pixel.iter_mut().enumerate() {
                        *value = channels[(k * r + i) * r + j];
                    }
                }
            }
        }
    }
}

fn shuffled(shape: &Shape, r: usize) -> Shape {
    Shape::image(shape[0], shape[1] / (r * r), shape[2] * r, shape[3] * r)
}

fn has_view(op: &Epilogue) -> bool {
    matches!(
        op,
        Epilogue::Prelu(Operand::View { .. }) | Epilogue::Binary { operand: Operand::View { .. }, .. }
    )
}
