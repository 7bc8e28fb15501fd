//! Depthwise convolution: each channel on its own, a vector of channels at a time.

use amplio_graph::ops::Conv2d;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::taps::Taps;
use super::vectors::add_products;

/// A depthwise convolution, ready to run.
#[derive(Debug)]
pub(crate) struct Depthwise {
    taps: Taps,
    channels: usize,
    /// For each tap, the weight of each channel.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Depthwise {
    /// Whether it is this kernel that runs `conv`.
    pub(crate) fn suits(conv: &Conv2d) -> bool {
        conv.groups > 1 && conv.weight.shape()[1] == 1 && conv.groups == conv.outputs()
    }

    pub(crate) fn new(step: &Step, conv: &Conv2d, enlarge: usize) -> Result<Self> {
        let [kh, kw] = conv.kernel();
        let (channels, taps) = (conv.groups, kh * kw);
        let filters = conv.weight.data();
        let weights = (0..taps * channels).map(|i| filters[i % channels * taps + i / channels]).collect();
        let bias = conv.bias.as_ref().map_or_else(|| vec![0.0; channels], |bias| bias.data().to_vec());
        Ok(Self {
            taps: Taps::new(conv, &step.inputs[0].shape, enlarge, &step.result)?,
            channels,
            weights,
            bias,
        })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.taps.row()
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let width = self.taps.row();
        for x in 0..width {
            pixels.pixel(x).copy_from_slice(&self.bias);
        }
        for (ky, start) in self.taps.rows(first / width) {
            for phase in &self.taps.phases {
                for &(kx, place) in &phase.taps {
                    let weights =
                        &self.weights[(ky * self.taps.width + kx) * self.channels..][..self.channels];
                    let columns = self.taps.line[place..].iter().step_by(phase.stride);
                    for (x, column) in columns.take(phase.count).enumerate() {
                        if let Some(column) = column {
                            add_products(isa, pixels.pixel(x), inputs[0].pixel(start + column), weights);
                        }
                    }
                }
            }
        }
    }
}
