//! Normalisation over one axis.

use amplio_graph::ops;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::vectors::{add, sum};
use crate::layout::Walk;

/// A layer norm, ready to run.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    walk: Walk,
    /// Elements along the axis.
    size: usize,
    centred: bool,
    epsilon: f32,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl LayerNorm {
    pub(crate) fn new(step: &Step, op: &ops::LayerNorm) -> Result<Self> {
        let size = step.result[op.axis];
        let weight = op.weight.as_ref().map_or_else(|| vec![1.0; size], |weight| weight.data().to_vec());
        let bias = op.bias.as_ref().map_or_else(|| vec![0.0; size], |bias| bias.data().to_vec());
        let walk = crate::layout::walks(&step.result)[op.axis];
        Ok(Self { walk, size, centred: op.centred, epsilon: op.epsilon, weight, bias })
    }

    pub(crate) fn grain(&self, result: &Shape) -> usize {
        self.walk.grain(self.size, result)
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        match self.walk {
            Walk::Channels => {
                for i in 0..pixels.pixels() {
                    self.pixel(isa, inputs[0].pixel(first + i), pixels.pixel(i));
                }
            }
            Walk::Pixels(step) => {
                self.lines(isa, inputs[0].slice(first..first + pixels.pixels()), step, pixels)
            }
        }
    }

    /// Normalises the channels of a pixel.
    #[inline(always)]
    fn pixel<I: Isa>(&self, isa: I, from: &[f32], to: &mut [f32]) {
        let count = self.size as f32;
        let mean = if self.centred { sum(isa, from) / count } else { 0.0 };
        let (mean, mut squares) = (isa.splat(mean), isa.zero());
        let mut parts = from.chunks_exact(I::LANES);
        for part in &mut parts {
            let x = isa.sub(isa.load(part), mean);
            squares = isa.fma(x, x, squares);
        }
        let rest = parts.remainder();
        if !rest.is_empty() {
            // Lanes beyond the channels are zero before the mean is taken away, and must be so after.
            let mut lanes = [0.0; 16];
            isa.store_partial(&mut lanes[..rest.len()], isa.sub(isa.load_partial(rest), mean));
            let x = isa.load(&lanes);
            squares = isa.fma(x, x, squares);
        }
        let variance = isa.reduce_sum(squares) / count;
        let factor = isa.splat(1.0 / (variance + self.epsilon).sqrt());
        let parameters = self.weight.chunks(I::LANES).zip(self.bias.chunks(I::LANES));
        for ((to, from), (weight, bias)) in to.chunks_mut(I::LANES).zip(from.chunks(I::LANES)).zip(parameters)
        {
            let x = isa.mul(isa.sub(isa.load_partial(from), mean), factor);
            isa.store_partial(to, isa.fma(x, isa.load_partial(weight), isa.load_partial(bias)));
        }
    }

    /// Normalises along an axis of pixels, `step` pixels apart, each channel on its own.
    #[inline(always)]
    fn lines<I: Isa>(&self, isa: I, from: PixelsRef, step: usize, pixels: &mut PixelsMut) {
        let channels = pixels.channels();
        let (mut mean, mut factor) = (vec![0.0; channels], vec![0.0; channels]);
        let mut squares = vec![0.0; channels];
        for start in 0..step {
            let line = || (0..self.size).map(|i| start + i * step);
            mean.fill(0.0);
            if self.centred {
                line().for_each(|i| add(isa, &mut mean, from.pixel(i)));
                mean.iter_mut().for_each(|mean| *mean /= self.size as f32);
            }
            squares.fill(0.0);
            for i in line() {
                for ((square, x), mean) in squares.iter_mut().zip(from.pixel(i)).zip(&mean) {
                    *square += (x - mean) * (x - mean);
                }
            }
            for (factor, square) in factor.iter_mut().zip(&squares) {
                *factor = 1.0 / (square / self.size as f32 + self.epsilon).sqrt();
            }
            for ((i, weight), bias) in line().zip(&self.weight).zip(&self.bias) {
                for (((to, x), mean), factor) in
                    pixels.pixel(i).iter_mut().zip(from.pixel(i)).zip(&mean).zip(&factor)
                {
                    *to = (x - mean) * factor * weight + bias;
                }
            }
        }
    }
}
