//! The maps of F(4x4, 3x3).
//!
//! With the points 0, ±1/√2, ±√2 and ∞, the products of opposite points are 1/2 and 2: most factors become powers of two, and
//! the numbers stay of about one size, which keeps the rounding errors small.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use amplio_simd::Isa;

use super::{Scheme, plus, times};

/// The points but for ∞, at which the polynomials are evaluated.
const POINTS: [f64; 5] = [0.0, FRAC_1_SQRT_2, -FRAC_1_SQRT_2, SQRT_2, -SQRT_2];

/// F(4x4, 3x3).
#[derive(Debug)]
pub(crate) struct Four<const INTEGERS: bool>;

/// F(4x4, 3x3) of 16-bit integers.
pub(crate) type Integers = Four<true>;

/// F(4x4, 3x3) of floats.
pub(crate) type Floats = Four<false>;

impl<const INTEGERS: bool> Scheme<4, 6> for Four<INTEGERS> {
    const INTEGERS: bool = INTEGERS;
    const TILES: usize = 24;

    /// Those at ±√2 are doubled, and the last map halves them: then the numbers of weights are about as large at all points, and
    /// integers with one unit for all of them lose little.
    fn taps() -> [[f64; 3]; 6] {
        super::taps(&POINTS, |x| if x.abs() > 1.0 { 2.0 } else { 1.0 })
    }

    #[inline(always)]
    fn input<I: Isa>(isa: I, d: [I::F32; 6]) -> [I::F32; 6] {
        let (half, two, both) = (isa.splat(0.5), isa.splat(2.0), isa.splat(2.5));
        let (small, large) = (isa.splat(FRAC_1_SQRT_2 as f32), isa.splat(SQRT_2 as f32));
        let (even, odd) = (isa.neg_fma(two, d[2], d[4]), isa.neg_fma(two, d[1], d[3]));
        let (even_large, odd_large) = (isa.neg_fma(half, d[2], d[4]), isa.neg_fma(half, d[1], d[3]));
        [
            isa.add(isa.neg_fma(both, d[2], d[0]), d[4]),
            isa.fma(small, odd, even),
            isa.neg_fma(small, odd, even),
            isa.fma(large, odd_large, even_large),
            isa.neg_fma(large, odd_large, even_large),
            isa.add(isa.neg_fma(both, d[3], d[1]), d[5]),
        ]
    }

    #[inline(always)]
    fn output<I: Isa>(isa: I, m: [I::F32; 6]) -> [I::F32; 4] {
        let (sum, difference) = (isa.add(m[1], m[2]), isa.sub(m[1], m[2]));
        let (sum_large, difference_large) = (isa.add(m[3], m[4]), isa.sub(m[3], m[4]));
        [
            plus(isa, sum_large, 0.5, isa.add(m[0], sum)),
            times(isa, isa.add(difference, difference_large), FRAC_1_SQRT_2),
            plus(isa, sum, 0.5, sum_large),
            plus(isa, difference_large, SQRT_2, plus(isa, difference, FRAC_1_SQRT_2 / 2.0, m[5])),
        ]
    }
}
