//! The three linear maps of F(4x4, 3x3) and of F(6x6, 3x3), each for one axis; two passes of each make the map of a square.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use amplio_simd::{Isa, Scalar};

/// The maps for tiles of `SIDE` results a side, which depend on `REACH` pixels a side.
pub(crate) trait Transform<const REACH: usize, const SIDE: usize> {
    /// The points but for ∞, at which the polynomials are evaluated.
    const POINTS: &[f64];

    /// The transform of neighbouring pixels.
    fn input<I: Isa>(isa: I, d: [I::F32; REACH]) -> [I::F32; REACH];

    /// The results of sums of products.
    fn output<I: Isa>(isa: I, m: [I::F32; REACH]) -> [I::F32; SIDE];

    /// What three taps contribute to each product.
    fn taps() -> [[f64; 3]; REACH] {
        let mut rows = [[0.0, 0.0, 1.0]; REACH];
        for (row, &x) in rows.iter_mut().zip(Self::POINTS) {
            let norm: f64 = Self::POINTS.iter().filter(|&&other| other != x).map(|other| x - other).product();
            *row = [1.0 / norm, x / norm, x * x / norm];
        }
        rows
    }

    /// How much larger than the pixels each number of their transform can be.
    fn gains() -> [f32; REACH] {
        let mut gains = [0.0; REACH];
        for pixel in 0..REACH {
            let unit = std::array::from_fn(|i| Scalar.splat(if i == pixel { 1.0 } else { 0.0 }));
            for (gain, number) in gains.iter_mut().zip(Self::input(Scalar, unit)) {
                *gain += Scalar.reduce_max(number).abs();
            }
        }
        gains
    }
}

/// Tiles of 4x4 results.
///
/// With the points 0, ±1/√2, ±√2 and ∞, the products of opposite points are 1/2 and 2: most factors become powers of two, and
/// the numbers stay of about one size, which keeps the rounding errors small.
pub(crate) struct F4;

/// Tiles of 6x6 results: fewer products, and more work to transform.
///
/// With the points 0, ±1, ±1/2, ±2 and ∞, whose numbers are exact.
pub(crate) struct F6;

impl Transform<6, 4> for F4 {
    const POINTS: &[f64] = &[0.0, FRAC_1_SQRT_2, -FRAC_1_SQRT_2, SQRT_2, -SQRT_2];

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
            isa.add(isa.add(m[0], sum), sum_large),
            plus(isa, difference_large, SQRT_2, times(isa, difference, FRAC_1_SQRT_2)),
            plus(isa, sum_large, 2.0, times(isa, sum, 0.5)),
            plus(isa, difference_large, 2.0 * SQRT_2, plus(isa, difference, FRAC_1_SQRT_2 / 2.0, m[5])),
        ]
    }
}

impl Transform<8, 6> for F6 {
    const POINTS: &[f64] = &[0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0];

    #[inline(always)]
    fn input<I: Isa>(isa: I, d: [I::F32; 8]) -> [I::F32; 8] {
        let [one, minus_one] = opposite(isa, &d, [1.0, -4.25], 1.0);
        let [half, minus_half] = opposite(isa, &d, [4.0, -5.0], 0.5);
        let [two, minus_two] = opposite(isa, &d, [0.25, -1.25], 2.0);
        let zero = plus(isa, isa.sub(d[2], d[4]), 5.25, isa.sub(d[6], d[0]));
        let infinity = plus(isa, isa.sub(d[3], d[5]), 5.25, isa.sub(d[7], d[1]));
        [zero, one, minus_one, half, minus_half, two, minus_two, infinity]
    }

