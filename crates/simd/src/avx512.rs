//! AVX-512 F, BW, CD, DQ and VL, and with VNNI.

use std::arch::x86_64::*;
use std::arch::{asm, is_x86_feature_detected as has};

use half::f16;

use crate::{Avx2, Isa, Level};

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
const FLOOR: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;

/// The token of [`Level::Avx512`], or with `VNNI` of [`Level::Avx512Vnni`].
#[derive(Debug, Clone, Copy)]
pub struct Avx512<const VNNI: bool = false>(());

impl<const VNNI: bool> Avx512<VNNI> {
    /// The token, if this CPU has AVX-512 F, BW, CD, DQ and VL beside all that [`Avx2`] stands for, and VNNI if the token is to
    /// say so.
    #[inline]
    pub fn detect() -> Option<Self> {
        let found = Avx2::<false>::detect().is_some()
            && (!VNNI || has!("avx512vnni"))
            && has!("avx512f")
            && has!("avx512bw")
            && has!("avx512cd")
            && has!("avx512dq")
            && has!("avx512vl");
        found.then_some(Self(()))
    }

    /// The products of the lanes and `scale`, rounded to 16-bit integers in the low half of each lane.
    #[inline(always)]
    fn round_low(self, numbers: __m512, scale: __m512) -> __m512i {
        // A float of this size has a unit in its last place of 1: the sum is rounded to an integer.
        self.reinterpret_i32(self.fma(numbers, scale, self.splat(12_582_912.0)))
    }

    /// The mask of the first `n` lanes.
    #[inline(always)]
    fn first(self, n: usize) -> __mmask16 {
        if n < 16 { (1 << n) - 1 } else { !0 }
    }
}

impl<const VNNI: bool> Isa for Avx512<VNNI> {
    type F32 = __m512;
    type I32 = __m512i;
    type Mask = __mmask16;

    const LEVEL: Level = if VNNI { Level::Avx512Vnni } else { Level::Avx512 };
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F32 {
        let from = &from[..16];
        // SAFETY: the token proves that the CPU has AVX-512, and the slice has been cut to the 16 elements of the vector.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512, and the mask is false, so nothing is read, after the end of the slice.
        unsafe { _mm512_maskz_loadu_ps(self.first(from.len()), from.as_ptr()) }
    }

