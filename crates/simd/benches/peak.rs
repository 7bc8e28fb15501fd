//! How close a safe convolution micro-kernel comes to the peak of the machine: `cargo bench -p amplio-simd --bench peak`.
//!
//! Prints, for every level, the rate of [`Convolve`], the kernel to copy, and that of independent fused multiply-adds, which bounds
//! it (though not on the scalar level, where LLVM decides anew for each loop what becomes a vector).
#![allow(clippy::print_stdout, reason = "the result of a benchmark is what it prints")]

use std::array;
use std::hint::black_box;
use std::time::Instant;

use amplio_simd::{AlignedBuf, Isa, Kernel, Level, PixelsRef, dispatch};

/// The input channels of each pixel, one 3x3 window of 64 channels.
const DEPTH: usize = 576;
/// The pixels of a run; their rows stay in the second-level cache.
const PIXELS: usize = 120;
const REPEATS: usize = 20;
const ROUNDS: usize = 100;

/// `acc[t][j] += rows[t][c] * weights[c][j]` over all channels `c`; panics if a row is shorter than the first.
#[inline(always)]
fn accumulate<I: Isa, const MT: usize, const NV: usize>(
    isa: I,
    mut acc: [[I::F32; NV]; MT],
    mut rows: [&[f32]; MT],
    weights: &[f32],
) -> [[I::F32; NV]; MT] {
    let k = rows[0].len();
    for row in &mut rows {
        *row = &row[..k];
    }
    for (c, w) in (0..k).zip(weights.chunks_exact(NV * I::LANES)) {
        let w: [I::F32; NV] = array::from_fn(|j| isa.load(&w[j * I::LANES..]));
        for t in 0..MT {
            let x = isa.splat(rows[t][c]);
            for j in 0..NV {
                acc[t][j] = isa.fma(x, w[j], acc[t][j]);
            }
        }
    }
    acc
}

/// A convolution of the rows `input` to `NV` vectors of channels, `MT` pixels at a time.
struct Convolve<'a, const MT: usize, const NV: usize> {
    input: PixelsRef<'a>,
    weights: &'a [f32],
    output: &'a mut [f32],
}

impl<const MT: usize, const NV: usize> Kernel for Convolve<'_, MT, NV> {
    type Output = usize;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> usize {
        let blocks = self.input.pixels() / MT;
        for (block, output) in self.output.chunks_exact_mut(MT * NV * I::LANES).take(blocks).enumerate() {
            let rows = array::from_fn(|t| self.input.pixel(block * MT + t));
            let acc = accumulate::<I, MT, NV>(isa, [[isa.zero(); NV]; MT], rows, self.weights);
            for (v, output) in acc.as_flattened().iter().zip(output.chunks_exact_mut(I::LANES)) {
                isa.store(output, *v);
            }
        }
        blocks * MT * self.input.channels() * NV * I::LANES
    }
}

/// `CHAINS` chains of multiply-adds that do not wait for each other: the peak.
struct Peak<const CHAINS: usize> {
    steps: usize,
}

impl<const CHAINS: usize> Kernel for Peak<CHAINS> {
    type Output = (usize, f32);

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> (usize, f32) {
        let a = isa.splat(black_box(0.999));
        let b = isa.splat(black_box(0.001));
        let mut chains: [I::F32; CHAINS] = array::from_fn(|i| isa.splat(i as f32));
        for _ in 0..self.steps {
            for chain in &mut chains {
                *chain = isa.fma(*chain, a, b);
            }
        }
        let sum = chains.into_iter().fold(isa.zero(), |sum, chain| isa.add(sum, chain));
        (self.steps * CHAINS * I::LANES, isa.reduce_sum(sum))
    }
}

/// The rate of `work`, which returns its multiply-adds, in thousand millions a second.
fn rate(work: &mut dyn FnMut() -> usize) -> f64 {
    let start = Instant::now();
    let macs: usize = (0..REPEATS).map(|_| work()).sum();
    macs as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn filled(len: usize) -> AlignedBuf {
    let mut buffer = AlignedBuf::try_zeroed(len).expect("memory for the benchmark");
    for (i, x) in buffer.iter_mut().enumerate() {
        *x = (i % 17) as f32 / 17.0 - 0.5;
    }
    buffer
}

/// Prints the best rates of many short rounds, by turns, because the clock and the neighbours change from moment to moment.
fn report<const MT: usize, const NV: usize>(level: Level) {
    // Enough for the widest vectors; narrower ones use a part.
    let (input, weights) = (filled(PIXELS * DEPTH), filled(DEPTH * NV * 16));
    let mut output = filled(PIXELS * NV * 16);
    let mut convolve = || {
        let kernel = Convolve::<MT, NV> {
            input: PixelsRef::dense(&input, black_box(DEPTH)),
            weights: black_box(&weights),
            output: &mut output,
        };
        dispatch(level, kernel)
    };
    let mut multiply = || {
        let (macs, sum) = dispatch(level, Peak::<12> { steps: 10_000 });
        black_box(sum);
        macs
    };
    let (mut reached, mut peak) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        reached = reached.max(rate(&mut convolve));
        peak = peak.max(rate(&mut multiply));
    }
    println!(
        "{level:>7} {MT:2} x {NV}: {reached:6.1} of {peak:6.1} GMAC/s, {:3.0} %",
        100.0 * reached / peak
    );
}

fn main() {
    for level in Level::available() {
        match level {
            Level::Scalar => report::<4, 2>(level),
            Level::Avx2 | Level::Avx2Vnni => report::<6, 2>(level),
            Level::Neon | Level::Avx512 | Level::Avx512Vnni => {
                report::<6, 4>(level);
                report::<8, 3>(level);
                report::<12, 2>(level);
                report::<16, 1>(level);
            }
        }
    }
}
