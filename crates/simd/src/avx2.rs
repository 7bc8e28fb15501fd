//! AVX2 with FMA and F16C, and with AVX-VNNI.

use std::arch::x86_64::*;
use std::arch::{asm, is_x86_feature_detected as has};

use half::f16;

use crate::{Isa, Level};

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
const FLOOR: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;

/// The token of [`Level::Avx2`], or with `VNNI` of [`Level::Avx2Vnni`].
#[derive(Debug, Clone, Copy)]
pub struct Avx2<const VNNI: bool = false>(());

impl<const VNNI: bool> Avx2<VNNI> {
    /// The token, if this CPU has AVX2 and what came with it: FMA, F16C, BMI1, BMI2, LZCNT, POPCNT; and AVX-VNNI if the token is
    /// to say so.
    #[inline]
    pub fn detect() -> Option<Self> {
        let found = has!("avx2")
            && has!("fma")
            && has!("f16c")
            && has!("bmi1")
            && has!("bmi2")
            && has!("lzcnt")
            && has!("popcnt")
            && (!VNNI || has!("avxvnni"));
        found.then_some(Self(()))
    }

    /// The mask of the first `n` lanes.
    #[inline(always)]
    fn first(self, n: usize) -> __m256i {
        let n = n.min(8) as i32;
        // SAFETY: the token proves that the CPU has AVX2.
        unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
    }
}

impl<const VNNI: bool> Isa for Avx2<VNNI> {
    type F32 = __m256;
    type I32 = __m256i;
    type Mask = __m256;

    const LEVEL: Level = if VNNI { Level::Avx2Vnni } else { Level::Avx2 };
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F32 {
        let from = &from[..8];
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C, and the slice has been cut to the 8 elements of the vector.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, and the mask is false, so nothing is read, after the end of the slice.
        unsafe { _mm256_maskload_ps(from.as_ptr(), self.first(from.len())) }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16]) -> Self::F32 {
        let from = &from[..8];
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C, and the slice has been cut to the 8 elements of the vector.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: Self::F32) {
        let to = &mut to[..8];
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C, and the slice has been cut to the 8 elements of the vector.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn store_partial(self, to: &mut [f32], v: Self::F32) {
        // SAFETY: the token proves that the CPU has AVX2, and the mask is false, so nothing is written, after the end of the slice.
        unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), self.first(to.len()), v) }
    }

    #[inline(always)]
    fn store_f16(self, to: &mut [f16], v: Self::F32) {
        let to = &mut to[..8];
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C, and the slice has been cut to the 8 elements of the vector.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v)) }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn neg_fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }

    #[inline(always)]
    fn neg(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_xor_ps(a, _mm256_set1_ps(-0.0)) }
    }

    #[inline(always)]
    fn sqrt(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_sqrt_ps(a) }
    }

    #[inline(always)]
    fn floor(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_round_ps::<FLOOR>(a) }
    }

    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_round_ps::<NEAREST>(a) }
    }

    #[inline(always)]
    fn lt(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: Self::Mask, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_blendv_ps(b, a, mask) }
    }

    #[inline(always)]
    fn reduce_sum(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe {
            let a = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let a = _mm_add_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)))
        }
    }

    #[inline(always)]
    fn reduce_max(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe {
            let a = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let a = _mm_max_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)))
        }
    }

    #[inline(always)]
    fn reduce_min(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe {
            let a = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let a = _mm_min_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_min_ss(a, _mm_movehdup_ps(a)))
        }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_set1_epi32(x) }
    }

    #[inline(always)]
    fn round_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_cvtps_epi32(a) }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_cvtepi32_ps(a) }
    }

    #[inline(always)]
    fn reinterpret_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_castps_si256(a) }
    }

    #[inline(always)]
    fn reinterpret_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_castsi256_ps(a) }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_add_epi32(a, b) }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_sub_epi32(a, b) }
    }

    #[inline(always)]
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_and_si256(a, b) }
    }

    #[inline(always)]
    fn shl_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_sll_epi32(a, _mm_cvtsi32_si128(N.cast_signed())) }
    }

    #[inline(always)]
    fn shr_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_sra_epi32(a, _mm_cvtsi32_si128(N.cast_signed())) }
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_max_epi32(a, b) }
    }

    #[inline(always)]
    fn round_i16(self, [low, high]: [Self::F32; 2], scale: Self::F32) -> Self::I32 {
        let [low, high] = [low, high].map(|x| self.round_i32(self.mul(x, scale)));
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high)) }
    }

    #[inline(always)]
    fn round_i16_pairs(self, numbers: [Self::F32; 2], scale: Self::F32) -> Self::I32 {
        let [low, high] = numbers.map(|x| self.round_i32(self.mul(x, scale)));
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C.
        unsafe { _mm256_blend_epi16::<0b1010_1010>(low, _mm256_slli_epi32::<16>(high)) }
    }

    #[inline(always)]
    fn dot_i16(self, a: Self::I32, b: Self::I32, c: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX2, FMA and F16C, and AVX-VNNI where that is used.
        unsafe { if VNNI { dot(a, b, c) } else { _mm256_add_epi32(c, _mm256_madd_epi16(a, b)) } }
    }

    #[inline(always)]
    fn vectors(self, from: &[f32]) -> &[Self::F32] {
        // SAFETY: a vector is 8 floats without padding, and any bits are valid for it.
        let (before, vectors, _) = unsafe { from.align_to() };
        assert!(before.is_empty(), "vectors must be aligned");
        vectors
    }

    #[inline(always)]
    fn vectors_mut(self, from: &mut [f32]) -> &mut [Self::F32] {
        // SAFETY: a vector is 8 floats without padding, and any bits are valid for either.
        let (before, vectors, _) = unsafe { from.align_to_mut() };
        assert!(before.is_empty(), "vectors must be aligned");
        vectors
    }
}

/// The products of 16-bit integers, added to `c`, in one instruction. LLVM makes two of the intrinsic, for a latency that many sums
/// at a time do not feel.
#[inline]
#[target_feature(enable = "avx2,avxvnni")]
fn dot(a: __m256i, b: __m256i, mut c: __m256i) -> __m256i {
    // SAFETY: the features of this function are those of the instruction, which reads and writes these registers alone.
    unsafe {
        asm!(
            "{{vex}} vpdpwssd {c}, {a}, {b}", a = in(ymm_reg) a, b = in(ymm_reg) b, c = inout(ymm_reg) c,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    c
}