    #[inline(always)]
    fn load_f16(self, from: &[f16]) -> Self::F32 {
        let from = &from[..16];
        // SAFETY: the token proves that the CPU has AVX-512, and the slice has been cut to the 16 elements of the vector.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], v: Self::F32) {
        let to = &mut to[..16];
        // SAFETY: the token proves that the CPU has AVX-512, and the slice has been cut to the 16 elements of the vector.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }

    #[inline(always)]
    fn store_partial(self, to: &mut [f32], v: Self::F32) {
        // SAFETY: the token proves that the CPU has AVX-512, and the mask is false, so nothing is written, after the end of the slice.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), self.first(to.len()), v) }
    }

    #[inline(always)]
    fn store_f16(self, to: &mut [f16], v: Self::F32) {
        let to = &mut to[..16];
        // SAFETY: the token proves that the CPU has AVX-512, and the slice has been cut to the 16 elements of the vector.
        unsafe {
            _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v))
        }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn neg_fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_abs_ps(a) }
    }

    #[inline(always)]
    fn neg(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_xor_ps(a, _mm512_set1_ps(-0.0)) }
    }

    #[inline(always)]
    fn sqrt(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_sqrt_ps(a) }
    }

    #[inline(always)]
    fn floor(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_roundscale_ps::<FLOOR>(a) }
    }

    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_roundscale_ps::<NEAREST>(a) }
    }

    #[inline(always)]
    fn ldexp(self, a: Self::F32, n: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_scalef_ps(a, n) }
    }

    #[inline(always)]
    fn lt(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: Self::Mask, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_mask_blend_ps(mask, b, a) }
    }

    #[inline(always)]
    fn reduce_sum(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_reduce_add_ps(a) }
    }

    #[inline(always)]
    fn reduce_max(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_reduce_max_ps(a) }
    }

    #[inline(always)]
    fn reduce_min(self, a: Self::F32) -> f32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_reduce_min_ps(a) }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_set1_epi32(x) }
    }

    #[inline(always)]
    fn round_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_cvtps_epi32(a) }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_cvtepi32_ps(a) }
    }

    #[inline(always)]
    fn reinterpret_i32(self, a: Self::F32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_castps_si512(a) }
    }

    #[inline(always)]
    fn reinterpret_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_castsi512_ps(a) }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_sub_epi32(a, b) }
    }

    #[inline(always)]
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_and_si512(a, b) }
    }

    #[inline(always)]
    fn shl_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_sll_epi32(a, _mm_cvtsi32_si128(N.cast_signed())) }
    }

    #[inline(always)]
    fn shr_i32<const N: u32>(self, a: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_sra_epi32(a, _mm_cvtsi32_si128(N.cast_signed())) }
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_max_epi32(a, b) }
    }

    #[inline(always)]
    fn round_i16(self, numbers: [Self::F32; 2], scale: Self::F32) -> Self::I32 {
        const EVEN: [i16; 32] = {
            let mut even = [0; 32];
            let mut i = 0;
            while i < 32 {
                even[i] = 2 * i as i16;
                i += 1;
            }
            even
        };
        let [low, high] = numbers.map(|x| self.round_low(x, scale));
        // SAFETY: the token proves that the CPU has AVX-512, and the array has the 32 elements of the vector.
        unsafe { _mm512_permutex2var_epi16(low, _mm512_loadu_epi16(EVEN.as_ptr()), high) }
    }

    #[inline(always)]
    fn round_i16_pairs(self, numbers: [Self::F32; 2], scale: Self::F32) -> Self::I32 {
        const HIGH: __mmask32 = 0xaaaa_aaaa;
        let [low, high] = numbers.map(|x| self.round_low(x, scale));
        // SAFETY: the token proves that the CPU has AVX-512.
        unsafe { _mm512_mask_blend_epi16(HIGH, low, _mm512_slli_epi32::<16>(high)) }
    }

    #[inline(always)]
    fn dot_i16(self, a: Self::I32, b: Self::I32, c: Self::I32) -> Self::I32 {
        // SAFETY: the token proves that the CPU has AVX-512, and VNNI where that is used.
        unsafe { if VNNI { dot(a, b, c) } else { _mm512_add_epi32(c, _mm512_madd_epi16(a, b)) } }
    }

    #[inline(always)]
    fn vectors(self, from: &[f32]) -> &[Self::F32] {
        // SAFETY: a vector is 16 floats without padding, and any bits are valid for it.
        let (before, vectors, _) = unsafe { from.align_to() };
        assert!(before.is_empty(), "vectors must be aligned");
        vectors
    }

    #[inline(always)]
    fn vectors_mut(self, from: &mut [f32]) -> &mut [Self::F32] {
        // SAFETY: a vector is 16 floats without padding, and any bits are valid for either.
        let (before, vectors, _) = unsafe { from.align_to_mut() };
        assert!(before.is_empty(), "vectors must be aligned");
        vectors
    }
}

/// The products of 16-bit integers, added to `c`, in one instruction. LLVM makes two of the intrinsic, for a latency that many sums
/// at a time do not feel.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot(a: __m512i, b: __m512i, mut c: __m512i) -> __m512i {
    // SAFETY: the features of this function are those of the instruction, which reads and writes these registers alone.
    unsafe {
        asm!(
            "vpdpwssd {c}, {a}, {b}", a = in(zmm_reg) a, b = in(zmm_reg) b, c = inout(zmm_reg) c,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    c
}
