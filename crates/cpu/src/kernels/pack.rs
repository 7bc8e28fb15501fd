//! Weights in the order in which the convolution kernel walks them.

use std::sync::Arc;

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::{Error, Result, Tensor};
use amplio_simd::{AlignedBuf, Isa, Kernel, Level, dispatch};

use super::panels::widest;

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
}

impl<'a> From<&'a Conv2d> for Filters<'a> {
    fn from(conv: &'a Conv2d) -> Self {
        Self { weight: &conv.weight, bias: conv.bias.as_ref(), groups: conv.groups, transposed: false }
    }
}

impl<'a> From<&'a ConvTranspose2d> for Filters<'a> {
    fn from(conv: &'a ConvTranspose2d) -> Self {
        Self { weight: &conv.weight, bias: conv.bias.as_ref(), groups: conv.groups, transposed: true }
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
        let ([inputs, _], taps) = (filters.channels(), filters.taps());
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
            for o in 0..block.channels {
                let place = &mut packed[block.weights + o..];
                for i in 0..inputs {
                    for (tap, &weight) in filters.filter(i, block.output + o).iter().enumerate() {
                        place[(tap * inputs + i) * width] = weight;
                    }
                }
                bias[block.bias + o] = filters.bias.map_or(0.0, |bias| bias.data()[block.output + o]);
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
            weights += filters.taps() * inputs * vectors * lanes;
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
