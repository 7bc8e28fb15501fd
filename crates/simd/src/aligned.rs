//! Memory for tensors.

use std::alloc::{Layout, alloc_zeroed};
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::Error;

const LINE: usize = 16;

/// One cache line, and the widest vector.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A buffer of floats that starts at a cache line (64 bytes). Its length never changes.
#[derive(Default)]
pub struct AlignedBuf {
    lines: Vec<Line>,
    len: usize,
}

impl AlignedBuf {
    /// A buffer of `len` zeros.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn try_zeroed(len: usize) -> Result<Self, Error> {
        let count = len.div_ceil(LINE);
        if count == 0 {
            return Ok(Self::default());
        }
        // The system has pages of zeros, and gives each when it is first touched: by the thread that needs it.
        let out_of_memory = || Error::OutOfMemory { elements: len };
        let layout = Layout::array::<Line>(count).map_err(|_| out_of_memory())?;
        // SAFETY: the layout is not empty, as neither `count` nor a line is.
        let start = unsafe { alloc_zeroed(layout) }.cast::<Line>();
        if start.is_null() {
            return Err(out_of_memory());
        }
        // SAFETY: the global allocator has just given this memory, with the layout of `count` lines, and zeros are floats.
        let lines = unsafe { Vec::from_raw_parts(start, count, count) };
        Ok(Self { lines, len })
    }

    /// A copy of `values`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn try_from_slice(values: &[f32]) -> Result<Self, Error> {
        let mut buffer = Self::try_zeroed(values.len())?;
        buffer.copy_from_slice(values);
        Ok(buffer)
    }

    /// The start of the buffer, valid for reads and writes of its elements, without a reference to them in between.
    pub(crate) fn base(&mut self) -> *mut f32 {
        self.lines.as_mut_ptr().cast()
    }
}

impl Deref for AlignedBuf {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        // SAFETY: the lines are `len.div_ceil(LINE)` initialised arrays of LINE floats without padding (64 bytes each), so they
        // hold `len` floats; the borrow of `self` keeps them alive and unwritten.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and the borrow of `self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.len) }
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignedBuf").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_zeroed_and_exactly_as_long_as_asked() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let mut buffer = AlignedBuf::try_zeroed(len).expect("memory");
            assert_eq!(buffer.len(), len);
            assert!(buffer.as_ptr().addr().is_multiple_of(64));
            assert!(buffer.iter().all(|&x| x == 0.0));
            buffer.fill(1.0);
            assert_eq!(buffer.iter().sum::<f32>(), len as f32);
        }
        assert_eq!(AlignedBuf::try_from_slice(&[1.0, 2.0, 3.0]).as_deref(), Ok(&[1.0, 2.0, 3.0][..]));
    }

    #[test]
    fn too_much_memory_is_an_error() {
        for elements in [usize::MAX, isize::MAX as usize / 4] {
            assert_eq!(AlignedBuf::try_zeroed(elements).err(), Some(Error::OutOfMemory { elements }));
        }
    }
}
