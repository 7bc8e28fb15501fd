//! Convolution with one tap: each pixel of the result is one of the input's, through the same weights.
//!
//! The input may be several views, whose channels count one after the other: what is concatenated only to be mixed is never put
//! together in memory. A few pixels at a time are gathered in memory of the thread that stays in the cache, and multiplied as floats
//! or, in fast precision, as 16-bit integers in units of each pixel's largest channel.

use std::array;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amplio_graph::ops::Conv2d;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{
    AlignedBuf, Element, Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch, dispatch_dot, f16,
};

use super::activation::{activate, take_slopes};
use super::blocks::in_blocks;
use super::integers::{LARGEST, SMALLEST};
use super::pack::{Block, Filters, Form, Packed};
use super::panels::accumulate;
use super::scratch::Scratch;
use super::vectors::gather;
use crate::compiler::Compiler;
use crate::elementwise::{larger, magnitude};
use crate::epilogue::Link;

/// Pixels that are gathered at a time: a multiple of 6, 8 and 12, the rows of the [blocks](super::blocks).
const PIXELS: usize = 24;

/// A convolution with one tap, ready to run.
#[derive(Debug)]
pub(crate) struct Pointwise {
    level: Level,
    form: Form,
    packed: Arc<Packed>,
    /// How many views the input is.
    views: usize,
    /// The slopes of the activation, see [`take_slopes`].
    slopes: AlignedBuf,
    /// Set when a number is met that integers or floats of 16 bits cannot carry.
    overflow: Arc<AtomicBool>,
}

impl Pointwise {
    /// Takes from `epilogue` what it does itself.
    pub(crate) fn new(
        step: &Step,
        conv: &Conv2d,
        compiler: &Compiler,
        epilogue: &mut Vec<Link>,
    ) -> Result<Self> {
        let form = if compiler.form() == Form::Integers { Form::Pairs } else { Form::Taps };
        let packed = compiler.packed(Filters { form, ..conv.into() })?;
        let slopes = take_slopes(step, &packed, compiler, epilogue)?;
        Ok(Self {
            level: compiler.level(),
            form,
            packed,
            views: step.inputs.len(),
            slopes,
            overflow: compiler.overflow.clone(),
        })
    }

    pub(crate) fn grain(&self, result: &Shape) -> usize {
        crate::layout::row(result)
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let inputs = &inputs[..self.views];
        match (self.form == Form::Pairs, pixels.is_half()) {
            (false, false) => self.elements::<I, f32, false>(isa, inputs, first, pixels),
            (false, true) => self.elements::<I, f16, false>(isa, inputs, first, pixels),
            (true, false) => self.elements::<I, f32, true>(isa, inputs, first, pixels),
            (true, true) => self.elements::<I, f16, true>(isa, inputs, first, pixels),
        }
    }

    #[inline(always)]
    fn elements<I: Isa, E: Element, const INTEGERS: bool>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        first: usize,
        pixels: &mut PixelsMut,
    ) {
        // Integers are made of two whole vectors.
        let width = self.packed.inputs.next_multiple_of(2 * I::LANES);
        let mut scratch = Scratch::take();
        let [channels, cells] =
            scratch.parts([PIXELS * width, if INTEGERS { PIXELS * width / 2 } else { 0 }]);
        for start in (0..pixels.pixels()).step_by(PIXELS) {
            let count = PIXELS.min(pixels.pixels() - start);
            let channels = &mut channels[..count * width];
            for (i, to) in channels.chunks_exact_mut(width).enumerate() {
                gather(isa, inputs, first + start + i, to);
            }
            let mut units = [1.0; PIXELS];
            if INTEGERS {
                let pixels = channels.chunks_exact(width).zip(cells.chunks_exact_mut(width / 2));
                for ((channels, cells), unit) in pixels.zip(&mut units) {
                    *unit = round(isa, channels, self.packed.inputs / (2 * I::LANES), cells);
                }
            }
            let sums = Sums::<E, INTEGERS> {
                kernel: self,
                rows: if INTEGERS { cells } else { channels },
                apart: if INTEGERS { width / 2 } else { width },
                units: &units[..count],
                first: start,
                pixels,
                element: PhantomData,
            };
            let carried = if INTEGERS { dispatch_dot(self.level, sums) } else { dispatch(self.level, sums) };
            if !carried || units.iter().any(|unit| !unit.is_finite()) {
                self.overflow.store(true, Ordering::Relaxed);
            }
        }
        scratch.keep();
    }
}

