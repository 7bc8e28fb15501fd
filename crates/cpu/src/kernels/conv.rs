//! Direct convolution: for a few neighbouring pixels and a block of output channels at a time, the sums stay in registers
//! over all taps and input channels.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{AlignedBuf, Element, Isa, PixelsMut, PixelsRef, f16};

use super::activation::{activate, take_slopes};
use super::blocks::in_blocks;
use super::pack::{Block, Filters, Packed};
use super::panels::accumulate;
use super::taps::{Line, Phase, Taps};
use crate::compiler::Compiler;
use crate::elementwise::{larger, magnitude};
use crate::epilogue::Link;

/// A convolution, transposed or not, ready to run.
#[derive(Debug)]
pub(crate) struct Conv {
    taps: Taps,
    packed: Arc<Packed>,
    /// How many views the input is.
    views: usize,
    /// What taps outside the picture read.
    outside: Vec<f32>,
    /// The slopes of the activation, see [`take_slopes`].
    slopes: AlignedBuf,
    /// Set when floats of 16 bits cannot carry a result.
    overflow: Arc<AtomicBool>,
}

impl Conv {
    /// Takes from `epilogue` what it does itself.
    pub(crate) fn new(
        step: &Step,
        conv: &Conv2d,
        enlarge: usize,
        compiler: &Compiler,
        epilogue: &mut Vec<Link>,
    ) -> Result<Self> {
        let taps = Taps::new(conv, &step.inputs[0].shape, enlarge, &step.result)?;
        Self::with(taps, step, conv.into(), compiler, epilogue)
    }

    /// As [`Conv::new`].
    pub(crate) fn transposed(
        step: &Step,
        conv: &ConvTranspose2d,
        compiler: &Compiler,
        epilogue: &mut Vec<Link>,
    ) -> Result<Self> {
        let taps = Taps::transposed(conv, &step.inputs[0].shape, &step.result)?;
        Self::with(taps, step, conv.into(), compiler, epilogue)
    }

    fn with(
        taps: Taps,
        step: &Step,
        filters: Filters,
        compiler: &Compiler,
        epilogue: &mut Vec<Link>,
    ) -> Result<Self> {
        let packed = compiler.packed(filters)?;
        let slopes = take_slopes(step, &packed, compiler, epilogue)?;
        let (outside, overflow) = (vec![0.0; packed.inputs], compiler.overflow.clone());
        Ok(Self { taps, packed, views: step.inputs.len(), outside, slopes, overflow })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.taps.row()
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let row = first / self.taps.row();
        match &inputs[..self.views] {
            &[input] if !input.is_half() => {
                self.row(isa, input, &self.taps.rows(row).collect::<Vec<_>>(), pixels);
            }
            inputs => {
                let (floats, rows) = self.taps.gathered(isa, inputs, row);
                let channels = inputs.iter().map(PixelsRef::channels).sum();
                self.row(isa, PixelsRef::dense(&floats, channels), &rows, pixels);
            }
        }
    }

    /// Computes a row of pixels from these rows of the input.
    #[inline(always)]
    fn row<I: Isa>(&self, isa: I, input: PixelsRef, rows: &[(usize, usize)], pixels: &mut PixelsMut) {
        if pixels.is_half() {
            self.elements::<I, f16>(isa, input, rows, pixels);
        } else {
            self.elements::<I, f32>(isa, input, rows, pixels);
        }
    }

    /// As [`Conv::row`], of pixels of elements `E`.
    #[inline(always)]
    fn elements<I: Isa, E: Element>(
        &self,
        isa: I,
        input: PixelsRef,
        rows: &[(usize, usize)],
        pixels: &mut PixelsMut,
    ) {
        for group in self.packed.blocks.chunk_by(|a, b| a.input == b.input) {
            let lines = self.taps.lines(input, rows, group[0].input, &self.outside);
            for block in group {
                let row = Row { conv: self, lines: &lines, block };
                in_blocks!(I, block.vectors, |P, V| row.fill::<I, E, P, V>(isa, pixels));
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
    fn fill<I: Isa, E: Element, const P: usize, const V: usize>(&self, isa: I, pixels: &mut PixelsMut) {
        let Block { output, channels, bias, .. } = *self.block;
        let slopes = isa.vectors(self.conv.slopes.get(bias..).unwrap_or_default());
        let bias = &self.conv.packed.bias[bias..][..V * I::LANES];
        let bias: [I::F32; V] = array::from_fn(|j| isa.load(&bias[j * I::LANES..]));
        let mut largest = isa.splat_i32(0);
        for phase in &self.conv.taps.phases {
            let reads = self.reads(phase, V * I::LANES);
            for x in (0..phase.count).step_by(P) {
                let (from, step) = (x * phase.stride, phase.stride);
                let number = phase.first + x * phase.step;
                // Each way has its own sums and moves them out as a whole: they stay in registers until then, and by reference
                // they would not.
                if x + P <= phase.count && channels == V * I::LANES {
                    let sums = sums::<I, P, V>(isa, &reads, from, step, bias);
                    for (t, mut sums) in sums.into_iter().enumerate() {
                        activate(isa, &mut sums, slopes);
                        if E::HALF {
                            largest = larger(isa, largest, &sums);
                        }
                        let to = &mut pixels.pixel_of::<E>(number + t * phase.step)[output..][..channels];
                        for (to, sum) in to.chunks_exact_mut(I::LANES).zip(sums) {
                            E::store(isa, to, sum);
                        }
                    }
                    continue;
                }
                let sums = sums::<I, P, V>(isa, &reads, from, step, bias);
                for (t, mut sums) in sums.into_iter().enumerate().take(phase.count - x) {
                    activate(isa, &mut sums, slopes);
                    if E::HALF {
                        largest = larger(isa, largest, &sums);
                    }
                    let to = &mut pixels.pixel_of::<E>(number + t * phase.step)[output..][..channels];
                    for (to, sum) in to.chunks_mut(I::LANES).zip(sums) {
                        E::store_partial(isa, to, sum);
                    }
                }
            }
        }
        let carried = magnitude(isa, largest) <= E::LARGEST;
        if !carried {
            self.conv.overflow.store(true, Ordering::Relaxed);
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
        sums = accumulate::<I, false, P, V>(isa, sums, pixels, read.weights, None);
    }
    sums
}
