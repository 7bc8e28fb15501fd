//! The kernels, one per file, and the one place that knows them all.

mod activation;
mod attention;
mod blocks;
mod conv;
mod copy;
mod depthwise;
mod grid_sample;
mod group_norm;
mod integers;
mod layer_norm;
mod linear;
mod matmul;
mod narrow;
mod pack;
mod panels;
mod pointwise;
mod pool;
mod rearrange;
mod reduce;
mod resize;
mod scratch;
mod softmax;
mod taps;
mod vectors;
mod winograd;

use std::mem::take;

use amplio_graph::ops::Conv2d;
use amplio_graph::plan::{self, Step};
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch};

pub(crate) use pack::{Filters, Form, Packed, memory, vectors};
pub(crate) use winograd::phase::Phase;

use self::attention::Attention;
use self::conv::Conv;
use self::copy::Copy;
use self::depthwise::Depthwise;
use self::grid_sample::GridSample;
use self::group_norm::GroupNorm;
use self::layer_norm::LayerNorm;
use self::linear::Linear;
use self::matmul::MatMul;
use self::narrow::Narrow;
use self::pointwise::Pointwise;
use self::pool::Pool;
use self::rearrange::Rearrange;
use self::reduce::Reduce;
use self::resize::Resize;
use self::softmax::Softmax;
use self::winograd::Winograd;
use crate::compiler::Compiler;
use crate::epilogue::Link;

/// A call of a kernel. Each kernel is dispatched on its own, so that each is compiled as a function of its own.
struct Fill<'a, 'p, K> {
    kernel: &'a K,
    inputs: &'a [PixelsRef<'a>],
    first: usize,
    pixels: &'a mut PixelsMut<'p>,
}

macro_rules! kernels {
    ($($name:ident),* $(,)?) => {
        /// A kernel, ready to run.
        #[derive(Debug)]
        pub(crate) enum Compiled { $($name($name),)* }

        impl Compiled {
            /// How many pixels it computes at once; a run is a whole number of them.
            pub(crate) fn grain(&self, result: &Shape) -> usize {
                match self { $(Self::$name(kernel) => kernel.grain(result),)* }.max(1)
            }

            /// Computes `pixels`, which begin at number `first` of its result and are a grain, or what is left of one at the
            /// end.
            pub(crate) fn fill(&self, level: Level, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
                match self { $(Self::$name(kernel) => dispatch(level, Fill { kernel, inputs, first, pixels }),)* }
            }
        }

        $(impl Kernel for Fill<'_, '_, $name> {
            type Output = ();

            #[inline(always)]
            fn run<I: Isa>(self, isa: I) {
                self.kernel.fill(isa, self.inputs, self.first, self.pixels);
            }
        })*
    };
}

kernels!(
    Attention, Conv, Copy, Depthwise, GridSample, GroupNorm, LayerNorm, Linear, MatMul, Narrow, Pointwise,
    Pool, Rearrange, Reduce, Resize, Softmax, Winograd,
);

/// The kernels among which a convolution chooses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Depthwise,
    Narrow,
    Pointwise,
    Winograd,
    Direct,
}

impl Choice {
    /// For a step that is this convolution of an input as if each of its pixels were a block of `enlarge` by `enlarge`.
    fn of(step: &Step, conv: &Conv2d, enlarge: usize, form: Form) -> Self {
        if Depthwise::suits(conv) {
            Self::Depthwise
        } else if Narrow::suits(conv) && step.inputs.len() == 1 {
            Self::Narrow
        } else if conv.is_pointwise() && enlarge == 1 {
            Self::Pointwise
        } else if form != Form::Taps && Winograd::suits(conv) {
            Self::Winograd
        } else {
            Self::Direct
        }
    }
}

/// Whether the kernel of a step reads floats of 16 bits as well; its epilogue always does.
pub(crate) fn reads_half(step: &Step, form: Form) -> bool {
    match &step.kernel {
        plan::Kernel::Copy => true,
        plan::Kernel::Conv { conv, enlarge } => Choice::of(step, conv, *enlarge, form) != Choice::Depthwise,
        _ => false,
    }
}

/// Whether the kernel of a step is faster with floats of 16 bits: it widens them where it reads them, and memory is what it waits for.
pub(crate) fn wants_half(step: &Step, form: Form) -> bool {
    let plan::Kernel::Conv { conv, enlarge } = &step.kernel else { return false };
    matches!(Choice::of(step, conv, *enlarge, form), Choice::Winograd | Choice::Narrow)
}

/// Whether a number that cannot be carried is found by a step that reads the result of this one: who makes integers of numbers looks for
/// the largest.
fn is_checked_later(step: &Step, compiler: &Compiler) -> bool {
    let form = compiler.form();
    form == Form::Integers
        && compiler.plan.steps.iter().any(|reader| {
            let plan::Kernel::Conv { conv, enlarge } = &reader.kernel else { return false };
            reader.inputs.iter().any(|view| view.covers(&step.output))
                && Choice::of(reader, conv, *enlarge, form) == Choice::Winograd
        })
}

impl Compiled {
    /// Whether it stores floats of 16 bits by itself.
    pub(crate) fn stores_half(&self) -> bool {
        matches!(self, Self::Winograd(_) | Self::Conv(_) | Self::Pointwise(_))
    }

    /// The kernel of a step. It takes from `epilogue` what it does itself.
    pub(crate) fn new(step: &Step, compiler: &Compiler, epilogue: &mut Vec<Link>) -> Result<Self> {
        Ok(match &step.kernel {
            plan::Kernel::Copy => Self::Copy(Copy::new(step)?),
            plan::Kernel::Conv { conv, enlarge } => match Choice::of(step, conv, *enlarge, compiler.form()) {
                Choice::Depthwise => Self::Depthwise(Depthwise::new(step, conv, *enlarge)?),
                Choice::Narrow => Self::Narrow(Narrow::new(step, conv, *enlarge, compiler)?),
                Choice::Pointwise => Self::Pointwise(Pointwise::new(step, conv, compiler, epilogue)?),
                Choice::Winograd => {
                    Self::Winograd(Winograd::new(step, conv, *enlarge, compiler, take(epilogue))?)
                }
                Choice::Direct => Self::Conv(Conv::new(step, conv, *enlarge, compiler, epilogue)?),
            },
            plan::Kernel::ConvTranspose(op) => Self::Conv(Conv::transposed(step, op, compiler, epilogue)?),
            plan::Kernel::Resize(op) => Self::Resize(Resize::new(step, op)?),
            plan::Kernel::GridSample(op) => Self::GridSample(GridSample::new(step, op)?),
            plan::Kernel::Pool(op) => Self::Pool(Pool::new(step, op)?),
            plan::Kernel::Reduce(op) => Self::Reduce(Reduce::new(step, op)?),
            plan::Kernel::LayerNorm(op) => Self::LayerNorm(LayerNorm::new(step, op)?),
            plan::Kernel::GroupNorm(op) => Self::GroupNorm(GroupNorm::new(step, op)?),
            plan::Kernel::Softmax(op) => Self::Softmax(Softmax::new(step, op)?),
            plan::Kernel::MatMul(_) => match Linear::new(step, compiler)? {
                Some(linear) => Self::Linear(linear),
                None => Self::MatMul(MatMul::new(step)?),
            },
            plan::Kernel::Attention(op) => Self::Attention(Attention::new(step, op, compiler)?),
            plan::Kernel::Rearrange(op) => Self::Rearrange(Rearrange::new(step, op)?),
        })
    }
}
