//! The three linear maps of F(4x4, 3x3), each for one axis; two passes of each make the map of a square.
//!
//! With the points 0, ±1/√2, ±√2 and ∞, the products of opposite points are 1/2 and 2: most factors become powers of two, and
//! the numbers stay of about one size, which keeps the rounding errors small.

use std::array;
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use amplio_simd::{Isa, Scalar};

/// Results along a side of a tile.
pub(crate) const SIDE: usize = 4;

/// Pixels along a side of what a tile reads, and products along a side of its transform.
pub(crate) const REACH: usize = SIDE + 2;

/// The products of a tile for one input and one output channel.
pub(crate) const PRODUCTS: usize = REACH * REACH;

/// The points but for ∞, at which the polynomials are evaluated.
const POINTS: [f64; REACH - 1] = [0.0, FRAC_1_SQRT_2, -FRAC_1_SQRT_2, SQRT_2, -SQRT_2];

/// Numbers of a row's transform that are equally large at most are of one kind: those of 0 and ∞, and of opposite points.
pub(super) const KIND: [usize; REACH] = [0, 1, 1, 2, 2, 0];

/// Kinds of numbers of a row's transform.
pub(super) const KINDS: usize = 3;

/// What three taps contribute to each product. Those at ±√2 are doubled, and the last map halves them: then the numbers of weights are
/// about as large at all points, and integers with one unit for all of them lose little.
pub(super) fn taps() -> [[f64; 3]; REACH] {
    let mut rows = [[0.0, 0.0, 1.0]; REACH];
    for (row, &x) in rows.iter_mut().zip(&POINTS) {
        let norm: f64 = POINTS.iter().filter(|&&other| other != x).map(|other| x - other).product();
        let scale = if x.abs() > 1.0 { 2.0 } else { 1.0 } / norm;
        *row = [scale, x * scale, x * x * scale];
    }
    rows
}

/// How much larger than the largest of what is transformed each number of its transform can be.
pub(super) fn gains() -> [f32; REACH] {
    let mut gains = [0.0; REACH];
    for pixel in 0..REACH {
        let unit = array::from_fn(|i| Scalar.splat(if i == pixel { 1.0 } else { 0.0 }));
        for (gain, number) in gains.iter_mut().zip(input(Scalar, unit)) {
            *gain += Scalar.reduce_max(number).abs();
        }
    }
    gains
}

/// The transform of six neighbouring pixels.
#[inline(always)]
pub(super) fn input<I: Isa>(isa: I, d: [I::F32; REACH]) -> [I::F32; REACH] {
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

/// The four results of six sums of products.
#[inline(always)]
pub(super) fn output<I: Isa>(isa: I, m: [I::F32; REACH]) -> [I::F32; SIDE] {
    let (sum, difference) = (isa.add(m[1], m[2]), isa.sub(m[1], m[2]));
    let (sum_large, difference_large) = (isa.add(m[3], m[4]), isa.sub(m[3], m[4]));
    [
        plus(isa, sum_large, 0.5, isa.add(m[0], sum)),
        times(isa, isa.add(difference, difference_large), FRAC_1_SQRT_2),
        plus(isa, sum, 0.5, sum_large),
        plus(isa, difference_large, SQRT_2, plus(isa, difference, FRAC_1_SQRT_2 / 2.0, m[5])),
    ]
}

#[inline(always)]
fn times<I: Isa>(isa: I, x: I::F32, factor: f64) -> I::F32 {
    isa.mul(isa.splat(factor as f32), x)
}

/// `factor * x + y`.
#[inline(always)]
fn plus<I: Isa>(isa: I, x: I::F32, factor: f64, y: I::F32) -> I::F32 {
    isa.fma(isa.splat(factor as f32), x, y)
}

#[cfg(test)]
mod tests {
    use amplio_simd::{Kernel, Level, dispatch};

    use super::*;

    /// Convolves a row of six numbers, in every lane, with three taps.
    struct Row([f32; REACH], [f32; 3]);

    impl Kernel for Row {
        type Output = [f32; SIDE];

        fn run<I: Isa>(self, isa: I) -> [f32; SIDE] {
            let Self(pixels, taps) = self;
            let pixels = input(isa, pixels.map(|x| isa.splat(x)));
            let all = super::taps();
            let products = array::from_fn(|i| {
                let weight: f64 = all[i].iter().zip(taps).map(|(a, b)| a * f64::from(b)).sum();
                isa.mul(pixels[i], isa.splat(weight as f32))
            });
            output(isa, products).map(|y| isa.reduce_max(y))
        }
    }

    #[test]
    fn an_axis_is_convolved() {
        let (pixels, taps) = ([0.3, -1.2, 2.0, 0.7, -0.4, 1.1], [0.5, -0.25, 2.0]);
        for level in Level::available() {
            for (x, got) in dispatch(level, Row(pixels, taps)).into_iter().enumerate() {
                let expected: f32 = (0..3).map(|k| pixels[x + k] * taps[k]).sum();
                assert!((got - expected).abs() < 2e-6, "{got} for {expected} on {level}");
            }
        }
    }

    #[test]
    fn gains_are_the_sums_of_the_magnitudes_of_the_maps_rows() {
        let expected = [4.5, 5.1213, 5.1213, 3.6213, 3.6213, 4.5];
        for (gain, expected) in gains().into_iter().zip(expected) {
            assert!((gain - expected).abs() < 1e-4, "{gain} for {expected}");
        }
    }

    #[test]
    fn numbers_of_a_kind_are_equally_large() {
        for (gain, kind) in gains().into_iter().zip(KIND) {
            let first = KIND.iter().position(|other| *other == kind).expect("the kind of this one");
            assert_eq!(gain, gains()[first]);
        }
    }
}
