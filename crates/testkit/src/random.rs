//! Reproducible numbers, tensors and choices.

use amplio_graph::{Shape, Tensor};

/// A generator of numbers that are the same for the same seed, on every machine: splitmix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from 0 to below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// One of `choices`, of which there is at least one.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A number from `low` to `high`, of which an `f32` holds every digit.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.bits() >> 40) as f32 / (1_u32 << 24) as f32;
        low + (high - low) * unit
    }

    /// A tensor of numbers from -1 to 1.
    pub fn tensor(&mut self, shape: impl Into<Vec<usize>>) -> Tensor {
        Tensor::from_fn(Shape::new(shape), |_| self.between(-1.0, 1.0))
    }

    /// The weight of a layer `[outputs, inputs, ...]`, with a spread that keeps values near one.
    pub fn weight(&mut self, shape: impl Into<Vec<usize>>) -> Tensor {
        let shape = Shape::new(shape);
        let inputs: usize = shape[1..].iter().product();
        // A uniform number from -1 to 1 has the variance 1/3.
        let spread = (3.0 / inputs as f32).sqrt();
        Tensor::from_fn(shape, |_| self.between(-spread, spread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_splitmix64() {
        // The first output for seed 1234567 of the reference implementation (prng.di.unimi.it/splitmix64.c)
        assert_eq!(Random::new(1_234_567).bits(), 6_457_827_717_110_365_317);
        let mut random = Random::new(1);
        assert!((0..1000).map(|_| random.between(2.0, 3.0)).all(|x| (2.0..=3.0).contains(&x)));
    }
}
