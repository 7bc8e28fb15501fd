//! The fused plan: what a device runs for one size of input.
//!
//! A plan is a short list of steps. Each is a kernel with an *epilogue*, the elementwise operations that follow it, so
//! that values pass through memory as seldom as possible. Steps read and write *views*: ranges of channels of buffers,
//! so that a dense block's concatenations cost nothing. Buffers whose lives do not overlap share a slot of memory.

mod build;
mod group;
mod liveness;
mod place;
mod rearrange;
mod rows;

use std::fmt;
use std::sync::Arc;

use crate::ops::{
    Attention, BinaryFn, Conv2d, ConvTranspose2d, GridSample, GroupNorm, LayerNorm, MatMul, Pool, Reduce,
    Resize, Softmax, Unary,
};
use crate::{Graph, Result, Shape, Tensor};

pub use rearrange::{Axis, Loop, Rearrangement};

/// What a device runs for one size of input.
#[derive(Clone, Debug)]
pub struct FusedPlan {
    /// Everything that steps read and write.
    pub buffers: Vec<Buffer>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The buffer into which the network's input goes.
    pub input: usize,
    /// Where the network's output is after the last step.
    pub output: View,
    /// For each slot of memory, the elements of the largest buffer that lives in it.
    pub slots: Vec<usize>,
}

/// A tensor that steps read and write.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// Its dimensions.
    pub shape: Shape,
    /// What is in it.
    pub content: Content,
}

/// What is in a [`Buffer`].
#[derive(Clone, Debug)]
pub enum Content {
    /// A constant of the network.
    Constant(Arc<Tensor>),
    /// The network's input or the results of steps, in a slot of memory that other buffers use at other times.
    Slot(usize),
}

/// A buffer, or a range of the channels (axis 1) of a picture-shaped one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Index of the buffer.
    pub buffer: usize,
    /// The first channel.
    pub first: usize,
    /// Dimensions of the view: those of the buffer but for the number of channels.
    pub shape: Shape,
}

impl View {
    /// Whether it shows all that another one shows.
    pub fn covers(&self, other: &Self) -> bool {
        let end = |view: &Self| view.first + view.shape[1];
        self == other
            || self.buffer == other.buffer
                && [self, other].iter().all(|view| view.shape.rank() == 4)
                && self.first <= other.first
                && end(self) >= end(other)
    }
}

/// One kernel with its epilogue.
#[derive(Clone, Debug)]
pub struct Step {
    /// The path of the layer in the network, for messages and tables.
    pub name: String,
    /// What is computed.
    pub kernel: Kernel,
    /// What it reads.
    pub inputs: Vec<View>,
    /// What happens to each result before it is stored, in order.
    pub epilogue: Vec<Epilogue>,
    /// The dimensions of the kernel's result, before the epilogue.
    pub result: Shape,
    /// Where the result goes.
    pub output: View,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// What a [`Step`] computes, before its epilogue.
#[derive(Clone, Debug)]
pub enum Kernel {
    /// The input, broadcast to the shape of the result.
    Copy,
    /// A convolution. If it has one group, its input may be several views, whose channels count one after the other; unless it is
    /// pointwise, those of each are a multiple of 16.
    Conv {
        /// The convolution.
        conv: Conv2d,
        /// It reads its input as if each pixel were a block of `enlarge` by `enlarge`.
        enlarge: usize,
    },
    /// A transposed convolution.
    ConvTranspose(ConvTranspose2d),
    /// Resampling.
    Resize(Resize),
    /// Sampling at given places.
    GridSample(GridSample),
    /// Pooling over windows.
    Pool(Pool),
    /// Reduction over axes.
    Reduce(Reduce),
    /// Normalisation over one axis.
    LayerNorm(LayerNorm),
    /// Normalisation over groups of channels.
    GroupNorm(GroupNorm),
    /// Softmax along an axis.
    Softmax(Softmax),
    /// Matrix product.
    MatMul(MatMul),
    /// Attention.
    Attention(Attention),
    /// Moving elements without changing them.
    Rearrange(Rearrangement),
}

/// An elementwise operation after a kernel.
#[derive(Clone, Debug)]
pub enum Epilogue {
    /// A function of each element.
    Unary(Unary),
    /// `x` if positive, else `slope * x`.
    Prelu(Operand),
    /// A function of each element and the operand's.
    Binary {
        /// The function.
        function: BinaryFn,
        /// The other side.
        operand: Operand,
        /// Whether the operand is the function's first argument.
        swapped: bool,
    },
    /// A function of what two chains of operations make of the same element. The chains hold no shuffle and no fork.
    Fork {
        /// The function.
        function: BinaryFn,
        /// The chain that gives its first argument; an empty one gives the element as it is.
        left: Vec<Epilogue>,
        /// The chain that gives its second argument.
        right: Vec<Epilogue>,
    },
    /// Channels to pixels; at most once in an epilogue, and only after a convolution. What follows it sees the larger
    /// picture.
    PixelShuffle(usize),
}

/// The other side of an elementwise operation.
#[derive(Clone, Debug)]
pub enum Operand {
    /// The same number for all.
    Scalar(f32),
    /// A view that broadcasts to the result: the same rank, each dimension equal to the result's or 1.
    View {
        /// The view.
        view: View,
        /// It is read as if each pixel were a block of `enlarge` by `enlarge`.
        enlarge: usize,
    },
}

impl FusedPlan {
    /// The plan of `graph` for an input of this shape.
    ///
    /// # Errors
    /// If the graph does not take an input of this shape.
    pub fn new(graph: &Graph, input: &Shape) -> Result<Self> {
        build::plan(graph, input)
    }

