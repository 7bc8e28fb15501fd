//! Normalisation over groups of channels, for each picture.

use amplio_graph::ops;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use crate::layout::{Walk, pixels, walks};

/// Pixels whose sums are `f32`; beyond them, `f64`.
const EXACT: usize = 64;

/// A group norm, ready to run.
#[derive(Debug)]
pub(crate) struct GroupNorm {
    /// Pixels of one picture.
    pixels: usize,
    /// Where the channels of the picture are: the channels of pixels, or pixels this far apart.
    walk: Walk,
    /// Channels of a group.
    each: usize,
    epsilon: f64,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl GroupNorm {
    pub(crate) fn new(step: &Step, op: &ops::GroupNorm) -> Result<Self> {
        let shape = &step.result;
        let size = shape[1];
        let weight = op.weight.as_ref().map_or_else(|| vec![1.0; size], |weight| weight.data().to_vec());
        let bias = op.bias.as_ref().map_or_else(|| vec![0.0; size], |bias| bias.data().to_vec());
        let (pixels, walk) = (pixels(shape) / shape[0].max(1), walks(shape)[1]);
        Ok(Self { pixels, walk, each: size / op.groups, epsilon: f64::from(op.epsilon), weight, bias })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.pixels
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let picture = inputs[0].slice(first..first + pixels.pixels());
        match self.walk {
            Walk::Channels => self.normalise(isa, &picture, pixels),
            Walk::Pixels(step) => {
                // The elements of a group are whole pixels, one after the other.
                let group = self.each * step;
                for start in (0..self.pixels).step_by(group.max(1)) {
                    self.normalise_pixels(
                        isa,
                        &picture.slice(start..start + group),
                        start / step,
                        step,
                        start,
                        pixels,
                    );
                }
            }
        }
    }

    /// Normalises a picture whose channels are those of its pixels.
    #[inline(always)]
    fn normalise<I: Isa>(&self, isa: I, from: &PixelsRef, pixels: &mut PixelsMut) {
        let count = (self.each * from.pixels()) as f64;
        let zeros = vec![0.0; from.channels()];
        let sums = channel_sums(isa, from, &zeros, false);
        let of_group = |sums: &[f64]| -> Vec<f64> {
            sums.chunks(self.each.max(1)).map(|group| group.iter().sum::<f64>() / count).collect()
        };
        let spread =
            |groups: &[f64]| (0..from.channels()).map(|c| groups[c / self.each] as f32).collect::<Vec<_>>();
        let means = spread(&of_group(&sums));
        let variances = of_group(&channel_sums(isa, from, &means, true));
        let factors = spread(&variances.iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect::<Vec<_>>());
        let factors: Vec<f32> =
            factors.iter().zip(&self.weight).map(|(factor, weight)| factor * weight).collect();
        for i in 0..from.pixels() {
            let values = from.pixel(i).chunks(I::LANES).zip(means.chunks(I::LANES));
            let parameters = factors.chunks(I::LANES).zip(self.bias.chunks(I::LANES));
            let to = pixels.pixel(i).chunks_mut(I::LANES);
            for ((to, (x, mean)), (factor, bias)) in to.zip(values).zip(parameters) {
                let x = isa.sub(isa.load_partial(x), isa.load_partial(mean));
                isa.store_partial(to, isa.fma(x, isa.load_partial(factor), isa.load_partial(bias)));
            }
        }
    }

    /// Normalises a group that is made of whole pixels, `step` of them for each channel from `channel` on; `pixels` holds
    /// them from `start` on.
    #[inline(always)]
    fn normalise_pixels<I: Isa>(
        &self,
        isa: I,
        from: &PixelsRef,
        channel: usize,
        step: usize,
        start: usize,
        pixels: &mut PixelsMut,
    ) {
        let count = (from.pixels() * from.channels()) as f64;
        let zeros = vec![0.0; from.channels()];
        let mean = channel_sums(isa, from, &zeros, false).iter().sum::<f64>() / count;
        let means = vec![mean as f32; from.channels()];
        let variance = channel_sums(isa, from, &means, true).iter().sum::<f64>() / count;
        let factor = (1.0 / (variance + self.epsilon).sqrt()) as f32;
        for i in 0..from.pixels() {
            let (weight, bias) = (self.weight[channel + i / step], self.bias[channel + i / step]);
            for (to, x) in pixels.pixel(start + i).iter_mut().zip(from.pixel(i)) {
                *to = (x - mean as f32) * factor * weight + bias;
            }
        }
    }
}

/// The sum, or the sum of squares, of `x - mean` for each channel.
#[inline(always)]
fn channel_sums<I: Isa>(isa: I, from: &PixelsRef, means: &[f32], squared: bool) -> Vec<f64> {
    let mut sums = vec![0.0_f64; from.channels()];
    let mut part = vec![0.0_f32; from.channels()];
    for start in (0..from.pixels()).step_by(EXACT) {
        part.fill(0.0);
        for i in start..from.pixels().min(start + EXACT) {
            let values = from.pixel(i).chunks(I::LANES).zip(means.chunks(I::LANES));
            for (sum, (x, mean)) in part.chunks_mut(I::LANES).zip(values) {
                let x = isa.sub(isa.load_partial(x), isa.load_partial(mean));
                let term = if squared { isa.mul(x, x) } else { x };
                isa.store_partial(sum, isa.add(isa.load_partial(sum), term));
            }
        }
        sums.iter_mut().zip(&part).for_each(|(sum, part)| *sum += f64::from(*part));
    }
    sums
}
