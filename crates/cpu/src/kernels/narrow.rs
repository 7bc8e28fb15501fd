//! Convolution to a few channels, as the last of a network: vectors of input channels, whose lanes are summed at the end.

use amplio_graph::ops::Conv2d;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{AlignedBuf, Element, Isa, PixelsMut, PixelsRef, f16};

use super::pack::memory;
use super::taps::{Line, Phase, Taps};
use crate::compiler::Compiler;

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
        let rows: Vec<_> = self.taps.rows(first / self.taps.row()).collect();
        let lines = self.taps.lines(input, &rows, 0, &outside);
        match self.bias.len() {
            1 => self.outputs::<I, E, 1>(isa, &lines, pixels),
            2 => self.outputs::<I, E, 2>(isa, &lines, pixels),
            3 => self.outputs::<I, E, 3>(isa, &lines, pixels),
            _ => self.outputs::<I, E, 4>(isa, &lines, pixels),
        }
    }

    #[inline(always)]
    fn outputs<I: Isa, E: Element, const O: usize>(&self, isa: I, lines: &[Line<E>], pixels: &mut PixelsMut) {
        // As many pixels together as the registers hold sums for.
        match (I::REGISTERS, self.rows_of_three()) {
            (32, true) => self.row::<I, E, O, 6, 3, 8>(isa, lines, pixels),
            (32, false) => self.row::<I, E, O, 6, 1, 6>(isa, lines, pixels),
            (_, true) => self.row::<I, E, O, 4, 3, 6>(isa, lines, pixels),
            (_, false) => self.row::<I, E, O, 4, 1, 4>(isa, lines, pixels),
        }
    }

    /// Whether each pixel reads three neighbours of a line, and the next pixel those one further.
    fn rows_of_three(&self) -> bool {
        self.taps.phases.iter().all(|phase| phase.stride == 1 && phase.taps == [(0, 0), (1, 1), (2, 2)])
    }

    /// `P` pixels at a time through `K` taps at a time, which together read `N` neighbours.
    #[inline(always)]
    fn row<I: Isa, E: Element, const O: usize, const P: usize, const K: usize, const N: usize>(
        &self,
        isa: I,
        lines: &[Line<E>],
        pixels: &mut PixelsMut,
    ) {
        for phase in &self.taps.phases {
            for x in (0..phase.count).step_by(P) {
                let sums = self.sums::<I, E, O, P, K, N>(isa, lines, phase, x);
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
    fn sums<I: Isa, E: Element, const O: usize, const P: usize, const K: usize, const N: usize>(
        &self,
        isa: I,
        lines: &[Line<E>],
        phase: &Phase,
        x: usize,
    ) -> [[I::F32; O]; P] {
        let inputs = self.inputs;
        let size = inputs.div_ceil(I::LANES) * O;
        let all = isa.vectors(&self.weights);
        let mut sums = [[isa.zero(); O]; P];
        for line in lines {
            for &(tap, place) in phase.taps.iter().step_by(K) {
                let places = &line.pixels[place + x * phase.stride..];
                let mut pixels: [&[E]; N] = [&[]; N];
                for (t, pixel) in pixels.iter_mut().enumerate() {
                    *pixel = &places[t * phase.stride][..inputs];
                }
                let weights = &all[(line.tap * self.taps.width + tap) * size..][..K * size];
                sums = products::<I, E, O, P, K, N>(isa, sums, pixels, weights);
            }
        }
        sums
    }
}

/// Adds to the sums of each pixel and output the products of the channels of `K` neighbours and their weights, lane by lane.
#[inline(always)]
fn products<I: Isa, E: Element, const O: usize, const P: usize, const K: usize, const N: usize>(
    isa: I,
    mut sums: [[I::F32; O]; P],
    mut pixels: [&[E]; N],
    weights: &[I::F32],
) -> [[I::F32; O]; P] {
    let channels = pixels[0].len();
    for pixel in &mut pixels {
        *pixel = &pixel[..channels];
    }
    let mut taps: [&[I::F32]; K] = [&[]; K];
    for (tap, weights) in taps.iter_mut().zip(weights.chunks_exact(weights.len() / K)) {
        *tap = weights;
    }
    let whole = channels / I::LANES;
    for c in 0..whole {
        let mut own = [[isa.zero(); O]; K];
        for (own, tap) in own.iter_mut().zip(&taps) {
            own.copy_from_slice(&tap[c * O..][..O]);
        }
        for (n, pixel) in pixels.iter().enumerate() {
            let x = E::load(isa, &pixel[c * I::LANES..][..I::LANES]);
            add(isa, &mut sums, n, x, &own);
        }
    }
    if whole * I::LANES < channels {
        let mut own = [[isa.zero(); O]; K];
        for (own, tap) in own.iter_mut().zip(&taps) {
            own.copy_from_slice(&tap[whole * O..][..O]);
        }
        for (n, pixel) in pixels.iter().enumerate() {
            let x = E::load_partial(isa, &pixel[whole * I::LANES..]);
            add(isa, &mut sums, n, x, &own);
        }
    }
    sums
}

/// Adds what neighbour number `n` gives to the pixels that read it.
#[inline(always)]
fn add<I: Isa, const O: usize, const P: usize, const K: usize>(
    isa: I,
    sums: &mut [[I::F32; O]; P],
    n: usize,
    x: I::F32,
    weights: &[[I::F32; O]; K],
) {
    for (k, weights) in weights.iter().enumerate() {
        if (k..k + P).contains(&n) {
            for (sum, &weight) in sums[n - k].iter_mut().zip(weights) {
                *sum = isa.fma(x, weight, *sum);
            }
        }
    }
}
