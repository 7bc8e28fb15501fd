//! Weights in the order in which the convolution kernel walks them.

use std::sync::Arc;

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::{Error, Result, Tensor};
use amplio_simd::{AlignedBuf, Isa, Kernel, Level, dispatch};

use super::blocks::widest;
use super::integers::{Target, round_weights};
use super::winograd::phase::Phase;
use super::winograd::transforms::{Floats, Integers, Large, Scheme};
use super::winograd::weights::transform;

/// The weights of a convolution: for each group and each block of output channels, for each tap (or product), for each input
/// channel (or pair of them), as many vectors as the block has.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) blocks: Vec<Block>,
    pub(crate) weights: AlignedBuf,
    /// For each block, its biases, filled up to whole vectors.
    pub(crate) bias: AlignedBuf,
    /// For each block what its integers are worth, as [`Target::worth`], filled up to whole vectors.
    pub(crate) worth: AlignedBuf,
    /// Input channels of a group.
    pub(crate) inputs: usize,
    /// Cells for each tap and output channel: the input channels, or pairs of them.
    pub(crate) depth: usize,
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
    pub(crate) form: Form,
    /// What the taps become in a part of an enlarged picture.
    pub(crate) phase: Option<Phase>,
}

/// What is packed for each filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// Its taps.
    Taps,
    /// The 36 numbers of 3x3 taps for F(4x4, 3x3), see [`super::winograd`].
    Floats,
    /// The 64 numbers for F(6x6, 3x3).
    Large,
    /// Those for F(4x4, 3x3) in 16-bit integers; a cell holds those of two input channels.
    Integers,
    /// Its only tap, in 16-bit integers as well.
    Pairs,
}

impl Form {
    /// Results along a side of what is rounded together.
    pub(crate) fn side(self) -> usize {
        match self {
            Self::Taps | Self::Pairs => 1,
            Self::Floats => Floats::SIDE,
            Self::Large => Large::SIDE,
            Self::Integers => Integers::SIDE,
        }
    }

    pub(crate) fn is_integers(self) -> bool {
        matches!(self, Self::Integers | Self::Pairs)
    }
}

impl<'a> From<&'a Conv2d> for Filters<'a> {
    fn from(conv: &'a Conv2d) -> Self {
        Self {
            weight: &conv.weight,
            bias: conv.bias.as_ref(),
            groups: conv.groups,
            transposed: false,
            form: Form::Taps,
            phase: None,
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
            form: Form::Taps,
            phase: None,
        }
    }
}

impl Filters<'_> {
    /// Input and output channels of a group.
    fn channels(&self) -> [usize; 2] {
        let [first, second] = [self.weight.shape()[0] / self.groups, self.weight.shape()[1]];
        if self.transposed { [first, second] } else { [second, first] }
    }

    /// Input channels of a group.
    pub(crate) fn inputs(&self) -> usize {
        self.channels()[0]
    }

    fn taps(&self) -> usize {
        self.weight.shape()[2..].iter().product()
    }

    /// The numbers that are packed for each filter.
    fn numbers(&self) -> usize {
        match self.form {
            Form::Taps | Form::Pairs => self.taps(),
            Form::Floats => Floats::PRODUCTS,
            Form::Large => Large::PRODUCTS,
            Form::Integers => Integers::PRODUCTS,
        }
    }

    /// The cells that are packed for each of these numbers and each output channel.
    fn depth(&self) -> usize {
        if self.form.is_integers() { self.inputs().div_ceil(2) } else { self.inputs() }
    }

    /// The taps from an input channel of a group to an output channel.
    pub(crate) fn filter(&self, input: usize, output: usize) -> &[f32] {
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
        let (numbers, depth, inputs) = (filters.numbers(), filters.depth(), filters.inputs());
        let blocks = blocks(filters, lanes, most);
        let end = |last: &Block| {
            (last.weights + numbers * depth * last.vectors * lanes, last.bias + last.vectors * lanes)
        };
        let (weights, biases) = blocks.last().map_or((0, 0), end);
        let (mut weights, mut bias, mut worth) = (memory(weights)?, memory(biases)?, memory(biases)?);
        for block in &blocks {
            let width = block.vectors * lanes;
            let cells = &mut weights[block.weights..][..numbers * depth * width];
            let to = Target { cells, worth: &mut worth[block.bias..][..width], width, lanes };
            match filters.form {
                Form::Taps => put_taps(&filters, block, width, to.cells),
                Form::Pairs => {
                    let mut taps = vec![0.0; inputs * width];
                    put_taps(&filters, block, width, &mut taps);
                    round_weights(level, &taps, &[1.0], inputs, to);
                }
                Form::Floats | Form::Large | Form::Integers => transform(&filters, block, level, to),
            }
            if let Some(from) = filters.bias {
                bias[block.bias..][..block.channels]
                    .copy_from_slice(&from.data()[block.output..][..block.channels]);
            }
        }
        Ok(Self { blocks, weights, bias, worth, inputs, depth })
    }
}

/// Writes the taps of the filters of a block as `[tap][input channel][output channel]`.
fn put_taps(filters: &Filters, block: &Block, width: usize, cells: &mut [f32]) {
    let inputs = filters.inputs();
    for (i, o) in (0..inputs).flat_map(|i| (0..block.channels).map(move |o| (i, o))) {
        let places = cells[i * width + o..].iter_mut().step_by(inputs * width);
        places.zip(filters.filter(i, block.output + o)).for_each(|(to, &tap)| *to = tap);
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
            weights += filters.numbers() * filters.depth() * vectors * lanes;
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
