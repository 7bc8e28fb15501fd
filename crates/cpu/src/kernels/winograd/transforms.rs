//! The three linear maps of minimal filtering, each for one axis; two passes of each make the map of a square.

mod four;
mod six;

use std::array;

use amplio_simd::{Isa, Scalar};

pub(crate) use self::four::{Floats, Integers};
pub(crate) use self::six::Large;

/// How tiles of `S` results along a side are computed from `R` pixels.
pub(crate) trait Scheme<const S: usize, const R: usize> {
    /// Results along a side of a tile.
    const SIDE: usize = S;

    /// The products of a tile for one input and one output channel.
    const PRODUCTS: usize = R * R;

    /// Whether the products are of 16-bit integers.
    const INTEGERS: bool;

    /// Tiles of a block, whose numbers and sums are to stay in the cache: best a multiple of 6, 8 and 12, as so many are multiplied
    /// together.
    const TILES: usize;

    /// What three taps contribute to each product.
    fn taps() -> [[f64; 3]; R];

    /// The transform of neighbouring pixels.
    fn input<I: Isa>(isa: I, pixels: [I::F32; R]) -> [I::F32; R];

    /// The results of sums of products.
    fn output<I: Isa>(isa: I, sums: [I::F32; R]) -> [I::F32; S];
}

/// Numbers of a row's transform to [`Integers`] that are equally large at most are of one kind: those of 0 and ∞, and of opposite points.
pub(super) const KIND: [usize; 6] = [0, 1, 1, 2, 2, 0];

/// Kinds of numbers of a row's transform.
pub(super) const KINDS: usize = 3;

/// How much larger than the largest of what is transformed each number of its transform can be.
pub(super) fn gains<T: Scheme<S, R>, const S: usize, const R: usize>() -> [f32; R] {
    let mut gains = [0.0; R];
    for pixel in 0..R {
        let unit = array::from_fn(|i| Scalar.splat(if i == pixel { 1.0 } else { 0.0 }));
        for (gain, number) in gains.iter_mut().zip(T::input(Scalar, unit)) {
            *gain += Scalar.reduce_max(number).abs();
        }
    }
    gains
}

/// What three taps contribute to the products at some points, the last of which is ∞, and how many times as much as they must.
fn taps<const R: usize>(points: &[f64], times: impl Fn(f64) -> f64) -> [[f64; 3]; R] {
    let mut rows = [[0.0, 0.0, 1.0]; R];
    for (row, &x) in rows.iter_mut().zip(points) {
        let norm: f64 = points.iter().filter(|&&other| other != x).map(|other| x - other).product();
        let scale = times(x) / norm;
        *row = [scale, x * scale, x * x * scale];
    }
    rows
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
    use std::marker::PhantomData;

    use amplio_simd::{Kernel, Level, dispatch};

    use super::*;

    /// Convolves a row of numbers, in every lane, with three taps.
    struct Row<T, const R: usize>([f32; R], [f32; 3], PhantomData<T>);

    impl<T: Scheme<S, R>, const S: usize, const R: usize> Kernel for Row<(T, [(); S]), R> {
        type Output = [f32; S];

        fn run<I: Isa>(self, isa: I) -> [f32; S] {
            let Self(pixels, taps, _) = self;
            let pixels = T::input(isa, pixels.map(|x| isa.splat(x)));
            let all = T::taps();
            let products = array::from_fn(|i| {
                let weight: f64 = all[i].iter().zip(taps).map(|(a, b)| a * f64::from(b)).sum();
                isa.mul(pixels[i], isa.splat(weight as f32))
            });
            T::output(isa, products).map(|y| isa.reduce_max(y))
        }
    }

    fn an_axis_is_convolved<T: Scheme<S, R>, const S: usize, const R: usize>(error: f32) {
        const PIXELS: [f32; 8] = [0.3, -1.2, 2.0, 0.7, -0.4, 1.1, 0.9, -1.6];
        let (pixels, taps) = (array::from_fn(|i| PIXELS[i]), [0.5, -0.25, 2.0]);
        for level in Level::available() {
            let row = Row::<(T, [(); S]), R>(pixels, taps, PhantomData);
            for (x, got) in dispatch(level, row).into_iter().enumerate() {
                let expected: f32 = (0..3).map(|k| pixels[x + k] * taps[k]).sum();
                assert!((got - expected).abs() < error, "{got} for {expected} on {level}");
            }
        }
    }

    #[test]
    fn axes_are_convolved() {
        an_axis_is_convolved::<Floats, 4, 6>(2e-6);
        an_axis_is_convolved::<Integers, 4, 6>(2e-6);
        an_axis_is_convolved::<Large, 6, 8>(8e-6);
    }

    #[test]
    fn gains_are_the_sums_of_the_magnitudes_of_the_maps_rows() {
        let expected = [4.5, 5.1213, 5.1213, 3.6213, 3.6213, 4.5];
        for (gain, expected) in gains::<Integers, 4, 6>().into_iter().zip(expected) {
            assert!((gain - expected).abs() < 1e-4, "{gain} for {expected}");
        }
    }

    #[test]
    fn numbers_of_a_kind_are_equally_large() {
        let gains = gains::<Integers, 4, 6>();
        for (gain, kind) in gains.into_iter().zip(KIND) {
            let first = KIND.iter().position(|other| *other == kind).expect("the kind of this one");
            assert_eq!(gain, gains[first]);
        }
    }
}
