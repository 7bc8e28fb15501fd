//! Hints that elements are to be read soon: they change nothing but when memory is read.

/// Asks for the cache line of the element `at` to be brought to the L2; there need not be so many elements.
#[inline(always)]
pub fn prefetch<E>(elements: &[E], at: usize) {
    ask::<E, false>(elements.as_ptr().wrapping_add(at), 1);
}

/// Asks for `count` elements from `start` on to be brought to the L1; they need not exist.
#[inline(always)]
pub(crate) fn prefetch_near<E>(start: *const E, count: usize) {
    ask::<E, true>(start, count);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ask<E, const NEAR: bool>(start: *const E, count: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
    /// Bytes of a cache line.
    const LINE: usize = 64;
    for byte in (0..count * size_of::<E>()).step_by(LINE) {
        let line = start.cast::<i8>().wrapping_add(byte);
        // SAFETY: a prefetch is a hint, which accesses no memory and never faults; all of x86-64 has it or ignores it.
        unsafe { if NEAR { _mm_prefetch::<_MM_HINT_T0>(line) } else { _mm_prefetch::<_MM_HINT_T1>(line) } }
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn ask<E, const NEAR: bool>(_: *const E, _: usize) {}
