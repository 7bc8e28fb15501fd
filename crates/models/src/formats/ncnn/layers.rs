//! The kinds of layers. Each is a constant in a file and an entry in [`LAYERS`]; activations, which differ in a formula
//! only, share a file.

mod activation;
mod binary_op;
mod clip;
mod concat;
pub(super) mod convolution;
mod crop;
mod eltwise;
mod input;
mod interp;
mod memory_data;
mod padding;
mod pixel_shuffle;
mod pooling;
mod prelu;
mod reduction;
mod reorg;
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
    eltwise::ELTWISE,
    input::INPUT,
    interp::INTERP,
    memory_data::MEMORY_DATA,
    padding::PADDING,
    pixel_shuffle::PIXEL_SHUFFLE,
    pooling::POOLING,
    prelu::PRELU,
    reduction::REDUCTION,
    reorg::REORG,
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
}
