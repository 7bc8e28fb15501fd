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
use super::taps::Taps;
use crate::device::Compiler;

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
        self.taps.width
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let row = Row { conv: self, input: inputs[0], number: first / self.taps.width };
        for block in &self.packed.blocks {
            // As many sums as the registers hold beside the weights and the pixel.
            match (I::REGISTERS, block.vectors) {
                (32, 4) => row.block::<I, 6, 4>(isa, block, pixels),
                (32, 3) => row.block::<I, 8, 3>(isa, block, pixels),
                (32, 2) => row.block::<I, 12, 2>(isa, block, pixels),
                (32, _) => row.block::<I, 12, 1>(isa, block, pixels),
                (_, 2) => row.block::<I, 6, 2>(isa, block, pixels),
                _ => row.block::<I, 12, 1>(isa, block, pixels),
            }
        }
    }
}

/// One row of the result.
struct Row<'a> {
    conv: &'a Conv,
    input: PixelsRef<'a>,
    /// Its number, over all pictures.
    number: usize,
}

impl Row<'_> {
    /// Computes the channels of a block, `P` pixels by `V` vectors at a time.
    #[inline(always)]
    fn block<I: Isa, const P: usize, const V: usize>(&self, isa: I, block: &Block, pixels: &mut PixelsMut) {
        let bias = &self.conv.packed.bias[block.bias..][..V * I::LANES];
        let bias: [I::F32; V] = array::from_fn(|j| isa.load(&bias[j * I::LANES..]));
        for x in (0..self.conv.taps.width).step_by(P) {
            let sums = self.sums::<I, P, V>(isa, block, x, bias);
            for (t, sums) in sums.iter().enumerate().take(self.conv.taps.width - x) {
                let channels = &mut pixels.pixel(self.conv.taps.order[x + t])[block.output..][..block.channels];
                for (part, &sum) in channels.chunks_mut(I::LANES).zip(sums) {
                    isa.store_partial(part, sum);
                }
            }
        }
    }

    /// The sums for the `P` pixels from column `x` on; those beyond the row are of no use.
    #[inline(always)]
    fn sums<I: Isa, const P: usize, const V: usize>(
        &self,
        isa: I,
        block: &Block,
        x: usize,
        bias: [I::F32; V],
    ) -> [[I::F32; V]; P] {
        let Conv { taps, packed, outside } = self.conv;
        let [kh, kw] = taps.kernel;
        let tap_size = packed.inputs * V * I::LANES;
        let weights = &packed.weights[block.weights..][..kh * kw * tap_size];
        let mut sums = [bias; P];
        for ky in 0..kh {
            let Some(first) = taps.row(ky, self.number) else { continue };
            for kx in 0..kw {
                let columns = &taps.columns(kx)[x..];
                let columns = &columns[..columns.len().min(P)];
                if columns.iter().all(Option::is_none) {
                    continue;
                }
                let mut channels: [&[f32]; P] = [outside; P];
                for (pixel, column) in channels.iter_mut().zip(columns) {
                    if let Some(column) = column {
                        *pixel = &self.input.pixel(first + column)[block.input..][..packed.inputs];
                    }
                }
                let weights = &weights[(ky * kw + kx) * tap_size..][..tap_size];
                sums = accumulate(isa, sums, channels, weights);
            }
        }
        sums
    }
}
