//! Memory for tensors.

use std::alloc::{Layout, alloc_zeroed};
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::Error;

/// Floats of a cache line, and of the widest vector.
const LINE: usize = 16;

/// A buffer of floats that starts at a cache line (64 bytes). Its length never changes.
#[derive(Default)]
pub struct AlignedBuf {
    /// The buffer, and what is before its first line begins.
    floats: Vec<f32>,
    start: usize,
    len: usize,
}

impl AlignedBuf {
    /// A buffer of `len` zeros.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn try_zeroed(len: usize) -> Result<Self, Error> {
        let out_of_memory = || Error::OutOfMemory { elements: len };
        let count = len.checked_add(LINE).ok_or_else(out_of_memory)?;
        let layout = Layout::array::<f32>(count).map_err(|_| out_of_memory())?;
        // The system has pages of zeros, and gives each when it is first touched: by the thread that needs it. For memory that is
        // aligned to more than a word, Rust would write the zeros itself.
        // SAFETY: the layout is not empty, as `count` is at least a line.
        let start = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        if start.is_null() {
            return Err(out_of_memory());
        }
        // SAFETY: the global allocator has just given this memory, with the layout of `count` floats, and zeros are floats.
        let floats = unsafe { Vec::from_raw_parts(start, count, count) };
        let start = floats.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Ok(Self { floats, start, len })
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
        self.floats.as_mut_ptr().wrapping_add(self.start)
    }
}

impl Deref for AlignedBuf {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        &self.floats[self.start..][..self.len]
    }
}

impl DerefMut for AlignedBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.floats[self.start..][..self.len]
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
