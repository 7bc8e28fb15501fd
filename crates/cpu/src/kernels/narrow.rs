//! Convolution to a few channels, as the last of a network: vectors of input channels, whose lanes are summed at the end.

use amplio_graph::ops::Conv2d;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{AlignedBuf, Element, Isa, PixelsMut, PixelsRef, f16};

use super::pack::memory;
use super::taps::{Line, Phase, Taps};
use crate::compiler::Compiler;

/// Pixels that are computed together.
const PIXELS: usize = 6;

/// A convolution to a few channels, ready to run.
#[derive(Debug)]
pub(crate) struct Narrow {
    taps: Taps,
    /// For each tap and each vector of input channels, the weights to each output channel.
    weights: AlignedBuf,
    bias: Vec<f32>,
    /// Input channels.
    inputs: usize,
}

impl Narrow {
    /// The most output channels, and the fewest input channels, for which it is faster than [`super::conv::Conv`].
    const OUTPUTS: usize = 4;
    const INPUTS: usize = 16;

    /// Whether it is this kernel that runs `conv`.
    pub(crate) fn suits(conv: &Conv2d) -> bool {
        conv.groups == 1 && conv.outputs() <= Self::OUTPUTS && conv.weight.shape()[1] >= Self::INPUTS
    }

    pub(crate) fn new(step: &Step, conv: &Conv2d, enlarge: usize, compiler: &Compiler) -> Result<Self> {
        let ([kh, kw], outputs, inputs) = (conv.kernel(), conv.outputs(), conv.weight.shape()[1]);
        let (lanes, taps) = (compiler.lanes(), kh * kw);
        let vectors = inputs.div_ceil(lanes);
        let mut weights = memory(taps * vectors * outputs * lanes)?;
        for (i, &weight) in conv.weight.data().iter().enumerate() {
            let (o, i, tap) = (i / taps / inputs, i / taps % inputs, i % taps);
            weights[((tap * vectors + i / lanes) * outputs + o) * lanes + i % lanes] = weight;
        }
        let bias = conv.bias.as_ref().map_or_else(|| vec![0.0; outputs], |bias| bias.data().to_vec());
        let taps = Taps::new(conv, &step.inputs[0].shape, enlarge, &step.result)?;
        Ok(Self { taps, weights, bias, inputs })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.taps.row()
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        if inputs[0].is_half() {
            self.elements::<I, f16>(isa, inputs[0], first, pixels);
        } else {
            self.elements::<I, f32>(isa, inputs[0], first, pixels);
        }
    }

    #[inline(always)]
    fn elements<I: Isa, E: Element>(&self, isa: I, input: PixelsRef, first: usize, pixels: &mut PixelsMut) {
        let outside = vec![E::ZERO; self.inputs];
        let lines = self.taps.lines(input, first / self.taps.row(), 0, &outside);
        match self.bias.len() {
            1 => self.row::<I, E, 1>(isa, &lines, pixels),
            2 => self.row::<I, E, 2>(isa, &lines, pixels),
            3 => self.row::<I, E, 3>(isa, &lines, pixels),
            _ => self.row::<I, E, 4>(isa, &lines, pixels),
        }
    }

    #[inline(always)]
    fn row<I: Isa, E: Element, const O: usize>(&self, isa: I, lines: &[Line<E>], pixels: &mut PixelsMut) {
        for phase in &self.taps.phases {
            for x in (0..phase.count).step_by(PIXELS) {
                let sums = self.sums::<I, E, O>(isa, lines, phase, x);
                for (t, sums) in sums.iter().enumerate().take(phase.count - x) {
                    let to = pixels.pixel(phase.first + (x + t) * phase.step);
                    for ((to, sum), bias) in to.iter_mut().zip(sums).zip(&self.bias) {
                        *to = isa.reduce_sum(*sum) + bias;
                    }
                }
            }
        }
    }

    /// The sums for the pixels from number `x` of a phase on, each of whose lanes has a part of the input channels.
    #[inline(always)]
    fn sums<I: Isa, E: Element, const O: usize>(
        &self,
        isa: I,
        lines: &[Line<E>],
        phase: &Phase,
        x: usize,
    ) -> [[I::F32; O]; PIXELS] {
        let inputs = self.inputs;
        let size = inputs.div_ceil(I::LANES) * O;
        let all = isa.vectors(&self.weights);
        let mut sums = [[isa.zero(); O]; PIXELS];
        for line in lines {
            for &(tap, place) in &phase.taps {
                let places = &line.pixels[place + x * phase.stride..];
                let mut pixels: [&[E]; PIXELS] = [&[]; PIXELS];
                for (t, pixel) in pixels.iter_mut().enumerate() {
                    *pixel = &places[t * phase.stride][..inputs];
                }
                let weights = &all[(line.tap * self.taps.width + tap) * size..][..size];
                sums = products(isa, sums, pixels, weights);
            }
        }
        sums
    }
}

/// Adds to the sums of each pixel and output the products of its channels and their weights, lane by lane.
#[inline(always)]
fn products<I: Isa, E: Element, const O: usize>(
    isa: I,
    mut sums: [[I::F32; O]; PIXELS],
    mut pixels: [&[E]; PIXELS],
    weights: &[I::F32],
) -> [[I::F32; O]; PIXELS] {
    let channels = pixels[0].len();
    for pixel in &mut pixels {
        *pixel = &pixel[..channels];
    }
    let mut weights = weights.chunks_exact(O);
    for (c, weights) in (0..channels / I::LANES).zip(&mut weights) {
        for t in 0..PIXELS {
            let x = E::load(isa, &pixels[t][c * I::LANES..][..I::LANES]);
            for o in 0..O {
                sums[t][o] = isa.fma(x, weights[o], sums[t][o]);
            }
        }
    }
    if let Some(weights) = weights.next() {
        for t in 0..PIXELS {
            let x = E::load_partial(isa, &pixels[t][channels / I::LANES * I::LANES..]);
            for o in 0..O {
                sums[t][o] = isa.fma(x, weights[o], sums[t][o]);
            }
        }
    }
    sums
}
