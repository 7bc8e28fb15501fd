//! What a buffer may hold: floats of 32 and of 16 bits.

use half::f16;

use crate::Isa;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
}

use sealed::Sealed;

/// A float of a buffer, as kernels load and store it: always as vectors of floats of 32 bits.
///
/// Sealed: what lies in a buffer must be what its [`Region`](crate::Region) says.
pub trait Element: Sealed + Copy + Send + Sync + 'static {
    /// Whether it is the float of 16 bits.
    const HALF: bool;
    /// Zero.
    const ZERO: Self;
    /// The largest number that it holds.
    const LARGEST: f32;

    /// The first [`Isa::LANES`] elements of `from`.
    ///
    /// # Panics
    /// If `from` is shorter.
    fn load<I: Isa>(isa: I, from: &[Self]) -> I::F32;

    /// The first `min(from.len(), LANES)` elements of `from`, and zero in the lanes after them.
    fn load_partial<I: Isa>(isa: I, from: &[Self]) -> I::F32;

    /// Writes `v` to the first [`Isa::LANES`] elements of `to`.
    ///
    /// # Panics
    /// If `to` is shorter.
    fn store<I: Isa>(isa: I, to: &mut [Self], v: I::F32);

    /// Writes the first `min(to.len(), LANES)` lanes of `v` to `to`.
    fn store_partial<I: Isa>(isa: I, to: &mut [Self], v: I::F32);
}

impl Element for f32 {
    const HALF: bool = false;
    const ZERO: Self = 0.0;
    const LARGEST: f32 = f32::MAX;

    #[inline(always)]
    fn load<I: Isa>(isa: I, from: &[Self]) -> I::F32 {
        isa.load(from)
    }

    #[inline(always)]
    fn load_partial<I: Isa>(isa: I, from: &[Self]) -> I::F32 {
        isa.load_partial(from)
    }

    #[inline(always)]
    fn store<I: Isa>(isa: I, to: &mut [Self], v: I::F32) {
        isa.store(to, v);
    }

    #[inline(always)]
    fn store_partial<I: Isa>(isa: I, to: &mut [Self], v: I::F32) {
        isa.store_partial(to, v);
    }
}

/// Lanes of the widest vector.
const WIDEST: usize = 16;

impl Element for f16 {
    const HALF: bool = true;
    const ZERO: Self = f16::ZERO;
    const LARGEST: f32 = 65504.0;

    #[inline(always)]
    fn load<I: Isa>(isa: I, from: &[Self]) -> I::F32 {
        isa.load_f16(from)
    }

    #[inline(always)]
    fn load_partial<I: Isa>(isa: I, from: &[Self]) -> I::F32 {
        let mut lanes = [f16::ZERO; WIDEST];
        let count = from.len().min(I::LANES);
        lanes[..count].copy_from_slice(&from[..count]);
        isa.load_f16(&lanes)
    }

    #[inline(always)]
    fn store<I: Isa>(isa: I, to: &mut [Self], v: I::F32) {
        isa.store_f16(to, v);
    }

    #[inline(always)]
    fn store_partial<I: Isa>(isa: I, to: &mut [Self], v: I::F32) {
        let mut lanes = [f16::ZERO; WIDEST];
        let count = to.len().min(I::LANES);
        isa.store_f16(&mut lanes, v);
        to[..count].copy_from_slice(&lanes[..count]);
    }
}
