//! Elementary functions of vectors.
//!
//! Each is a polynomial approximation from the literature, in the order of operations given here; its tolerance is the
//! constant beside it and holds on every level. NaN gives NaN. Levels may differ in the last bits, because `Scalar` may round
//! twice where the others fuse.

use crate::Isa;

/// log2(e).
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln(2) in two parts; an integer of at most 9 bits times the first is exact (Cody and Waite).
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// The tolerance of [`exp`] in units in the last place, also where the result is subnormal.
pub const EXP_MAX_ULP: f64 = 1.3;

/// e to the power of `x`; infinite above 88.73, zero below -103.98.
///
/// Source: the polynomial of `exp2f` in the Cephes library (S. Moshier, <https://www.netlib.org/cephes/>), its argument scaled.
#[inline(always)]
pub fn exp<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    const COEFFICIENTS: [f32; 7] =
        [1.384_365_3e-3, 8.374_155e-3, 4.166_8e-2, 1.666_643_1e-1, 0.499_999_94, 1.0, 1.0];
    // Beyond these bounds the result is infinite or zero anyway; with NaN, `max` and `min` give their second operand.
    let x = isa.max(isa.splat(-104.0), x);
    let x = isa.min(isa.splat(89.0), x);
    let n = isa.round(isa.mul(x, isa.splat(LOG2_E)));
    let r = reduce_by_ln2(isa, x, n);
    isa.ldexp(polynomial(isa, r, COEFFICIENTS), n)
}

/// The tolerance of [`log`] in units in the last place.
pub const LOG_MAX_ULP: f64 = 1.0;

/// The natural logarithm; negative infinity of zero, NaN below.
///
/// Source: the polynomial of `logf` in the Cephes library (S. Moshier, <https://www.netlib.org/cephes/>).
#[inline(always)]
pub fn log<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_84e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_4e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    const MANTISSA: i32 = 0x007f_ffff;
    const HALF: i32 = 0x3f00_0000;
    /// 2 to this power makes a subnormal number normal.
    const SHIFT: f32 = 25.0;
    const SCALE: f32 = (1 << 25) as f32;

    let one = isa.splat(1.0);
    let subnormal = isa.lt(x, isa.splat(f32::MIN_POSITIVE));
    let normal = isa.select(subnormal, isa.mul(x, isa.splat(SCALE)), x);

    // x = m * 2^e with m in [1/2, 1), then in [sqrt(1/2), sqrt(2)).
    let bits = isa.reinterpret_i32(normal);
    let e = isa.to_f32(isa.sub_i32(isa.shr_i32::<23>(bits), isa.splat_i32(126)));
    let e = isa.select(subnormal, isa.sub(e, isa.splat(SHIFT)), e);
    let m = isa.reinterpret_f32(isa.add_i32(isa.and_i32(bits, isa.splat_i32(MANTISSA)), isa.splat_i32(HALF)));
    let low = isa.lt(m, isa.splat(std::f32::consts::FRAC_1_SQRT_2));
    let e = isa.select(low, isa.sub(e, one), e);
    let m = isa.sub(isa.select(low, isa.add(m, m), m), one);

    let square = isa.mul(m, m);
    let y = isa.mul(isa.mul(polynomial(isa, m, COEFFICIENTS), m), square);
    let y = isa.fma(e, isa.splat(LN2_LOW), y);
    let y = isa.neg_fma(isa.splat(0.5), square, y);
    let y = isa.fma(e, isa.splat(LN2_HIGH), isa.add(m, y));

    let zero = isa.zero();
    let not_positive = isa.select(isa.lt(x, zero), isa.splat(f32::NAN), isa.splat(f32::NEG_INFINITY));
    let y = isa.select(isa.gt(x, zero), y, not_positive);
    // Infinity and NaN are their own logarithms.
    isa.select(isa.lt(x, isa.splat(f32::INFINITY)), y, x)
}

/// The tolerance of [`sigmoid`] in units in the last place.
pub const SIGMOID_MAX_ULP: f64 = 3.0;

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub fn sigmoid<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    let one = isa.splat(1.0);
    isa.div(one, isa.add(one, exp(isa, isa.neg(x))))
}

