//! The one door into code that is compiled for an instruction set.

use crate::{Isa, Level, Scalar};

#[cfg(target_arch = "aarch64")]
use crate::Neon;
#[cfg(target_arch = "x86_64")]
use crate::{Avx2, Avx512};

/// Work that is written once and compiled for every instruction set. Its fields are its arguments.
pub trait Kernel {
    /// What the work returns.
    type Output;

    /// Does the work. Mark the implementation, and every function under it that takes the token, `#[inline(always)]`: only what is
    /// inlined is compiled for the instruction set. A closure cannot be marked: a large one may stay out of line, and take many times
    /// as long.
    fn run<I: Isa>(self, isa: I) -> Self::Output;
}

/// Runs `kernel` with the instruction set `level`, or with the most capable one below it where the CPU lacks `level`. The levels
/// with VNNI run as those without: [`dispatch_dot`] is the door for work that has use for it.
#[inline]
pub fn dispatch<K: Kernel>(level: Level, kernel: K) -> K::Output {
    native(level, kernel)
}

/// As [`dispatch`], and with the tokens whose [`Isa::dot_i16`] is one instruction on levels that have it.
#[inline]
pub fn dispatch_dot<K: Kernel>(level: Level, kernel: K) -> K::Output {
    native_dot(level, kernel)
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn native<K: Kernel>(level: Level, kernel: K) -> K::Output {
    if level >= Level::Avx512
        && let Some(isa) = Avx512::<false>::detect()
    {
        // SAFETY: `detect` returned a token, so the CPU has every feature that `avx512` enables.
        return unsafe { avx512(isa, kernel) };
    }
    if level >= Level::Avx2
        && let Some(isa) = Avx2::<false>::detect()
    {
        // SAFETY: `detect` returned a token, so the CPU has every feature that `avx2` enables.
        return unsafe { avx2(isa, kernel) };
    }
    kernel.run(Scalar)
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn native_dot<K: Kernel>(level: Level, kernel: K) -> K::Output {
    if level >= Level::Avx512Vnni
        && let Some(isa) = Avx512::<true>::detect()
    {
        // SAFETY: `detect` returned a token, so the CPU has every feature that `avx512_vnni` enables.
        return unsafe { avx512_vnni(isa, kernel) };
    }
    // Not where the CPU has the more capable AVX-512.
    if level >= Level::Avx2Vnni
        && (level < Level::Avx512 || Avx512::<false>::detect().is_none())
        && let Some(isa) = Avx2::<true>::detect()
    {
        // SAFETY: `detect` returned a token, so the CPU has every feature that `avx2_vnni` enables.
        return unsafe { avx2_vnni(isa, kernel) };
    }
    native(level, kernel)
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn native<K: Kernel>(level: Level, kernel: K) -> K::Output {
    if level >= Level::Neon
        && let Some(isa) = Neon::detect()
    {
        // SAFETY: `detect` returned a token, so the CPU has the feature that `neon` enables.
        return unsafe { neon(isa, kernel) };
    }
    kernel.run(Scalar)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
fn native<K: Kernel>(_: Level, kernel: K) -> K::Output {
    kernel.run(Scalar)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn native_dot<K: Kernel>(level: Level, kernel: K) -> K::Output {
    native(level, kernel)
}

// The features below are those that the tokens' `detect` checks.

#[cfg(target_arch = "x86_64")]
#[target_feature(
    enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt"
)]
fn avx512_vnni<K: Kernel>(isa: Avx512<true>, kernel: K) -> K::Output {
    kernel.run(isa)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn avx512<K: Kernel>(isa: Avx512, kernel: K) -> K::Output {
    kernel.run(isa)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avxvnni,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn avx2_vnni<K: Kernel>(isa: Avx2<true>, kernel: K) -> K::Output {
    kernel.run(isa)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn avx2<K: Kernel>(isa: Avx2, kernel: K) -> K::Output {
    kernel.run(isa)
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn neon<K: Kernel>(isa: Neon, kernel: K) -> K::Output {
    kernel.run(isa)
}
