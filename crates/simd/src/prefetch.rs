//! Hints that elements are to be read soon: they change nothing but when memory is read.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Asks for the cache line of the element `at` to be brought to the L2; there need not be so many elements.
#[inline(always)]
pub fn prefetch<E>(elements: &[E], at: usize) {
    #[cfg(target_arch = "x86_64")]
    ask::<E, _MM_HINT_T1>(elements.as_ptr().wrapping_add(at), 1);
}

/// Asks for `count` elements from `start` on to be brought to the L1; they need not exist.
#[inline(always)]
pub(crate) fn prefetch_near<E>(start: *const E, count: usize) {
    #[cfg(target_arch = "x86_64")]
    ask::<E, _MM_HINT_T0>(start, count);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ask<E, const HINT: i32>(start: *const E, count: usize) {
    for byte in (0..count * size_of::<E>()).step_by(LINE) {
        // SAFETY: a prefetch is a hint, which accesses no memory and never faults; all of x86-64 has it or ignores it.
        unsafe { _mm_prefetch::<HINT>(start.cast::<i8>().wrapping_add(byte)) }
    }
}
