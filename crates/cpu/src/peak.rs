//! The rate at which this machine multiplies and adds when nothing else limits it: what kernels are measured by.

use std::array;
use std::hint::black_box;
use std::time::{Duration, Instant};

use amplio_simd::{Isa, Kernel, Level, dispatch_dot};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::Cpu;

/// Chains of multiply-adds that do not wait for each other, enough to fill the units of any CPU and to fit its registers.
const CHAINS: usize = 12;

/// Steps of each chain in a round, about a millisecond.
const STEPS: usize = 250_000;

/// Multiply-accumulates per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Of floats of 32 bits.
    pub floats: f64,
    /// Of integers of 16 bits, summed in 32; none where that is not faster.
    pub integers: Option<f64>,
}

impl Cpu {
    /// Measures for about so long what all threads of the device reach together: the best of many rounds.
    pub fn peak(&self, time: Duration) -> Peak {
        let integers = self.level.favours_integers().then(|| self.rate::<true>(time / 2));
        Peak { floats: self.rate::<false>(time / 2), integers }
    }

    fn rate<const INTEGERS: bool>(&self, time: Duration) -> f64 {
        let (start, mut best) = (Instant::now(), 0.0_f64);
        while start.elapsed() < time {
            let began = Instant::now();
            let threads = (0..self.threads()).into_par_iter();
            let macs: usize =
                self.pool.install(|| threads.map(|_| dispatch_dot(self.level, Chains::<INTEGERS>)).sum());
            best = best.max(macs as f64 / began.elapsed().as_secs_f64());
        }
        best
    }
}

/// Runs the chains, and gives the number of multiply-accumulates.
struct Chains<const INTEGERS: bool>;

impl<const INTEGERS: bool> Kernel for Chains<INTEGERS> {
    type Output = usize;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> usize {
        if INTEGERS {
            let [a, b] = [7, 5].map(|pair| isa.splat_i32(black_box(pair)));
            // A chain waits less when it is only added to. But where adding is an instruction of its own, products of what stays the
            // same would be computed once, before the loop.
            let is_fused = matches!(I::LEVEL, Level::Avx2Vnni | Level::Avx512Vnni);
            let mut chains: [I::I32; CHAINS] = array::from_fn(|i| isa.splat_i32(i as i32));
            for _ in 0..STEPS {
                for chain in &mut chains {
                    *chain = isa.dot_i16(if is_fused { a } else { *chain }, b, *chain);
                }
            }
            let sum = chains.into_iter().fold(isa.splat_i32(0), |sum, chain| isa.add_i32(sum, chain));
            black_box(isa.reduce_sum(isa.to_f32(sum)));
            return 2 * CHAINS * STEPS * I::LANES;
        }
        let (a, b) = (isa.splat(black_box(0.999)), isa.splat(black_box(0.001)));
        let mut chains: [I::F32; CHAINS] = array::from_fn(|i| isa.splat(i as f32));
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = isa.fma(*chain, a, b);
            }
        }
        black_box(isa.reduce_sum(chains.into_iter().fold(isa.zero(), |sum, chain| isa.add(sum, chain))));
        CHAINS * STEPS * I::LANES
    }
}
