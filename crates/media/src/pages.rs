//! Many pages in one TIFF file, each a picture with metadata of its own.

use std::sync::{Arc, Mutex, PoisonError};

use crate::images::tiff::{self, Book};
use crate::images::{self, Format, Limits, RowWriter, Sink, WriteOptions};
use crate::{Error, Header, Image, Result};

/// The format of such files.
pub const FORMAT: &Format = &tiff::FORMAT;

/// The most pages that a file may have.
const MOST: usize = 100_000;

/// A file of several pages.
pub struct Pages {
    /// The file; its header points to the page that was read last.
    bytes: Vec<u8>,
    /// Where the directory of each page lies.
    pages: Vec<u64>,
    /// Small copies and masks of pages, which are no pages.
    extras: usize,
}

impl Pages {
    /// Takes a TIFF file of two pages or more; gives all other files back.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the chain of pages is broken, [`Error::Limit`] if it is too long.
    pub fn open(bytes: Vec<u8>) -> Result<std::result::Result<Self, Vec<u8>>> {
        let (pages, extras) = find(&bytes)?;
        Ok(if pages.len() < 2 { Err(bytes) } else { Ok(Pages { bytes, pages, extras }) })
    }

    /// Whether a file is one that [`Pages::open`] takes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn are_in(bytes: &[u8]) -> Result<bool> {
        Ok(find(bytes)?.0.len() > 1)
    }

    /// The number of pages, at least two.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// How many small copies and masks of pages the file has besides.
    pub fn extras(&self) -> usize {
        self.extras
    }

    /// The shape of a page, counted from 0; upright.
    ///
    /// # Errors
    ///
    /// As [`images::read_header`].
    pub fn header(&mut self, page: usize) -> Result<Header> {
        self.turn_to(page)?;
        Ok(images::read_header(&self.bytes)?.1)
    }

    /// A page, upright.
    ///
    /// # Errors
    ///
    /// As [`images::read`].
    pub fn read(&mut self, page: usize, limits: &Limits) -> Result<Image> {
        self.turn_to(page)?;
        images::read(&self.bytes, limits)
    }

    /// Makes a page the first one.
    fn turn_to(&mut self, page: usize) -> Result<()> {
        let at = *self.pages.get(page).ok_or_else(|| Error::misuse(format!("there is no page {page}")))?;
        let layout = Layout::of(&self.bytes).ok_or_else(|| Error::malformed("tiff", "no header"))?;
        let bytes = layout.bytes(at);
        let start = layout.first();
        self.bytes[start..start + bytes.len()].copy_from_slice(&bytes);
        Ok(())
    }
}

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

/// Where the directories of pages lie, and how many small copies and masks there are beside them; nothing if it is no TIFF
/// file.
fn find(bytes: &[u8]) -> Result<(Vec<u64>, usize)> {
    if images::detect(bytes) != Some(FORMAT) {
        return Ok((Vec::new(), 0));
    }
    let chain = chain(bytes)?;
    let all = chain.len();
    let pages: Vec<u64> = chain.into_iter().filter(|at| !is_extra(bytes, *at)).collect();
    let extras = all - pages.len();
    Ok((pages, extras))
}

/// Where the directories of all pages lie, in order.
fn chain(bytes: &[u8]) -> Result<Vec<u64>> {
    let broken = || Error::malformed("tiff", "the chain of pages leads out of the file");
    let layout = Layout::of(bytes).ok_or_else(broken)?;
    let mut next = layout.number(bytes, layout.first() as u64, layout.width()).ok_or_else(broken)?;
    let mut found: Vec<u64> = Vec::new();
    let mut seen = std::collections::HashSet::new();
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
fn is_extra(bytes: &[u8], directory: u64) -> bool {
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

/// Writes a file of several pages.
pub struct PagesWriter {
    book: Arc<Mutex<Book>>,
}

impl PagesWriter {
    /// Begins a file for pages of these shapes, in this order.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] from the sink.
    pub fn new(pages: &[Header], sink: Sink) -> Result<Self> {
        let bytes = pages.iter().map(Header::bytes).fold(0, u64::saturating_add);
        Ok(PagesWriter { book: Arc::new(Mutex::new(Book::new(bytes, sink)?)) })
    }

    /// Begins the next page. The one before it must be finished.
    ///
    /// # Errors
    ///
    /// As [`images::writer`].
    pub fn page(&self, header: &Header, options: &WriteOptions) -> Result<Box<dyn RowWriter>> {
        images::check(FORMAT, header)?;
        Ok(images::checked(tiff::page(header, &options.fitted(header), self.book.clone()), header))
    }

    /// Flushes the sink.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] from the sink.
    pub fn finish(self) -> Result<()> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
