use super::malformed;
use crate::{Error, Result};

/// Bytes that are read from front to back. Nothing is copied.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let taken = self.rest().get(..count).ok_or_else(|| self.cut_off(count))?;
        self.at += count;
        Ok(taken)
    }

    /// The next bytes, as many as the array has.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.rest().first_chunk().copied().ok_or_else(|| self.cut_off(N))?;
        self.at += N;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of eight bytes that counts bytes or elements.
    pub(super) fn size(&mut self) -> Result<usize> {
        let size = self.array().map(u64::from_le_bytes)?;
        usize::try_from(size).map_err(|_| malformed(format!("it promises {size} bytes")))
    }

    /// The text up to the end of the line, which is passed over.
    pub(super) fn line(&mut self) -> Result<&'a str> {
        let length = self.rest().iter().position(|byte| *byte == b'\n');
        let line = self.take(length.ok_or_else(|| self.cut_off(1))?)?;
        self.at += 1;
        text(line)
    }

    fn cut_off(&self, wanted: usize) -> Error {
        let left = self.rest().len();
        malformed(format!(
            "it is cut off: {wanted} more bytes are needed after byte {}, and {left} are there",
            self.at
        ))
    }
}

/// Bytes as text.
pub(super) fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| malformed("a text is not UTF-8"))
}
