//! What a kernel may ask of an instruction set.

use std::fmt::Debug;

use half::f16;

use crate::Level;

/// A zero-sized token that proves that the CPU has an instruction set, and the vector operations of that set.
///
/// Vectors have [`Isa::LANES`] floats; every operation works on each lane alone unless it says otherwise. Loads and stores panic
/// when the slice is shorter than a vector; the check vanishes where the compiler knows the length. No operation needs alignment.
pub trait Isa: Copy + Debug + Send + Sync + 'static {
    /// A vector of floats.
    type F32: Copy + Debug + Send + Sync + 'static;
    /// A vector of as many 32-bit integers.
    type I32: Copy + Debug + Send + Sync + 'static;
    /// A truth for each lane, the result of a comparison.
    type Mask: Copy + Debug + Send + Sync + 'static;

    /// The level of this token.
    const LEVEL: Level;
    /// The number of lanes of a vector.
    const LANES: usize;
    /// How many vectors fit the registers; kernels choose the size of their blocks by it.
    const REGISTERS: usize;

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::F32;

    /// Zero in every lane.
    #[inline(always)]
    fn zero(self) -> Self::F32 {
        self.splat(0.0)
    }

    /// The first [`Isa::LANES`] elements of `from`.
    ///
    /// # Panics
    /// If `from` is shorter.
    fn load(self, from: &[f32]) -> Self::F32;

    /// The first `min(from.len(), LANES)` elements of `from`, and zero in the lanes after them.
    fn load_partial(self, from: &[f32]) -> Self::F32;

    /// The first [`Isa::LANES`] elements of `from`, widened (exactly).
    ///
    /// # Panics
    /// If `from` is shorter.
    fn load_f16(self, from: &[f16]) -> Self::F32;

    /// Writes `v` to the first [`Isa::LANES`] elements of `to`.
    ///
    /// # Panics
    /// If `to` is shorter.
    fn store(self, to: &mut [f32], v: Self::F32);

    /// Writes the first `min(to.len(), LANES)` lanes of `v` to `to`.
    fn store_partial(self, to: &mut [f32], v: Self::F32);

    /// Writes `v`, rounded to nearest even, to the first [`Isa::LANES`] elements of `to`. What exceeds 65504 becomes infinite.
    ///
    /// # Panics
    /// If `to` is shorter.
    fn store_f16(self, to: &mut [f16], v: Self::F32);

    /// The whole vectors of a slice, and not what is left of it. An index into them costs less than [`Isa::load`] does, which
    /// checks both ends.
    ///
    /// # Panics
    /// If the slice does not begin where a vector may: at a multiple of its size.
    fn vectors(self, from: &[f32]) -> &[Self::F32];

    /// As [`Isa::vectors`], to be written.
    ///
    /// # Panics
    /// As [`Isa::vectors`].
    fn vectors_mut(self, from: &mut [f32]) -> &mut [Self::F32];

    /// `a + b`.
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a - b`.
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b`.
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a / b`.
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`, rounded once; [`crate::Scalar`] rounds twice where the baseline has no fused operation.
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `c - a * b`, rounded like [`Isa::fma`].
    fn neg_fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `if a < b { a } else { b }`: with NaN in either, `b`.
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `if a > b { a } else { b }`: with NaN in either, `b`.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// The magnitude.
    fn abs(self, a: Self::F32) -> Self::F32;
    /// `-a`.
    fn neg(self, a: Self::F32) -> Self::F32;
    /// The square root, correctly rounded.
    fn sqrt(self, a: Self::F32) -> Self::F32;
    /// The largest integer not above `a`.
    fn floor(self, a: Self::F32) -> Self::F32;
    /// The nearest integer, of two the even one.
    fn round(self, a: Self::F32) -> Self::F32;

    /// `a * 2^n` for an integer `n` of at most 252 in magnitude.
    #[inline(always)]
    fn ldexp(self, a: Self::F32, n: Self::F32) -> Self::F32 {
        let power = |n| self.reinterpret_f32(self.shl_i32::<23>(self.add_i32(n, self.splat_i32(127))));
        // 2^n itself may overflow or be subnormal; its two halves never are.
        let n = self.round_i32(n);
        let half = self.shr_i32::<1>(n);
        self.mul(self.mul(a, power(half)), power(self.sub_i32(n, half)))
    }

    /// `a < b`; false with NaN.
    fn lt(self, a: Self::F32, b: Self::F32) -> Self::Mask;

    /// `a > b`; false with NaN.
    #[inline(always)]
    fn gt(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        self.lt(b, a)
    }

    /// `a` where `mask` is true, `b` elsewhere.
    fn select(self, mask: Self::Mask, a: Self::F32, b: Self::F32) -> Self::F32;

    /// The sum of all lanes, in an order of the instruction set's own.
    fn reduce_sum(self, a: Self::F32) -> f32;
    /// The largest lane, if none is NaN.
    fn reduce_max(self, a: Self::F32) -> f32;
    /// The smallest lane, if none is NaN.
    fn reduce_min(self, a: Self::F32) -> f32;

    /// `x` in every lane.
    fn splat_i32(self, x: i32) -> Self::I32;
    /// The nearest integer, of two the even one; unspecified with NaN and outside of `i32`.
    fn round_i32(self, a: Self::F32) -> Self::I32;
    /// The nearest float.
    fn to_f32(self, a: Self::I32) -> Self::F32;
    /// The bits of the floats.
    fn reinterpret_i32(self, a: Self::F32) -> Self::I32;
    /// The floats with these bits.
    fn reinterpret_f32(self, a: Self::I32) -> Self::F32;
    /// `a + b`, wrapping.
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `a - b`, wrapping.
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `a & b`.
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `a << N`, for `N` below 32.
    fn shl_i32<const N: u32>(self, a: Self::I32) -> Self::I32;
    /// `a >> N` with the sign shifted in, for `N` below 32.
    fn shr_i32<const N: u32>(self, a: Self::I32) -> Self::I32;
    /// The larger of each.
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// The products of the lanes of the two vectors and `scale`, rounded to nearest (of two the even one) and narrowed to 16 bits:
    /// in order, two to each lane, the first in the low half. Unspecified with NaN and beyond ±32767.
    fn round_i16(self, numbers: [Self::F32; 2], scale: Self::F32) -> Self::I32;

    /// As [`Isa::round_i16`], but lane by lane: those of the first vector in the low halves, those of the second in the high ones.
    #[inline(always)]
    fn round_i16_pairs(self, numbers: [Self::F32; 2], scale: Self::F32) -> Self::I32 {
        let [low, high] = numbers.map(|x| self.round_i32(self.mul(x, scale)));
        let low = self.and_i32(low, self.splat_i32(0xffff));
        self.add_i32(low, self.shl_i32::<16>(high))
    }
    /// In each lane the two 16-bit products of `a` and `b`, added to `c`, wrapping.
    fn dot_i16(self, a: Self::I32, b: Self::I32, c: Self::I32) -> Self::I32;
}

#[cfg(test)]
mod tests;
