//! Many pages in one TIFF file, each a picture with metadata of its own.

use std::sync::{Arc, Mutex, PoisonError};

use crate::images::tiff::{self, Book, chain, is_extra, turn_to};
use crate::images::{self, Format, Limits, RowWriter, Sink, WriteOptions};
use crate::{Error, Header, Image, Result};

/// The format of such files.
pub const FORMAT: &Format = &tiff::FORMAT;

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
        turn_to(&mut self.bytes, at)
    }
}

/// Where the directories of pages lie, and how many small copies and masks there are beside them; nothing if it is no TIFF
/// file.
fn find(bytes: &[u8]) -> Result<(Vec<u64>, usize)> {
    if images::detect(bytes) != Some(FORMAT) {
        return Ok((Vec::new(), 0));
    }
    let (pages, extras) = chain(bytes)?.into_iter().partition::<Vec<_>, _>(|at| !is_extra(bytes, *at));
    Ok((pages, extras.len()))
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
        let options = options.fitted(header, images::check(FORMAT, header)?);
        Ok(images::checked(tiff::page(header, &options, self.book.clone()), header))
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