    #[inline(always)]
    fn output<I: Isa>(isa: I, m: [I::F32; 8]) -> [I::F32; 6] {
        let (s1, d1) = (isa.add(m[1], m[2]), isa.sub(m[1], m[2]));
        let (s2, d2) = (isa.add(m[3], m[4]), isa.sub(m[3], m[4]));
        let (s3, d3) = (isa.add(m[5], m[6]), isa.sub(m[5], m[6]));
        [
            isa.add(isa.add(m[0], s1), isa.add(s2, s3)),
            plus(isa, d3, 2.0, plus(isa, d2, 0.5, d1)),
            plus(isa, s3, 4.0, plus(isa, s2, 0.25, s1)),
            plus(isa, d3, 8.0, plus(isa, d2, 0.125, d1)),
            plus(isa, s3, 16.0, plus(isa, s2, 0.0625, s1)),
            plus(isa, d3, 32.0, plus(isa, d2, 0.03125, isa.add(d1, m[7]))),
        ]
    }
}

/// The numbers of F(6x6) for a point and its opposite: the polynomial without these two points is even, `middle` and `low` beside
/// its 1.
#[inline(always)]
fn opposite<I: Isa>(isa: I, d: &[I::F32; 8], [low, middle]: [f64; 2], point: f64) -> [I::F32; 2] {
    let even = plus(isa, d[2], low, plus(isa, d[4], middle, d[6]));
    let odd = plus(isa, d[1], low, plus(isa, d[3], middle, d[5]));
    [plus(isa, odd, point, even), plus(isa, odd, -point, even)]
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
    use std::array;
    use std::marker::PhantomData;

    use amplio_simd::{Kernel, Level, dispatch};

    use super::*;

    /// Convolves a row of numbers, in every lane, with three taps.
    struct Row<'a, T>(&'a [f32], [f32; 3], PhantomData<T>);

    trait Convolve {
        fn convolve<I: Isa>(isa: I, pixels: &[f32], taps: [f32; 3]) -> Vec<f32>;
    }

    impl Convolve for F4 {
        fn convolve<I: Isa>(isa: I, pixels: &[f32], taps: [f32; 3]) -> Vec<f32> {
            convolve::<I, F4, 6, 4>(isa, pixels, taps)
        }
    }

    impl Convolve for F6 {
        fn convolve<I: Isa>(isa: I, pixels: &[f32], taps: [f32; 3]) -> Vec<f32> {
            convolve::<I, F6, 8, 6>(isa, pixels, taps)
        }
    }

    fn convolve<I: Isa, T: Transform<R, S>, const R: usize, const S: usize>(
        isa: I,
        pixels: &[f32],
        taps: [f32; 3],
    ) -> Vec<f32> {
        let pixels = T::input(isa, array::from_fn(|i| isa.splat(pixels[i])));
        let products = array::from_fn(|i| {
            let weight: f64 = T::taps()[i].iter().zip(taps).map(|(a, b)| a * f64::from(b)).sum();
            isa.mul(pixels[i], isa.splat(weight as f32))
        });
        T::output(isa, products).map(|y| isa.reduce_max(y)).to_vec()
    }

    impl<T: Convolve> Kernel for Row<'_, T> {
        type Output = Vec<f32>;

        fn run<I: Isa>(self, isa: I) -> Vec<f32> {
            T::convolve(isa, self.0, self.1)
        }
    }

    fn an_axis_is_convolved<T: Convolve>(tolerance: f32) {
        let (pixels, taps) = ([0.3, -1.2, 2.0, 0.7, -0.4, 1.1, 0.9, -1.7], [0.5, -0.25, 2.0]);
        for level in Level::available() {
            for (x, got) in dispatch(level, Row::<T>(&pixels, taps, PhantomData)).into_iter().enumerate() {
                let expected: f32 = (0..3).map(|k| pixels[x + k] * taps[k]).sum();
                assert!((got - expected).abs() < tolerance, "{got} for {expected} on {level}");
            }
        }
    }

    #[test]
    fn axes_are_convolved() {
        an_axis_is_convolved::<F4>(2e-6);
        an_axis_is_convolved::<F6>(1e-5);
    }

    #[test]
    fn gains_are_the_sums_of_the_magnitudes_of_the_maps_rows() {
        let expected = [4.5, 5.1213, 5.1213, 3.6213, 3.6213, 4.5];
        for (gain, expected) in F4::gains().into_iter().zip(expected) {
            assert!((gain - expected).abs() < 1e-4, "{gain} for {expected}");
        }
    }
}
