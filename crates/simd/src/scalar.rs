//! The portable instruction set: small arrays, which LLVM turns into the vectors of the baseline.

use std::array;

use half::f16;

use crate::{Isa, Level};

const LANES: usize = 4;

/// Whether the baseline has a fused multiply-add; without one, `f32::mul_add` is a slow function call.
const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

/// The token of [`Level::Scalar`], which every CPU has.
#[derive(Debug, Clone, Copy)]
pub struct Scalar;

#[inline(always)]
fn map<A: Copy, R>(a: [A; LANES], f: impl Fn(A) -> R) -> [R; LANES] {
    array::from_fn(|i| f(a[i]))
}

#[inline(always)]
fn zip<A: Copy, B: Copy, R>(a: [A; LANES], b: [B; LANES], f: impl Fn(A, B) -> R) -> [R; LANES] {
    array::from_fn(|i| f(a[i], b[i]))
}

#[inline(always)]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[inline(always)]
fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

impl Isa for Scalar {
    type F32 = [f32; LANES];
    type I32 = [i32; LANES];
    type Mask = [bool; LANES];

    const LEVEL: Level = Level::Scalar;
    const LANES: usize = LANES;
    const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 32 } else { 16 };

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F32 {
        let from = &from[..LANES];
        array::from_fn(|i| from[i])
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> Self::F32 {
        array::from_fn(|i| from.get(i).copied().unwrap_or(0.0))
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16]) -> Self::F32 {
        let from = &from[..LANES];
        array::from_fn(|i| from[i].to_f32())
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: Self::F32) {
        to[..LANES].copy_from_slice(&v);
    }

    #[inline(always)]
    fn store_partial(self, to: &mut [f32], v: Self::F32) {
        for (to, v) in to.iter_mut().zip(v) {
            *to = v;
        }
    }

    #[inline(always)]
    fn store_f16(self, to: &mut [f16], v: Self::F32) {
        to[..LANES].copy_from_slice(&map(v, f16::from_f32));
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        array::from_fn(|i| fma(a[i], b[i], c[i]))
    }

    #[inline(always)]
    fn neg_fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        array::from_fn(|i| fma(-a[i], b[i], c[i]))
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, min)
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, max)
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        map(a, f32::abs)
    }

    #[inline(always)]
    fn neg(self, a: Self::F32) -> Self::F32 {
        map(a, |a| -a)
    }

    #[inline(always)]
    fn sqrt(self, a: Self::F32) -> Self::F32 {
        map(a, f32::sqrt)
    }

    #[inline(always)]
    fn floor(self, a: Self::F32) -> Self::F32 {
        map(a, f32::floor)
    }

    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::F32 {
        map(a, f32::round_ties_even)
    }

    #[inline(always)]
    fn lt(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        zip(a, b, |a, b| a < b)
    }

    #[inline(always)]
    fn select(self, mask: Self::Mask, a: Self::F32, b: Self::F32) -> Self::F32 {
        array::from_fn(|i| if mask[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn reduce_sum(self, a: Self::F32) -> f32 {
        (a[0] + a[2]) + (a[1] + a[3])
    }

    #[inline(always)]
    fn reduce_max(self, a: Self::F32) -> f32 {
        max(max(a[0], a[2]), max(a[1], a[3]))
    }

    #[inline(always)]
    fn reduce_min(self, a: Self::F32) -> f32 {
        min(min(a[0], a[2]), min(a[1], a[3]))
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        [x; LANES]
    }

    #[inline(always)]
    fn round_i32(self, a: Self::F32) -> Self::I32 {
        map(a, |a| a.round_ties_even() as i32)
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        map(a, |a| a as f32)
    }

    #[inline(always)]
    fn reinterpret_i32(self, a: Self::F32) -> Self::I32 {
        map(a, |a| a.to_bits().cast_signed())
    }

    #[inline(always)]
    fn reinterpret_f32(self, a: Self::I32) -> Self::F32 {
        map(a, |a| f32::from_bits(a.cast_unsigned()))
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::wrapping_add)
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::wrapping_sub)
    }

    #[inline(always)]
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, |a, b| a & b)
    }

    #[inline(always)]
    fn shl_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        map(a, |a| a << N)
    }

    #[inline(always)]
    fn shr_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        map(a, |a| a >> N)
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::max)
    }

    #[inline(always)]
    fn round_i16(self, [low, high]: [Self::F32; 2], scale: Self::F32) -> Self::I32 {
        let [low, high] = [low, high].map(|x| self.round_i32(self.mul(x, scale)));
        let all: [i32; 2 * LANES] = array::from_fn(|i| if i < LANES { low[i] } else { high[i - LANES] });
        array::from_fn(|i| all[2 * i] & 0xffff | all[2 * i + 1] << 16)
    }

    #[inline(always)]
    fn dot_i16(self, a: Self::I32, b: Self::I32, c: Self::I32) -> Self::I32 {
        let halves = |x: i32| (x as i16 as i32, x >> 16);
        let products = zip(a, b, |a, b| {
            let ((a, c), (b, d)) = (halves(a), halves(b));
            (a * b).wrapping_add(c * d)
        });
        zip(products, c, i32::wrapping_add)
    }

    #[inline(always)]
    fn vectors(self, from: &[f32]) -> &[Self::F32] {
        // SAFETY: a vector is 4 floats without padding, and any bits are valid for it.
        let (before, vectors, _) = unsafe { from.align_to() };
        assert!(before.is_empty(), "vectors must be aligned");
        vectors
    }

    #[inline(always)]
    fn vectors_mut(self, from: &mut [f32]) -> &mut [Self::F32] {
        // SAFETY: a vector is 4 floats without padding, and any bits are valid for either.
        let (before, vectors, _) = unsafe { from.align_to_mut() };
        assert!(before.is_empty(), "vectors must be aligned");
        vectors
    }
}
