//! The closed set of primitives. Each has a file: its attributes, the rule for its shape, how far it reaches, and one
//! slow, readable reference implementation, which is the truth that every device is measured against.
//!
//! A primitive is rare and deliberate. What model files call an operator or a layer is *lowered* into these; only what
//! cannot be said with them becomes a new one.

mod attention;
mod binary;
mod concat;
mod conv2d;
mod conv_transpose2d;
mod gather;
mod grid_sample;
mod group_norm;
mod layer_norm;
mod matmul;
mod pad;
mod pixel_shuffle;
mod pixel_unshuffle;
mod pool;
mod prelu;
mod reduce;
mod reshape;
mod resize;
mod roll;
mod shift_mask;
mod slice;
mod softmax;
mod transpose;
mod unary;
mod window_partition;
mod window_reverse;

pub use attention::Attention;
pub use binary::{Binary, BinaryFn};
pub use concat::Concat;
pub use conv_transpose2d::ConvTranspose2d;
pub use conv2d::Conv2d;
pub use gather::Gather;
pub use grid_sample::{GridPadding, GridSample};
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub use matmul::MatMul;
pub use pad::{Pad, PadMode};
pub use pixel_shuffle::PixelShuffle;
pub use pixel_unshuffle::PixelUnshuffle;
pub use pool::{Pool, PoolKind};
pub use prelu::Prelu;
pub use reduce::{Reduce, ReduceKind};
pub use reshape::{Dim, Reshape};
pub use resize::{Coordinates, Filter, Resize, Target};
pub use roll::Roll;
pub use shift_mask::ShiftMask;
pub use slice::Slice;
pub use softmax::Softmax;
pub use transpose::Transpose;
pub use unary::Unary;
pub use window_partition::WindowPartition;
pub use window_reverse::WindowReverse;

use crate::receptive::Spread;
use crate::{Result, Shape, Tensor};

/// What every primitive answers for itself.
pub trait Primitive {
    /// Its name, as messages say it.
    const NAME: &'static str;

    /// The largest error that a device may make, relative to the largest magnitude in the reference's answer.
    const TOLERANCE: f32;

    /// The shape of its result.
    ///
    /// # Errors
    /// If the inputs do not fit the operation or each other.
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape>;

    /// Its result, computed plainly. `shape` is what [`Primitive::shape`] has said for these inputs.
    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor;

    /// How far, on the input's grid of pixels, one pixel of its result sees.
    fn spread(&self, inputs: &[&Shape]) -> Spread;

    /// The learned numbers: all tensors that it holds.
    fn learned(&self) -> Vec<&Tensor> {
        Vec::new()
    }

    /// Multiply-accumulates of one run; only the operations that dominate a network's cost count theirs.
    fn macs(&self, _inputs: &[&Shape], _output: &Shape) -> u64 {
        0
    }
}

/// The most elements of a value: their bytes, and sums of a few such numbers, fit in an `isize`.
const MOST_ELEMENTS: usize = isize::MAX as usize / 64;

macro_rules! primitives {
    ($($name:ident),* $(,)?) => {
        /// One operation of a graph: a primitive with its attributes.
        #[derive(Clone, Debug)]
        #[expect(missing_docs, reason = "each variant is documented at the type that it holds")]
        pub enum Op { $($name($name),)* }

        $(impl From<$name> for Op {
            fn from(op: $name) -> Self { Self::$name(op) }
        })*

        impl Op {
            /// Names of all primitives, in alphabetical order.
            pub const NAMES: &[&str] = &[$($name::NAME),*];

            /// The primitive's name, as messages say it.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $name::NAME,)* }
            }

            /// See [`Primitive::TOLERANCE`].
            pub fn tolerance(&self) -> f32 {
                match self { $(Self::$name(_) => $name::TOLERANCE,)* }
            }

            /// See [`Primitive::shape`].
            ///
            /// # Errors
            /// If the inputs do not fit the operation or each other, or the result is too large to count its elements.
            pub fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
                let shape = match self { $(Self::$name(op) => op.shape(inputs),)* }?;
                if shape.elements() > MOST_ELEMENTS {
                    return Err(crate::Error::shape(self.name(), format!("the result {shape} is too large")));
                }
                Ok(shape)
            }

            /// Its result, computed plainly, by [`Primitive::reference`].
            ///
            /// # Errors
            /// If the inputs do not fit the operation or each other.
            pub fn reference(&self, inputs: &[&Tensor]) -> Result<Tensor> {
                let shapes: Vec<_> = inputs.iter().map(|t| t.shape()).collect();
                let shape = self.shape(&shapes)?;
                Ok(match self { $(Self::$name(op) => op.reference(inputs, shape),)* })
            }

            /// See [`Primitive::spread`].
            pub fn spread(&self, inputs: &[&Shape]) -> Spread {
                match self { $(Self::$name(op) => op.spread(inputs),)* }
            }

            /// See [`Primitive::learned`].
            pub fn learned(&self) -> Vec<&Tensor> {
                match self { $(Self::$name(op) => op.learned(),)* }
            }

            /// How many learned numbers it holds.
            pub fn parameters(&self) -> usize {
                self.learned().into_iter().map(|tensor| tensor.data().len()).sum()
            }

            /// See [`Primitive::macs`].
            pub fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
                match self { $(Self::$name(op) => op.macs(inputs, output),)* }
            }
        }
    };
}

primitives!(
    Attention,
    Binary,
    Concat,
    Conv2d,
    ConvTranspose2d,
    Gather,
    GridSample,
    GroupNorm,
    LayerNorm,
    MatMul,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Prelu,
    Reduce,
    Reshape,
    Resize,
    Roll,
    ShiftMask,
    Slice,
    Softmax,
    Transpose,
    Unary,
    WindowPartition,
    WindowReverse,
);

/// The inputs of an operation that takes exactly `N` of them.
fn take<'a, T, const N: usize>(op: &'static str, inputs: &[&'a T]) -> Result<[&'a T; N]> {
    inputs
        .try_into()
        .map_err(|_| crate::Error::shape(op, format!("takes {N} inputs, and has {}", inputs.len())))
}