/// The tolerance of [`silu`] in units in the last place.
pub const SILU_MAX_ULP: f64 = 2.5;

/// `x / (1 + exp(-x))`, also called swish.
#[inline(always)]
pub fn silu<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    isa.div(x, isa.add(isa.splat(1.0), exp(isa, isa.neg(x))))
}

/// The tolerance of [`tanh`] in units in the last place.
pub const TANH_MAX_ULP: f64 = 2.0;

/// The hyperbolic tangent.
///
/// Source: `tanhf` in the Cephes library (S. Moshier, <https://www.netlib.org/cephes/>): a polynomial near zero, and beyond it the
/// definition by [`exp`].
#[inline(always)]
pub fn tanh<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    const COEFFICIENTS: [f32; 5] =
        [-5.704_988_7e-3, 2.063_908_8e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1];
    const NEAR_ZERO: f32 = 0.625;

    let magnitude = isa.abs(x);
    let square = isa.mul(x, x);
    let near = isa.fma(isa.mul(polynomial(isa, square, COEFFICIENTS), square), x, x);
    let one = isa.splat(1.0);
    let growth = exp(isa, isa.add(magnitude, magnitude));
    let far = isa.sub(one, isa.div(isa.splat(2.0), isa.add(growth, one)));
    let far = isa.select(isa.lt(x, isa.zero()), isa.neg(far), far);
    isa.select(isa.lt(magnitude, isa.splat(NEAR_ZERO)), near, far)
}

/// The tolerance of [`erf`] in units in the last place, hence below 1.2e-7 absolute.
pub const ERF_MAX_ULP: f64 = 2.0;

/// The error function.
///
/// Source: the minimax polynomials of N. Juffa, "Efficient faithfully rounded implementation of error function erff()",
/// <https://stackoverflow.com/q/35148198>: one for `erf(x)` near zero, and beyond it one for the logarithm of `1 - erf(x)`.
#[inline(always)]
pub fn erf<I: Isa>(isa: I, x: I::F32) -> I::F32 {
    const NEAR: [f32; 6] =
        [-5.967_617e-4, 4.991_194_2e-3, -2.676_813_5e-2, 1.128_199_25e-1, -3.761_253_4e-1, 1.283_791_7e-1];
    const FAR: [f32; 7] = [
        -1.728_534_7e-5,
        3.831_971_3e-4,
        -3.883_964_4e-3,
        2.425_462_2e-2,
        -1.067_778_8e-1,
        -6.348_467e-1,
        -1.287_175_1e-1,
    ];
    const NEAR_ZERO: f32 = 475.0 / 512.0;
    /// Beyond this, erf is one; the far polynomial soon overflows.
    const SATURATION: f32 = 4.0;

    let magnitude = isa.min(isa.splat(SATURATION), isa.abs(x));
    let near = isa.fma(polynomial(isa, isa.mul(x, x), NEAR), x, x);
    let logarithm = isa.fma(polynomial(isa, magnitude, FAR), magnitude, isa.neg(magnitude));
    let far = isa.sub(isa.splat(1.0), exp(isa, logarithm));
    let far = isa.select(isa.lt(x, isa.zero()), isa.neg(far), far);
    isa.select(isa.lt(magnitude, isa.splat(NEAR_ZERO)), near, far)
}

/// The polynomial with these coefficients, from the highest power down, by Horner's rule.
#[inline(always)]
fn polynomial<I: Isa, const N: usize>(isa: I, x: I::F32, coefficients: [f32; N]) -> I::F32 {
    let mut sum = isa.splat(coefficients[0]);
    for &c in &coefficients[1..] {
        sum = isa.fma(sum, x, isa.splat(c));
    }
    sum
}

/// `x - n * ln(2)`.
#[inline(always)]
fn reduce_by_ln2<I: Isa>(isa: I, x: I::F32, n: I::F32) -> I::F32 {
    let x = isa.neg_fma(n, isa.splat(LN2_HIGH), x);
    isa.neg_fma(n, isa.splat(LN2_LOW), x)
}

#[cfg(test)]
mod tests;
