//! Direct convolution: for a few neighbouring pixels and a block of output channels at a time, the sums stay in registers
//! over all taps and input channels.

use std::array;
use std::sync::Arc;

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::pack::{Block, Filters, Packed};
use super::panels::accumulate;
use super::taps::{Line, Phase, TOGETHER, Taps};
use crate::compiler::Compiler;

/// A convolution, transposed or not, ready to run.
#[derive(Debug)]
pub(crate) struct Conv {
    taps: Taps,
    packed: Arc<Packed>,
    /// What taps outside the picture read.
    outside: Vec<f32>,
}

impl Conv {
    pub(crate) fn new(step: &Step, conv: &Conv2d, enlarge: usize, compiler: &Compiler) -> Result<Self> {
        let taps = Taps::new(conv, &step.inputs[0].shape, enlarge, &step.result)?;
        Self::with(taps, conv.into(), compiler)
    }

    pub(crate) fn transposed(step: &Step, conv: &ConvTranspose2d, compiler: &Compiler) -> Result<Self> {
        let taps = Taps::transposed(conv, &step.inputs[0].shape, &step.result)?;
        Self::with(taps, conv.into(), compiler)
    }

    fn with(taps: Taps, filters: Filters, compiler: &Compiler) -> Result<Self> {
        let packed = compiler.packed(filters)?;
        Ok(Self { taps, outside: vec![0.0; packed.inputs], packed })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.taps.row()
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let row = first / self.taps.row();
        for group in self.packed.blocks.chunk_by(|a, b| a.input == b.input) {
            let lines = self.taps.lines(inputs[0], row, group[0].input, &self.outside);
            for block in group {
                let row = Row { conv: self, lines: &lines, block };
                // As many sums as the registers hold beside the weights and the pixel.
                match (I::REGISTERS, block.vectors) {
                    (32, 4) => row.fill::<I, 6, 4>(isa, pixels),
                    (32, 3) => row.fill::<I, 8, 3>(isa, pixels),
                    (32, 2) => row.fill::<I, 12, 2>(isa, pixels),
                    (32, _) => row.fill::<I, TOGETHER, 1>(isa, pixels),
                    (_, 2) => row.fill::<I, 6, 2>(isa, pixels),
                    _ => row.fill::<I, TOGETHER, 1>(isa, pixels),
                }
            }
        }
    }
}

/// One row of the result, and the channels of it that are computed.
struct Row<'a> {
    conv: &'a Conv,
    lines: &'a [Line<'a>],
    block: &'a Block,
}

impl Row<'_> {
    /// Computes the channels of the block, `P` pixels by `V` vectors at a time.
    #[inline(always)]
    fn fill<I: Isa, const P: usize, const V: usize>(&self, isa: I, pixels: &mut PixelsMut) {
        let Block { output, channels, .. } = *self.block;
        let bias = &self.conv.packed.bias[self.block.bias..][..V * I::LANES];
        let bias: [I::F32; V] = array::from_fn(|j| isa.load(&bias[j * I::LANES..]));
        for phase in &self.conv.taps.phases {
            let reads = self.reads(phase, V * I::LANES);
            for x in (0..phase.count).step_by(P) {
                let sums = sums::<I, P, V>(isa, &reads, x * phase.stride, phase.stride, bias);
                for (t, sums) in sums.iter().enumerate().take(phase.count - x) {
                    let channels =
                        &mut pixels.pixel(phase.first + (x + t) * phase.step)[output..][..channels];
                    for (part, &sum) in channels.chunks_mut(I::LANES).zip(sums) {
                        isa.store_partial(part, sum);
                    }
                }
            }
        }
    }

    /// What the pixels of a phase read through each tap.
    #[inline(always)]
    fn reads(&self, phase: &Phase, width: usize) -> Vec<Read<'_>> {
        let Conv { taps, packed, .. } = self.conv;
        let size = packed.inputs * width;
        let weights = &packed.weights[self.block.weights..];
        let reads = self.lines.iter().flat_map(|line| {
            let read = move |&(tap, place): &(usize, usize)| Read {
                pixels: &line.pixels[place..],
                weights: &weights[(line.tap * taps.width + tap) * size..][..size],
            };
            phase.taps.iter().map(read)
        });
        reads.collect()
    }
}

/// What is read through a tap: the input's pixels, from that for the first pixel on, and the tap's weights.
struct Read<'a> {
    pixels: &'a [&'a [f32]],
    weights: &'a [f32],
}

/// The sums for `P` pixels, which read the places from `first` on, `stride` apart.
#[inline(always)]
fn sums<I: Isa, const P: usize, const V: usize>(
    isa: I,
    reads: &[Read],
    first: usize,
    stride: usize,
    bias: [I::F32; V],
) -> [[I::F32; V]; P] {
    let mut sums = [bias; P];
    for read in reads {
        let places = &read.pixels[first..];
        let mut pixels: [&[f32]; P] = [&[]; P];
        for (t, pixel) in pixels.iter_mut().enumerate() {
            *pixel = places[t * stride];
        }
        sums = accumulate(isa, sums, pixels, read.weights);
    }
    sums
}
