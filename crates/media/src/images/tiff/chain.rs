//! The directories of a file, each of which is a page or belongs to one.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::{Error, Result};

/// The most directories that a file may have.
const MOST: usize = 100_000;

/// How a file stores numbers.
#[derive(Clone, Copy)]
struct Layout {
    big_endian: bool,
    /// Whether offsets have 64 bits.
    big: bool,
}

impl Layout {
    fn of(bytes: &[u8]) -> Option<Layout> {
        let big_endian = bytes.starts_with(b"MM");
        let big = bytes.get(2..4).is_some_and(|b| b.contains(&43));
        (bytes.len() >= if big { 16 } else { 8 }).then_some(Layout { big_endian, big })
    }

    /// A number of up to 8 bytes.
    fn number(self, bytes: &[u8], at: u64, width: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = bytes.get(at..at.checked_add(width)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// An offset as the file stores it.
    fn bytes(self, offset: u64) -> Vec<u8> {
        let width = self.width();
        if self.big_endian {
            offset.to_be_bytes()[8 - width..].to_vec()
        } else {
            offset.to_le_bytes()[..width].to_vec()
        }
    }

    /// The bytes of an offset.
    fn width(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// Where the offset of the first page lies.
    fn first(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// The entries of a directory: how many, where the first one lies, and how long each is.
    fn entries(self, bytes: &[u8], directory: u64) -> Option<(u64, u64, u64)> {
        let (width, length) = if self.big { (8, 20) } else { (2, 12) };
        let count = self.number(bytes, directory, width)?;
        Some((count.min(u64::from(u16::MAX)), directory + width as u64, length))
    }
}

/// Where all directories lie, in order.
pub(crate) fn chain(bytes: &[u8]) -> Result<Vec<u64>> {
    let broken = || Error::malformed("tiff", "the chain of pages leads out of the file");
    let layout = Layout::of(bytes).ok_or_else(broken)?;
    let mut next = layout.number(bytes, layout.first() as u64, layout.width()).ok_or_else(broken)?;
    let mut found: Vec<u64> = Vec::new();
    let mut seen = HashSet::new();
    while next != 0 {
        if found.len() == MOST {
            return Err(Error::Limit { what: "a TIFF file has too many pages".into(), limit: MOST as u64 });
        }
        if !seen.insert(next) {
            return Err(Error::malformed("tiff", "the chain of pages comes back to itself"));
        }
        let Some((count, first, length)) = layout.entries(bytes, next) else {
            // The reader of single pictures says what is wrong with the first page.
            return if found.is_empty() { Ok(found) } else { Err(broken()) };
        };
        found.push(next);
        next = match layout.number(bytes, first + count * length, layout.width()) {
            Some(next) => next,
            None if found.len() == 1 => 0,
            None => return Err(broken()),
        };
    }
    Ok(found)
}

/// Whether a directory is a small copy (bit 0 of its kind) or a mask (bit 2) of another page.
pub(crate) fn is_extra(bytes: &[u8], directory: u64) -> bool {
    const KIND: u64 = 254;
    let Some(layout) = Layout::of(bytes) else { return false };
    let Some((count, first, length)) = layout.entries(bytes, directory) else { return false };
    let kind = (0..count).map(|i| first + i * length).find_map(|at| {
        let value = at + length - layout.width() as u64;
        let tag = layout.number(bytes, at, 2)?;
        (tag == KIND).then(|| layout.number(bytes, value, 4)).flatten()
    });
    kind.is_some_and(|kind| kind & 0b101 != 0)
}

/// Makes a directory the first one.
pub(crate) fn turn_to(bytes: &mut [u8], directory: u64) -> Result<()> {
    let layout = Layout::of(bytes).ok_or_else(|| Error::malformed("tiff", "no header"))?;
    let offset = layout.bytes(directory);
    let start = layout.first();
    bytes[start..start + offset.len()].copy_from_slice(&offset);
    Ok(())
}

/// The file with its first page in front, if small copies or masks come before that.
pub(super) fn page_first(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    // A chain that is broken further on is no reason to refuse what comes first.
    let chain = chain(bytes).unwrap_or_default();
    match chain.iter().position(|at| !is_extra(bytes, *at)) {
        None | Some(0) => Ok(Cow::Borrowed(bytes)),
        Some(page) => {
            let mut copy = bytes.to_vec();
            turn_to(&mut copy, chain[page])?;
            Ok(Cow::Owned(copy))
        }
    }
}
