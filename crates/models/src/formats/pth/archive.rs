//! The container of PyTorch's newer files: a zip archive whose entries are stored as they are
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, sections 4.3 and 4.5.3).
//!
//! Entries are read where they lie in the file. Their checksums are not looked at, as PyTorch does not look at them: it can
//! be told to write none. Archives that others have made of model files are read here too, and their checksums are looked at.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::cursor::Cursor;
use super::malformed;
use crate::{Error, Limits, Result};

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";

/// Bytes of the record at the end without its comment, and of the one before it that says where the 64-bit record lies.
const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
/// The kind of the extra field with sizes and places of 64 bits.
const EXTRA_64: u16 = 1;
/// How an entry's bytes lie there: as they are, or compressed by Deflate.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Entries beside the tensors: the pickle, TorchScript's code, versions.
const OTHER_ENTRIES: usize = 1 << 14;

/// Whether a file begins as an archive does.
pub(in crate::formats) fn probe(bytes: &[u8]) -> bool {
    bytes.starts_with(&LOCAL)
}

/// An archive in memory.
#[derive(Debug)]
pub(in crate::formats) struct Archive<'a> {
    bytes: &'a [u8],
    entries: BTreeMap<&'a str, Entry>,
}

/// What the directory says of an entry.
#[derive(Clone, Copy, Debug)]
struct Entry {
    encrypted: bool,
    method: u16,
    checksum: u32,
    /// Bytes in the archive, and without compression.
    packed: usize,
    size: usize,
    /// Where its local header lies, which its bytes follow.
    header: usize,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    pub(in crate::formats) fn new(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let (count, place) = directory(bytes)?;
        let most = limits.tensors.saturating_add(OTHER_ENTRIES);
        if count > most {
            return Err(Error::limit(format!("an archive of {count} entries"), most));
        }
        let mut cursor = Cursor::new(bytes);
        cursor.take(place)?;
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let (name, entry) = entry(&mut cursor)?;
            if entries.insert(name, entry).is_some() {
                return Err(malformed(format!("the archive has two entries {name}")));
            }
        }
        Ok(Self { bytes, entries })
    }

    /// The names of all entries.
    pub(in crate::formats) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.entries.keys().copied()
    }

    /// The bytes of an entry, if there is one of this name.
    pub(super) fn get(&self, name: &str) -> Result<Option<&'a [u8]>> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        if entry.encrypted || entry.method != STORED || entry.packed != entry.size {
            let how = if entry.encrypted { "encrypted" } else { "compressed" };
            let what =
                format!("an archive whose entry {name} is {how}; PyTorch stores its entries as they are");
            return Err(Error::unsupported(what));
        }
        let bytes = local(self.bytes, entry).map_err(|error| error.within(format!("entry {name}")))?;
        Ok(Some(bytes))
    }

    /// The bytes of an entry, which may be compressed.
    pub(in crate::formats) fn unpacked(&self, name: &str, limits: &Limits) -> Result<Cow<'a, [u8]>> {
        let entry = self.entries.get(name).ok_or_else(|| malformed("it is not in the archive"))?;
        limits.check_bytes(entry.size)?;
        let packed = local(self.bytes, entry)?;
        let bytes = match (entry.encrypted, entry.method) {
            (false, STORED) => Cow::Borrowed(packed),
            (false, DEFLATED) => {
                let mut bytes = Vec::new();
                let read = DeflateDecoder::new(packed).take(entry.size as u64 + 1).read_to_end(&mut bytes);
                read.map_err(|error| malformed(format!("it cannot be unpacked: {error}")))?;
                Cow::Owned(bytes)
            }
            (true, _) => return Err(Error::unsupported("what is encrypted")),
            (_, method) => return Err(Error::unsupported(format!("the compression of the number {method}"))),
        };
        let mut checksum = Crc::new();
        checksum.update(&bytes);
        if bytes.len() != entry.size || checksum.sum() != entry.checksum {
            return Err(malformed("it is not what it was when it was packed"));
        }
        Ok(bytes)
    }
}