    /// Dimensions of the input.
    pub fn input_shape(&self) -> &Shape {
        &self.buffers[self.input].shape
    }

    /// Bytes of the working memory in which `f32` buffers live.
    pub fn bytes(&self) -> usize {
        self.slots.iter().fold(0, |sum, n| n.saturating_mul(size_of::<f32>()).saturating_add(sum))
    }

    /// Multiply-accumulates of one run.
    pub fn macs(&self) -> u64 {
        self.steps.iter().map(|step| step.macs).sum()
    }
}

impl Kernel {
    /// What kind of kernel it is, for messages and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Conv { .. } => "conv",
            Self::ConvTranspose(_) => "conv_transpose",
            Self::Resize(_) => "resize",
            Self::GridSample(_) => "grid_sample",
            Self::Pool(_) => "pool",
            Self::Reduce(_) => "reduce",
            Self::LayerNorm(_) => "layer_norm",
            Self::GroupNorm(_) => "group_norm",
            Self::Softmax(_) => "softmax",
            Self::MatMul(_) => "matmul",
            Self::Attention(_) => "attention",
            Self::Rearrange(_) => "rearrange",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel.name())?;
        if let Kernel::Conv { conv, enlarge } = &self.kernel {
            write!(f, " {}", conv.weight.shape())?;
            if *enlarge > 1 {
                write!(f, " on nearest x{enlarge}")?;
            }
        }
        self.epilogue.iter().try_for_each(|op| write!(f, " + {op}"))
    }
}

impl fmt::Display for Epilogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = |ops: &[Self]| ops.iter().map(Self::to_string).collect::<Vec<_>>().join(" + ");
        match self {
            Self::Unary(function) => write!(f, "{function:?}"),
            Self::Prelu(_) => f.write_str("Prelu"),
            Self::Binary { function, .. } => write!(f, "{function:?}"),
            Self::Fork { function, left, right } => {
                write!(f, "{function:?} of ({}) and ({})", chain(left), chain(right))
            }
            Self::PixelShuffle(r) => write!(f, "shuffle x{r}"),
        }
    }
}

impl Epilogue {
    /// The views that the operation reads, in order.
    pub fn reads(&self) -> Vec<&View> {
        match self {
            Self::Prelu(Operand::View { view, .. })
            | Self::Binary { operand: Operand::View { view, .. }, .. } => vec![view],
            Self::Fork { left, right, .. } => left.iter().chain(right).flat_map(Self::reads).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_cover_views_of_fewer_channels_of_their_buffer() {
        let view = |buffer, first, channels| View { buffer, first, shape: Shape::image(1, channels, 4, 4) };
        let wide = view(0, 8, 24);
        for (other, expected) in [
            (wide.clone(), true),
            (view(0, 8, 8), true),
            (view(0, 16, 16), true),
            (view(0, 16, 17), false),
            (view(0, 7, 8), false),
            (view(1, 8, 8), false),
        ] {
            assert_eq!(wide.covers(&other), expected, "{other:?}");
        }
        let vectors = |first| View { buffer: 0, first, shape: Shape::new([4, 24]) };
        assert!(vectors(0).covers(&vectors(0)));
        assert!(!vectors(0).covers(&vectors(8)), "channels are not an axis of its own there");
    }
}
