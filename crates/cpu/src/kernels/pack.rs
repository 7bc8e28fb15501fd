//! Weights in the order in which the convolution kernel walks them.

use std::sync::Arc;

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::{Error, Result, Tensor};
use amplio_simd::{AlignedBuf, Isa, Kernel, Level, dispatch};

use super::panels::widest;
use super::winograd::transforms;

/// The weights of a convolution: for each group and each block of output channels, for each tap, for each input channel,
/// as many vectors as the block has.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) blocks: Vec<Block>,
    pub(crate) weights: AlignedBuf,
    /// For each block, its biases, filled up to whole vectors.
    pub(crate) bias: AlignedBuf,
    /// Input channels of a group.
    pub(crate) inputs: usize,
}

/// Output channels that are computed together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// The first input channel that it reads.
    pub(crate) input: usize,
    /// The first output channel.
    pub(crate) output: usize,
    /// Output channels.
    pub(crate) channels: usize,
    /// Vectors that hold them.
    pub(crate) vectors: usize,
    /// Where its weights begin.
    pub(crate) weights: usize,
    /// Where its biases begin.
    pub(crate) bias: usize,
}

/// The weights of a convolution, transposed or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filters<'a> {
    pub(crate) weight: &'a Arc<Tensor>,
    pub(crate) bias: Option<&'a Arc<Tensor>>,
    pub(crate) groups: usize,
    /// Whether the weights lie as `[inputs, outputs / groups, taps ...]`, not `[outputs, inputs / groups, taps ...]`.
    pub(crate) transposed: bool,
    /// Whether each filter of 3x3 taps is packed as its 36 numbers for [`super::winograd`].
    pub(crate) winograd: bool,
}

impl<'a> From<&'a Conv2d> for Filters<'a> {
    fn from(conv: &'a Conv2d) -> Self {
        Self {
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            groups: conv.groups,
            transposed: false,
            winograd: false,
        }
    }
}

impl<'a> From<&'a ConvTranspose2d> for Filters<'a> {
    fn from(conv: &'a ConvTranspose2d) -> Self {
        Self {
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            groups: conv.groups,
            transposed: true,
            winograd: false,
        }
    }
}

impl Filters<'_> {
    /// Input and output channels of a group.
    fn channels(&self) -> [usize; 2] {
        let [first, second] = [self.weight.shape()[0] / self.groups, self.weight.shape()[1]];
        if self.transposed { [first, second] } else { [second, first] }
    }

    fn taps(&self) -> usize {
        self.weight.shape()[2..].iter().product()
    }

    /// The numbers that are packed for each filter.
    fn packed(&self) -> usize {
        if self.winograd { transforms::PRODUCTS } else { self.taps() }
    }

    /// The taps from an input channel of a group to an output channel.
    fn filter(&self, input: usize, output: usize) -> &[f32] {
        let ([inputs, outputs], taps) = (self.channels(), self.taps());
        let filter = if self.transposed {
            (output / outputs * inputs + input) * outputs + output % outputs
        } else {
            output * inputs + input
        };
        &self.weight.data()[filter * taps..][..taps]
    }
}

impl Packed {
    /// Packs weights for kernels of this level.
    pub(crate) fn new(filters: Filters, level: Level) -> Result<Self> {
        let (lanes, most) = vectors(level);
        let ([inputs, _], taps) = (filters.channels(), filters.packed());
        let blocks = blocks(filters, lanes, most);
        let end = |last: &Block| {
            (last.weights + taps * inputs * last.vectors * lanes, last.bias + last.vectors * lanes)
        };
        let (weights, biases) = blocks.last().map_or((0, 0), end);
        let memory = |len: usize| {
            AlignedBuf::try_zeroed(len)
                .map_err(|_| Error::OutOfMemory { bytes: len.saturating_mul(size_of::<f32>()) })
        };
        let (mut packed, mut bias) = (memory(weights)?, memory(biases)?);
        for block in &blocks {
            let width = block.vectors * lanes;
            for (i, o) in (0..inputs).flat_map(|i| (0..block.channels).map(move |o| (i, o))) {
                let filter = filters.filter(i, block.output + o);
                let place = &mut packed[block.weights + i * width + o..];
                let mut put = |filter: &[f32]| {
                    for (to, &weight) in place.iter_mut().step_by(inputs * width).zip(filter) {
                        *to = weight;
                    }
                };
                if filters.winograd { put(&transforms::weights(filter)) } else { put(filter) }
            }
            if let Some(from) = filters.bias {
                bias[block.bias..][..block.channels]
                    .copy_from_slice(&from.data()[block.output..][..block.channels]);
            }
        }
        Ok(Self { blocks, weights: packed, bias, inputs })
    }
}

/// Cuts the output channels of each group into blocks of at most `most` vectors.
fn blocks(filters: Filters, lanes: usize, most: usize) -> Vec<Block> {
    let [inputs, each] = filters.channels();
    let mut blocks = Vec::new();
    let (mut weights, mut bias) = (0, 0);
    for group in 0..filters.groups {
        for first in (0..each).step_by(most * lanes) {
            let channels = (each - first).min(most * lanes);
            let vectors = channels.div_ceil(lanes);
            let (input, output) = (group * inputs, group * each + first);
            blocks.push(Block { input, output, channels, vectors, weights, bias });
            weights += filters.packed() * inputs * vectors * lanes;
            bias += vectors * lanes;
        }
    }
    blocks
}

/// Zeros.
pub(crate) fn memory(len: usize) -> Result<AlignedBuf> {
    AlignedBuf::try_zeroed(len)
        .map_err(|_| Error::OutOfMemory { bytes: len.saturating_mul(size_of::<f32>()) })
}

/// Lanes of a vector, and how many vectors of output channels a convolution computes together.
pub(crate) fn vectors(level: Level) -> (usize, usize) {
    dispatch(level, Vectors)
}

struct Vectors;

impl Kernel for Vectors {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<I: Isa>(self, _: I) -> (usize, usize) {
        (I::LANES, widest::<I>())
    }
}
