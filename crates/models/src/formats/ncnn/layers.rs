//! The kinds of layers. Each is a constant in a file and an entry in [`LAYERS`]; activations, which differ in a formula
//! only, share a file.
//!
//! NCNN knows no batch. A picture is held as one of a batch of one, a matrix as `[1, rows, columns]`, and a vector as
//! `[1, numbers, 1, 1]`, so that it may be a factor for each channel of a picture.

mod activation;
mod binary_op;
mod clip;
mod concat;
pub(super) mod convolution;
mod crop;
mod deconvolution;
mod eltwise;
mod inner_product;
mod input;
mod interp;
mod matmul;
mod memory_data;
mod norm;
mod padding;
mod pixel_shuffle;
mod pooling;
mod prelu;
mod reduction;
mod reorg;
mod reshape;
mod scale;
mod slice;
mod softmax;
mod split;
mod unary_op;

use amplio_graph::Value;

use super::malformed;
use super::numbers::Numbers;
use super::param::Layer;
use crate::formats::net::Net;
use crate::{Error, Result};

/// A kind of layer.
pub(super) struct LayerKind {
    /// Its name in text.
    pub(super) name: &'static str,
    /// Its number in binary.
    pub(super) index: u32,
    /// Writes the layer as primitives and returns what it makes.
    pub(super) lower: fn(&mut Task<'_, '_>) -> Result<Vec<Value>>,
}

/// A layer that is to be lowered.
pub(super) struct Task<'a, 'n> {
    pub(super) layer: &'a Layer,
    pub(super) inputs: &'a [Value],
    /// What the network is given.
    pub(super) picture: Value,
    pub(super) net: &'a mut Net,
    pub(super) numbers: &'a mut Numbers<'n>,
}

/// All kinds of layers.
pub(super) const LAYERS: &[LayerKind] = &[
    activation::ELU,
    activation::GELU,
    activation::HARD_SIGMOID,
    activation::HARD_SWISH,
    activation::MISH,
    activation::RELU,
    activation::SIGMOID,
    activation::SOFTPLUS,
    activation::SWISH,
    activation::TAN_H,
    binary_op::BINARY_OP,
    clip::CLIP,
    concat::CONCAT,
    convolution::CONVOLUTION,
    convolution::CONVOLUTION_DEPTH_WISE,
    crop::CROP,
    deconvolution::DECONVOLUTION,
    deconvolution::DECONVOLUTION_DEPTH_WISE,
    eltwise::ELTWISE,
    inner_product::INNER_PRODUCT,
    input::INPUT,
    interp::INTERP,
    matmul::MAT_MUL,
    memory_data::MEMORY_DATA,
    norm::GROUP_NORM,
    norm::INSTANCE_NORM,
    norm::LAYER_NORM,
    padding::PADDING,
    pixel_shuffle::PIXEL_SHUFFLE,
    pooling::POOLING,
    prelu::PRELU,
    reduction::REDUCTION,
    reorg::REORG,
    reshape::FLATTEN,
    reshape::PERMUTE,
    reshape::RESHAPE,
    scale::BATCH_NORM,
    scale::SCALE,
    slice::SLICE,
    softmax::SOFTMAX,
    split::DEEP_COPY,
    split::DROPOUT,
    split::NOOP,
    split::SPLIT,
    unary_op::UNARY_OP,
];

/// The kind of layer of this name.
pub(super) fn find(name: &str) -> Result<&'static LayerKind> {
    LAYERS.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let known: Vec<_> = LAYERS.iter().map(|kind| kind.name).collect();
        Error::unsupported(format!("layers of the kind {name}; known are {}", known.join(", ")))
    })
}

impl Task<'_, '_> {
    /// The layer's inputs, which are exactly `N`.
    fn take<const N: usize>(&self) -> Result<[Value; N]> {
        let wrong = |_| malformed(format!("reads {} values, and not {N}", self.inputs.len()));
        self.inputs.try_into().map_err(wrong)
    }

    /// An axis as a layer counts it: without the batch, and negative from the end.
    fn axis(&self, value: Value, axis: i32) -> Result<usize> {
        let shape = self.net.shape(value);
        // A vector is held as channels of one pixel.
        let count = if matches!(shape[..], [1, _, 1, 1]) && axis == -1 { 1 } else { shape.rank() as i32 - 1 };
        let axis = if axis < 0 { axis.saturating_add(count) } else { axis };
        match usize::try_from(axis) {
            Ok(place) if place + 1 < shape.rank() => Ok(place + 1),
            _ => Err(malformed(format!("axis {axis} of {shape}"))),
        }
    }
}
