//! NEON, with its conversions of floats of 16 bits.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected as has};

use half::f16;

use crate::{Isa, Level};

/// The token of [`Level::Neon`].
#[derive(Debug, Clone, Copy)]
pub struct Neon(());

impl Neon {
    /// The token, if this CPU has NEON.
    #[inline]
    pub fn detect() -> Option<Self> {
        has!("neon").then_some(Self(()))
    }
}

impl Isa for Neon {
    type F32 = float32x4_t;
    type I32 = int32x4_t;
    type Mask = uint32x4_t;

    const LEVEL: Level = Level::Neon;
    const LANES: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F32 {
        let from = &from[..4];
        // SAFETY: the token proves that the CPU has NEON, and the slice has been cut to the 4 elements of the vector.
        unsafe { vld1q_f32(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> Self::F32 {
        let mut lanes = [0.0; 4];
        let count = from.len().min(4);
        lanes[..count].copy_from_slice(&from[..count]);
        self.load(&lanes)
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16]) -> Self::F32 {
        let from = &from[..4];
        // SAFETY: the token proves that the CPU has NEON, and the slice has been cut to the 4 elements of the vector.
        unsafe { widen(vld1_u16(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: Self::F32) {
        let to = &mut to[..4];
        // SAFETY: the token proves that the CPU has NEON, and the slice has been cut to the 4 elements of the vector.
        unsafe { vst1q_f32(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn store_partial(self, to: &mut [f32], v: Self::F32) {
        let mut lanes = [0.0; 4];
        let count = to.len().min(4);
        self.store(&mut lanes, v);
        to[..count].copy_from_slice(&lanes[..count]);
    }

    #[inline(always)]
    fn store_f16(self, to: &mut [f16], v: Self::F32) {
        let to = &mut to[..4];
        // SAFETY: the token proves that the CPU has NEON, and the slice has been cut to the 4 elements of the vector.
        unsafe { vst1_u16(to.as_mut_ptr().cast(), narrow(v)) }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn neg_fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vfmsq_f32(c, a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // NEON's own minimum is NaN if either is.
        self.select(self.lt(a, b), a, b)
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        self.select(self.lt(b, a), a, b)
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vabsq_f32(a) }
    }

    #[inline(always)]
    fn neg(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vnegq_f32(a) }
    }

    #[inline(always)]
    fn sqrt(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vsqrtq_f32(a) }
    }

    #[inline(always)]
    fn floor(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vrndmq_f32(a) }
    }

    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vrndnq_f32(a) }
    }

    #[inline(always)]
    fn lt(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vcltq_f32(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: Self::Mask, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vbslq_f32(mask, a, b) }
    }

    #[inline(always)]
    fn reduce_sum(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vaddvq_f32(a) }
    }

    #[inline(always)]
    fn reduce_max(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vmaxvq_f32(a) }
    }

    #[inline(always)]
    fn reduce_min(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vminvq_f32(a) }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vdupq_n_s32(x) }
    }

    #[inline(always)]
    fn round_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vcvtnq_s32_f32(a) }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vcvtq_f32_s32(a) }
    }

    #[inline(always)]
    fn reinterpret_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vreinterpretq_s32_f32(a) }
    }

    #[inline(always)]
    fn reinterpret_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vreinterpretq_f32_s32(a) }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vaddq_s32(a, b) }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vsubq_s32(a, b) }
    }

    #[inline(always)]
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vandq_s32(a, b) }
    }

    #[inline(always)]
    fn shl_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vshlq_s32(a, vdupq_n_s32(N.cast_signed())) }
    }

    #[inline(always)]
    fn shr_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON, where a negative shift is one to the right.
        unsafe { vshlq_s32(a, vdupq_n_s32(-N.cast_signed())) }
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vmaxq_s32(a, b) }
    }

    #[inline(always)]
    fn round_i16(self, [low, high]: [Self::F32; 2], scale: Self::F32) -> Self::I32 {
        let [low, high] = [low, high].map(|x| self.round_i32(self.mul(x, scale)));
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { vreinterpretq_s32_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high))) }
    }

    #[inline(always)]
    fn dot_i16(self, a: Self::I32, b: Self::I32, c: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has NEON.
        unsafe {
            let (a, b) = (vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b));
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
            vaddq_s32(c, vpaddq_s32(low, vmull_high_s16(a, b)))
        }
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

/// Floats of 16 bits as those of 32: in assembly, as the intrinsic is younger than the compilers that we support.
#[inline]
#[target_feature(enable = "neon")]
fn widen(halves: uint16x4_t) -> float32x4_t {
    let floats;
    // SAFETY: the feature of this function is that of the instruction, which reads and writes these registers alone.
    unsafe {
        asm!(
            "fcvtl {floats:v}.4s, {halves:v}.4h", floats = lateout(vreg) floats, halves = in(vreg) halves,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    floats
}

/// Floats of 32 bits as those of 16, rounded to nearest even.
#[inline]
#[target_feature(enable = "neon")]
fn narrow(floats: float32x4_t) -> uint16x4_t {
    let halves;
    // SAFETY: as in [`widen`].
    unsafe {
        asm!(
            "fcvtn {halves:v}.4h, {floats:v}.4s", halves = lateout(vreg) halves, floats = in(vreg) floats,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    halves
}
