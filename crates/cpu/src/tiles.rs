//! Which tiles 3x3 convolutions of floats of 16 bits are computed in.

use std::fmt;

use amplio_simd::Level;
#[cfg(target_arch = "x86_64")]
use raw_cpuid::CpuId;

/// The tiles in which 3x3 convolutions are computed in exact precision, and in fast where the CPU favours floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiles {
    /// Of 4x4 results, by F(4x4, 3x3): 2.25 multiplications for each result and pair of channels, and 36 weights.
    Four,
    /// Of 6x6 results, by F(6x6, 3x3): 1.78 multiplications, and 64 weights.
    Six,
}

/// Bytes of L2 that hold a block of 6x6 tiles and the weights from 64 channels to 64, 1 MiB, which are read again for each block.
const ENOUGH: usize = 2 << 20;

impl Tiles {
    /// The faster ones on this CPU.
    ///
    /// Those of 6x6 results, but on CPUs of Intel with vectors of 512 bits and less than 2 MiB of L2, whose two units multiply faster than
    /// the L3 gives weights: on an Ice Lake server, layers of 64 channels take 0.7 of the time with tiles of 4x4. On a Zen 3, which
    /// has half a MiB, a faster L3 and vectors of 256 bits, those of 6x6 are the faster ones.
    pub fn best() -> Self {
        Self::of(Level::best(), is_intel(), l2())
    }

    fn of(level: Level, intel: bool, l2: Option<usize>) -> Self {
        let starved = intel && level >= Level::Avx512 && l2.is_some_and(|l2| l2 < ENOUGH);
        if starved { Self::Four } else { Self::Six }
    }
}

impl fmt::Display for Tiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Four => "4x4",
            Self::Six => "6x6",
        })
    }
}

#[cfg(target_arch = "x86_64")]
fn is_intel() -> bool {
    CpuId::new().get_vendor_info().is_some_and(|vendor| vendor.as_str() == "GenuineIntel")
}

#[cfg(not(target_arch = "x86_64"))]
fn is_intel() -> bool {
    false
}

/// Bytes of a core's L2, if the CPU tells.
#[cfg(target_arch = "x86_64")]
fn l2() -> Option<usize> {
    let cpu = CpuId::new();
    let cache = cpu.get_cache_parameters()?.find(|cache| cache.level() == 2)?;
    let lines = cache.sets() * cache.associativity() * cache.physical_line_partitions();
    Some(lines * cache.coherency_line_size())
}

#[cfg(not(target_arch = "x86_64"))]
fn l2() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_tiles_need_weights_that_come_in_time() {
        for (level, intel, l2, expected) in [
            // Ice Lake and Sapphire Rapids; Haswell; Zen 4; one that does not tell.
            (Level::Avx512Vnni, true, Some(5 << 18), Tiles::Four),
            (Level::Avx512Vnni, true, Some(2 << 20), Tiles::Six),
            (Level::Avx2, true, Some(1 << 18), Tiles::Six),
            (Level::Avx512Vnni, false, Some(1 << 20), Tiles::Six),
            (Level::Avx512, true, None, Tiles::Six),
        ] {
            assert_eq!(Tiles::of(level, intel, l2), expected, "{level}, {intel}, {l2:?}");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_cache_has_a_size_of_this_world() {
        assert!(l2().is_none_or(|l2| (1 << 17..1 << 27).contains(&l2)), "{:?}", l2());
    }
}