/// Rounds the channels of a pixel to [pairs](super::integers::pair), the first `whole` vectors of which are of two whole vectors, and
/// gives the largest magnitude.
#[inline(always)]
fn round<I: Isa>(isa: I, channels: &[f32], whole: usize, cells: &mut [f32]) -> f32 {
    let vectors = isa.vectors(channels);
    let largest = magnitude(isa, larger(isa, isa.splat_i32(0), vectors));
    let scale = isa.splat(LARGEST / largest.max(SMALLEST));
    let pairs = vectors.as_chunks().0.iter().zip(isa.vectors_mut(cells));
    for (i, (&pair, to)) in pairs.enumerate() {
        let pairs = if i < whole { isa.round_i16_pairs(pair, scale) } else { isa.round_i16(pair, scale) };
        *to = isa.reinterpret_f32(pairs);
    }
    largest
}

/// The sums for the pixels that have been gathered, the activation and the store.
struct Sums<'a, 'p, E, const INTEGERS: bool> {
    kernel: &'a Pointwise,
    /// For each pixel its channels or pairs of them.
    rows: &'a [f32],
    /// From one pixel to the next.
    apart: usize,
    /// For each pixel, what its integers are in units of.
    units: &'a [f32],
    /// Which of `pixels` the first is.
    first: usize,
    pixels: &'a mut PixelsMut<'p>,
    element: PhantomData<E>,
}

impl<E: Element, const INTEGERS: bool> Kernel for Sums<'_, '_, E, INTEGERS> {
    /// Whether all results are numbers that can be stored.
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) -> bool {
        let mut largest = isa.splat_i32(0);
        for block in &self.kernel.packed.blocks {
            let found = in_blocks!(I, block.vectors, |P, V| self.multiply::<I, P, V>(isa, block));
            largest = isa.max_i32(largest, found);
        }
        magnitude(isa, largest) <= E::LARGEST || !(INTEGERS || E::HALF)
    }
}

impl<E: Element, const INTEGERS: bool> Sums<'_, '_, E, INTEGERS> {
    /// Computes the channels of a block, `P` pixels by `V` vectors at a time; gives the bits of the largest magnitudes.
    #[inline(always)]
    fn multiply<I: Isa, const P: usize, const V: usize>(&mut self, isa: I, block: &Block) -> I::I32 {
        let Packed { weights, bias, worth, depth, .. } = &*self.kernel.packed;
        let weights = &weights[block.weights..][..depth * V * I::LANES];
        let vectors = |numbers: &[f32]| {
            let numbers = &isa.vectors(numbers)[block.bias / I::LANES..][..V];
            array::from_fn::<_, V, _>(|j| numbers[j])
        };
        let (bias, worth) = (vectors(bias), vectors(worth));
        let slopes = isa.vectors(self.kernel.slopes.get(block.bias..).unwrap_or_default());
        let mut largest = isa.splat_i32(0);
        for start in (0..self.units.len()).step_by(P) {
            let mut rows: [&[f32]; P] = [&[]; P];
            for (t, row) in rows.iter_mut().enumerate() {
                // Beyond the last pixel, that one again; its sums are not stored.
                let pixel = (start + t).min(self.units.len() - 1);
                *row = &self.rows[pixel * self.apart..][..*depth];
            }
            let begin = if INTEGERS { [isa.zero(); V] } else { bias };
            let sums = accumulate::<I, INTEGERS, P, V>(isa, [begin; P], rows, weights, None);
            for ((t, mut sums), unit) in sums.into_iter().enumerate().zip(&self.units[start..]) {
                if INTEGERS {
                    let unit = isa.splat(*unit);
                    for j in 0..V {
                        let sum = isa.to_f32(isa.reinterpret_i32(sums[j]));
                        sums[j] = isa.fma(sum, isa.mul(worth[j], unit), bias[j]);
                    }
                }
                activate(isa, &mut sums, slopes);
                if INTEGERS || E::HALF {
                    largest = larger(isa, largest, &sums);
                }
                let pixel = self.pixels.pixel_of::<E>(self.first + start + t);
                let to = &mut pixel[block.output..][..block.channels];
                for (to, sum) in to.chunks_mut(I::LANES).zip(sums) {
                    if to.len() == I::LANES {
                        E::store(isa, to, sum);
                    } else {
                        E::store_partial(isa, to, sum);
                    }
                }
            }
        }
        largest
    }
}
