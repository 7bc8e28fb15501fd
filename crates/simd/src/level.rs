//! The names of the instruction sets.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Isa, Kernel, dispatch_dot};

/// An instruction set, ordered from the most common to the most capable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every CPU of the target architecture has, as far as LLVM makes use of it: SSE2 on x86-64.
    Scalar,
    /// NEON: vectors of 4 floats, 32 registers (all of aarch64: Apple silicon, Graviton, Raspberry Pi).
    Neon,
    /// AVX2, FMA and F16C: vectors of 8 floats, 16 registers (x86-64-v3; Haswell, Zen).
    Avx2,
    /// The same with AVX-VNNI, sums of products of 16-bit integers in one instruction (Alder Lake, Zen 5).
    Avx2Vnni,
    /// AVX-512 F, BW, CD, DQ and VL: vectors of 16 floats, 32 registers (x86-64-v4; Skylake-SP, Zen 4).
    Avx512,
    /// The same with VNNI, sums of products of 16-bit integers in one instruction (Cascade Lake, Ice Lake, Zen 4).
    Avx512Vnni,
}

impl Level {
    /// All levels in order, whether or not this CPU has them.
    pub const ALL: [Self; 6] =
        [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx2Vnni, Self::Avx512, Self::Avx512Vnni];

    /// The most capable level of this CPU.
    pub fn best() -> Self {
        Self::Avx512Vnni.or_lower()
    }

    /// The most capable level of this CPU up to this one.
    pub fn or_lower(self) -> Self {
        dispatch_dot(self, Which)
    }

    /// All levels of this CPU in order; the first is always [`Level::Scalar`].
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|level| level.is_available()).collect()
    }

    /// Whether this CPU has this level.
    pub fn is_available(self) -> bool {
        self.or_lower() == self
    }

    /// Whether [`Isa::dot_i16`] does more work in a time than a multiply-add of floats: with VNNI twice as much. Without it the products and
    /// their sum are two instructions; vectors of AVX2 leave units free for the second (measured: half as much again on a Zen 3), those
    /// of AVX-512, of which the CPUs without VNNI have two units for all of that, should not (not measured).
    pub const fn favours_integers(self) -> bool {
        matches!(self, Self::Avx2 | Self::Avx2Vnni | Self::Avx512Vnni)
    }

    /// The name, as [`Level::from_str`] reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx2Vnni => "avx2-vnni",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512-vnni",
        }
    }
}

/// Answers which level was chosen.
struct Which;

impl Kernel for Which {
    type Output = Level;

    #[inline(always)]
    fn run<I: Isa>(self, _: I) -> Level {
        I::LEVEL
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == name)
            .ok_or_else(|| Error::UnknownLevel { name: name.to_owned() })
    }
}

/// Runs `test` on every level of this CPU and names those that it lacks.
#[cfg(test)]
#[allow(clippy::print_stderr, reason = "a level that is not tested must be seen in the output of the tests")]
pub(crate) fn on_every_level(test: impl Fn(Level)) {
    for level in Level::ALL {
        if level.is_available() {
            test(level);
        } else {
            eprintln!("skipped: this CPU has no {level}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch;

    #[test]
    fn names_are_read_back() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert_eq!("mmx".parse::<Level>(), Err(Error::UnknownLevel { name: "mmx".to_owned() }));
    }

    #[test]
    fn scalar_is_always_there_and_best_is_last() {
        let available = Level::available();
        assert_eq!(available.first(), Some(&Level::Scalar));
        assert_eq!(available.last(), Some(&Level::best()));
        assert!(available.is_sorted());
    }

    #[test]
    fn dispatch_never_exceeds_the_level_asked_for() {
        for level in Level::ALL {
            let lower = level.or_lower();
            assert!(lower <= level && lower.is_available());
            assert!(dispatch(level, Which) <= level);
        }
    }
}
