//! A file in memory.

use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A file in memory that can still be seen after it was given away.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Memory {
    fn with<T>(&self, act: impl FnOnce(&mut Cursor<Vec<u8>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All that was written.
    pub(super) fn take(&self) -> Vec<u8> {
        self.with(|cursor| std::mem::take(cursor).into_inner())
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|cursor| cursor.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Memory {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.with(|cursor| cursor.seek(to))
    }
}
