//! The maps of F(6x6, 3x3), with the points 0, ±1/2, ±1, ±2 and ∞. All factors are exact in binary, and no set of seven points
//! of the form 0, ±1/t, ±1, ±t rounds notably less.

use amplio_simd::Isa;

use super::{Scheme, plus};

/// The points but for ∞, at which the polynomials are evaluated.
const POINTS: [f64; 7] = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0];

/// F(6x6, 3x3) of floats: a fifth fewer multiplications than [`super::Floats`], with errors four times as large.
#[derive(Debug)]
pub(crate) struct Large;

impl Scheme<6, 8> for Large {
    const INTEGERS: bool = false;
    const TILES: usize = 12;

    fn taps() -> [[f64; 3]; 8] {
        super::taps(&POINTS, |_| 1.0)
    }

    #[inline(always)]
    fn input<I: Isa>(isa: I, d: [I::F32; 8]) -> [I::F32; 8] {
        let [even, odd] = pair(isa, d, 4.25, 1.0);
        let [even_small, odd_small] = pair(isa, d, 5.0, 4.0);
        let [even_large, odd_large] = pair(isa, d, 1.25, 0.25);
        [
            plus(isa, isa.sub(d[2], d[4]), 5.25, isa.sub(d[6], d[0])),
            isa.add(even, odd),
            isa.sub(even, odd),
            plus(isa, odd_small, 0.5, even_small),
            plus(isa, odd_small, -0.5, even_small),
            plus(isa, odd_large, 2.0, even_large),
            plus(isa, odd_large, -2.0, even_large),
            plus(isa, isa.sub(d[3], d[5]), 5.25, isa.sub(d[7], d[1])),
        ]
    }

    #[inline(always)]
    fn output<I: Isa>(isa: I, m: [I::F32; 8]) -> [I::F32; 6] {
        let sums = [isa.add(m[1], m[2]), isa.add(m[3], m[4]), isa.add(m[5], m[6])];
        let differences = [isa.sub(m[1], m[2]), isa.sub(m[3], m[4]), isa.sub(m[5], m[6])];
        [
            isa.add(isa.add(m[0], sums[0]), isa.add(sums[1], sums[2])),
            powers(isa, differences, 2.0),
            powers(isa, sums, 4.0),
            powers(isa, differences, 8.0),
            powers(isa, sums, 16.0),
            isa.add(m[7], powers(isa, differences, 32.0)),
        ]
    }
}

/// What opposite points have in common, and what differs in its sign, where the squares of the other two pairs of points have this sum
/// and this product.
#[inline(always)]
fn pair<I: Isa>(isa: I, d: [I::F32; 8], sum: f64, product: f64) -> [I::F32; 2] {
    [
        plus(isa, d[2], product, plus(isa, d[4], -sum, d[6])),
        plus(isa, d[1], product, plus(isa, d[3], -sum, d[5])),
    ]
}

/// What belongs to the points 1, 1/2 and 2, times a power of the point, which is that of 2.
#[inline(always)]
fn powers<I: Isa>(isa: I, [one, small, large]: [I::F32; 3], power: f64) -> I::F32 {
    plus(isa, large, power, plus(isa, small, 1.0 / power, one))
}