/// How many entries the archive has, and where its directory begins.
fn directory(bytes: &[u8]) -> Result<(usize, usize)> {
    let last = bytes.len().checked_sub(END_BYTES);
    let comments = 0..=usize::from(u16::MAX);
    // The record is the one whose comment ends where the file ends.
    let end = last.and_then(|last| {
        let ends = |comment: &usize| Some((last.checked_sub(*comment)?, *comment));
        let is_end = |(at, comment): &(usize, usize)| {
            bytes[*at..].starts_with(&END) && bytes[at + 20..at + 22] == (*comment as u16).to_le_bytes()
        };
        comments.map_while(|comment| ends(&comment)).find(is_end)
    });
    let (end, _) = end.ok_or_else(|| malformed("the archive's directory is missing: the file is cut off"))?;
    let mut cursor = Cursor::new(bytes);
    cursor.take(end + 10)?;
    let (count, _size, place) = (cursor.u16()?, cursor.u32()?, cursor.u32()?);
    if count < u16::MAX && place < u32::MAX {
        return Ok((count.into(), place as usize));
    }
    directory_64(bytes, end)
}

/// The same, of an archive with too many entries, or too many bytes, for the record at `end`.
fn directory_64(bytes: &[u8], end: usize) -> Result<(usize, usize)> {
    let missing = || malformed("the archive's 64-bit directory is missing");
    let mut cursor = Cursor::new(bytes);
    cursor.take(end.checked_sub(LOCATOR_BYTES).ok_or_else(missing)?)?;
    if cursor.array()? != LOCATOR_64 {
        return Err(missing());
    }
    cursor.u32()?;
    let record = cursor.size()?;
    let mut cursor = Cursor::new(bytes);
    cursor.take(record)?;
    if cursor.array()? != END_64 {
        return Err(missing());
    }
    // Its size, versions, disks, and the entries on this disk.
    cursor.take(8 + 2 + 2 + 4 + 4 + 8)?;
    let (count, _size, place) = (cursor.size()?, cursor.size()?, cursor.size()?);
    Ok((count, place))
}

/// The next entry of the directory.
fn entry<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, Entry)> {
    if cursor.array()? != CENTRAL {
        return Err(malformed(format!(
            "no entry of the archive's directory is at byte {}",
            cursor.position() - 4
        )));
    }
    cursor.take(4)?;
    let (flags, method) = (cursor.u16()?, cursor.u16()?);
    // Time, date.
    cursor.take(2 + 2)?;
    let (checksum, packed, size) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let lengths = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(usize::from);
    // Disk, attributes.
    cursor.take(2 + 2 + 4)?;
    let header = cursor.u32()?;
    let name = std::str::from_utf8(cursor.take(lengths[0])?)
        .map_err(|_| malformed("the name of an entry of the archive is not UTF-8"))?;
    let mut wide = Cursor::new(extra_64(cursor.take(lengths[1])?)?);
    cursor.take(lengths[2])?;
    // In this order, and only those that do not fit.
    let mut widened = |narrow: u32| if narrow == u32::MAX { wide.size() } else { Ok(narrow as usize) };
    let (size, packed, header) = (widened(size)?, widened(packed)?, widened(header)?);
    Ok((name, Entry { encrypted: flags & 1 != 0, method, checksum, packed, size, header }))
}

/// The extra field with the numbers that need 64 bits.
fn extra_64(extra: &[u8]) -> Result<&[u8]> {
    let mut cursor = Cursor::new(extra);
    // Archivers pad this field with less than a header.
    while cursor.rest().len() >= 4 {
        let (kind, length) = (cursor.u16()?, cursor.u16()?);
        let field = cursor.take(length.into())?;
        if kind == EXTRA_64 {
            return Ok(field);
        }
    }
    Ok(&[])
}

/// The bytes of an entry, behind its local header.
fn local<'a>(bytes: &'a [u8], entry: &Entry) -> Result<&'a [u8]> {
    let mut cursor = Cursor::new(bytes);
    cursor.take(entry.header)?;
    if cursor.array()? != LOCAL {
        return Err(malformed(format!("it does not begin at byte {}", entry.header)));
    }
    // Versions, flags, time, checksum and sizes, which the directory says as well.
    cursor.take(22)?;
    let lengths = [cursor.u16()?, cursor.u16()?].map(usize::from);
    cursor.take(lengths[0])?;
    // PyTorch aligns the bytes with this field.
    cursor.take(lengths[1])?;
    cursor.take(entry.packed)
}
