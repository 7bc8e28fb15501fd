//! An archive: its pictures are made larger, everything else is copied.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{Read, Seek};
use std::path::Path;
use std::thread;

use amplio_media::animations::{self, Limits};
use amplio_media::archives::{Archive, ArchiveWriter};
use amplio_media::images::{self, Format, Sink};
use amplio_media::{Depth, Header};

use super::Transcoder;
use super::losses::{Remarks, losses, losses_of_animation};
use super::memory::Memory;
use crate::encoding::{Encoding, holds_pictures};
use crate::progress::Parts;
use crate::{Ended, Error, Lanes, Result, Watcher};

/// The bytes by which formats are recognised.
const FIRST_BYTES: u64 = 64;

/// An archive whose pictures can be made larger: everything is decided, nothing is done.
pub struct ArchiveJob<'a, R> {
    transcoder: Transcoder<'a>,
    archive: Archive<R>,
    pages: Vec<Page>,
    limits: Limits,
    /// The first page.
    pub from: Header,
    /// What the first page becomes.
    pub to: Header,
}

/// A page of an archive: the number of its entry, and what it becomes.
struct Page {
    entry: usize,
    encoding: Encoding,
    /// Its new name, if the format changes, in the encoding of the old one.
    name: Option<Vec<u8>>,
}

/// What was put into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The pixels of its pages.
    pub pixels: u64,
    /// What people should know of them.
    pub remarks: Vec<String>,
}

impl<'a, R: Read + Seek> ArchiveJob<'a, R> {
    /// Looks into an archive and decides what becomes of its entries. `limits` are those of each page.
    ///
    /// # Errors
    /// If there is no picture in it, an entry cannot be read, or two results would have the same name.
    pub fn new(transcoder: Transcoder<'a>, mut archive: Archive<R>, limits: Limits) -> Result<Self> {
        let pages = find_pages(&transcoder, &mut archive, &limits)?;
        let first = pages.first().ok_or_else(|| Error::request("there is no picture in this archive"))?;
        let bytes = archive.read(first.entry)?;
        let name = archive.name(first.entry)?;
        let (_, from) = images::read_header(&bytes).map_err(|error| Error::from(error).of(name))?;
        let to = transcoder.header(&from, first.encoding.format)?;
        Ok(Self { transcoder, archive, pages, limits, from, to })
    }

    /// The number of pictures.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Writes the new archive.
    ///
    /// # Errors
    /// As [`Transcoder::picture`], with the name of the entry. What was written is then incomplete.
    pub fn run(&mut self, sink: Sink, watcher: Watcher) -> Result<Bound> {
        let Self { transcoder, archive, pages, limits, .. } = self;
        let writer = ArchiveWriter::new(sink, archive)?;
        let progress = Parts::new(pages.len(), watcher);
        thread::scope(|scope| {
            let lanes = transcoder.upscaler.lanes(scope, transcoder.request);
            let mut binder = Binder { archive, writer, pages, lanes, pixels: 0, remarks: Remarks::default() };
            let bound = binder.bind(transcoder, limits, &progress);
            // Whoever is still at work need not be.
            progress.halt();
            bound?;
            binder.writer.finish()?;
            Ok(Bound { pixels: binder.pixels, remarks: binder.remarks.told() })
        })
    }
}

/// Puts an archive together while its pages are made side by side.
struct Binder<'scope, 'env, R> {
    archive: &'env mut Archive<R>,
    writer: ArchiveWriter,
    pages: &'env [Page],
    lanes: Lanes<'scope, 'env, usize, Result<Made>>,
    /// Of the pages that were written.
    pixels: u64,
    remarks: Remarks,
}

/// A page that was made.
struct Made {
    content: Vec<u8>,
    header: Header,
    /// What people should know of it.
    remarks: Vec<String>,
}

impl<'scope, R: Read + Seek> Binder<'scope, '_, R> {
    /// Writes all entries, in their order.
    fn bind(
        &mut self,
        transcoder: &'scope Transcoder,
        limits: &'scope Limits,
        progress: &'scope Parts,
    ) -> Result<()> {
        let mut next = 0;
        for entry in 0..self.archive.len() {
            let Some(page) = self.pages.get(next).filter(|page| page.entry == entry) else {
                self.write_pages()?;
                self.writer.copy(self.archive, entry)?;
                progress.check()?;
                continue;
            };
            let bytes = self.archive.read(entry)?;
            let needed = page.memory(transcoder, &bytes);
            let needed = needed.map_err(|error| of_entry(error, self.archive, entry))?;
            while let Some(ended) = self.lanes.make_room(needed) {
                self.write(ended)?;
            }
            let number = next;
            self.lanes.begin(number, needed, move || {
                page.make(transcoder, &bytes, limits, &|share| progress.ask(number, share))
            });
            next += 1;
        }
        self.write_pages()
    }

    /// Writes the pages that are in work.
    fn write_pages(&mut self) -> Result<()> {
        while let Some(ended) = self.lanes.end() {
            self.write(ended)?;
        }
        Ok(())
    }

    /// Writes a page that was made.
    fn write(&mut self, (number, made): Ended<usize, Result<Made>>) -> Result<()> {
        let Page { entry, name, .. } = &self.pages[number];
        let made = made.unwrap_or_else(|_| Err(Error::request("the thread that made it panicked")));
        let made = made.map_err(|error| of_entry(error, self.archive, *entry))?;
        self.writer.replace(self.archive, *entry, name.as_deref(), &made.content)?;
        self.pixels += made.header.pixels();
        self.remarks.add(&self.archive.name(*entry)?, made.remarks);
        Ok(())
    }
}

/// The error of an entry, with its name.
fn of_entry<R: Read + Seek>(error: Error, archive: &Archive<R>, entry: usize) -> Error {
    match archive.name(entry) {
        Ok(name) => error.of(name),
        Err(error) => error.into(),
    }
}

impl Page {
    /// About how many bytes it takes to make the page, or a frame of it.
    fn memory(&self, transcoder: &Transcoder, bytes: &[u8]) -> Result<usize> {
        let (_, header) = images::read_header(bytes)?;
        transcoder.upscaler.memory(&header, transcoder.request)
    }

    /// Makes the page.
    fn make(&self, transcoder: &Transcoder, bytes: &[u8], limits: &Limits, watcher: Watcher) -> Result<Made> {
        let (format, sink) = (self.encoding.format, Memory::default());
        let animation = match animations::can_write(format) {
            true => animations::open(bytes, limits)?,
            false => None,
        };
        let (header, remarks) = match animation {
            Some(mut animation) => {
                let header = transcoder.header(&animation.header, format)?;
                let remarks = losses_of_animation(&animation, (format, &header));
                transcoder.animation(&mut animation, (format, &header), Box::new(sink.clone()), watcher)?;
                (header, remarks)
            }
            None => {
                let image = images::read(bytes, &limits.picture)?;
                let header = transcoder.header(&image.header(), format)?;
                let remarks = losses(&image.header(), &image.metadata, (format, &header));
                transcoder.picture(image, (format, &header), Box::new(sink.clone()), watcher)?;
                (header, remarks)
            }
        };
        Ok(Made { content: sink.take(), header, remarks })
    }
}

/// The entries of an archive that are pictures, by their numbers, and their formats.
///
/// # Errors
/// If an entry cannot be read.
pub fn pictures<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Vec<(usize, &'static Format)>> {
    let mut pictures = Vec::new();
    for entry in 0..archive.len() {
        let name = archive.name(entry)?;
        if !archive.can_unpack(entry)? && !is_called_a_page(&name) {
            continue;
        }
        let first = archive.first_bytes(entry, FIRST_BYTES).map_err(|error| Error::from(error).of(&name))?;
        let format = images::detect(&first).filter(|format| is_page(format, &name));
        pictures.extend(format.map(|format| (entry, format)));
    }
    Ok(pictures)
}

/// The entries that are pictures, and what they become.
fn find_pages<R: Read + Seek>(
    transcoder: &Transcoder,
    archive: &mut Archive<R>,
    limits: &Limits,
) -> Result<Vec<Page>> {
    let names = (0..archive.len()).map(|entry| archive.raw_name(entry));
    let mut names: HashSet<Vec<u8>> = names.collect::<std::result::Result<_, _>>()?;
    let mut pages = Vec::new();
    for (entry, format) in pictures(archive)? {
        let (name, raw) = (archive.name(entry)?, archive.raw_name(entry)?);
        let named = |error: amplio_media::Error| Error::from(error).of(&name);
        let (mut depth, mut moves) = (Depth::U8, false);
        if !holds_pictures(format) {
            let bytes = archive.read(entry).map_err(named)?;
            depth = images::read_header(&bytes).map_err(named)?.1.depth;
            // A GIF of one picture could not hold the result; whether it is one, only its end tells.
            moves = animations::can_write(format) && animations::moves(&bytes, limits).map_err(named)?;
        }
        let holds = |other: &Format| holds_pictures(other) || moves;
        let encoding = transcoder.writing.format.resolve((format, depth), Some(Path::new(&name)), holds);
        let changes = encoding.format != format;
        let new = changes.then(|| renamed(&raw, &encoding.extension));
        pages.push(Page { entry, encoding, name: new });
    }
    for name in pages.iter().filter_map(|page| page.name.as_ref()) {
        if !names.insert(name.clone()) {
            let name = String::from_utf8_lossy(name);
            return Err(Error::request(format!("two entries would be called {name}")));
        }
    }
    Ok(pages)
}

/// Whether an entry of this name that begins like this format is a picture. TGA has no signature, and what systems add of
/// their own is none.
fn is_page(format: &Format, name: &str) -> bool {
    format.read.is_some()
        && !is_of_a_system(name)
        && (format.name != "tga" || format_of_name(name) == Some(format))
}

/// Whether an entry has the name of a picture.
fn is_called_a_page(name: &str) -> bool {
    !is_of_a_system(name) && format_of_name(name).is_some_and(|format| format.read.is_some())
}

fn is_of_a_system(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}

fn format_of_name(name: &str) -> Option<&'static Format> {
    Path::new(name).extension().and_then(OsStr::to_str).and_then(images::by_extension)
}

/// A name with another extension. Slashes and dots are the same bytes in all encodings that archives have.
fn renamed(name: &[u8], extension: &str) -> Vec<u8> {
    let start = name.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let dot = name[start..].iter().rposition(|&byte| byte == b'.').filter(|dot| *dot > 0);
    let end = dot.map_or(name.len(), |dot| start + dot);
    [&name[..end], b".", extension.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_get_new_extensions() {
        assert_eq!(renamed(b"a/b.c/page 1.jxl", "png"), b"a/b.c/page 1.png");
        assert_eq!(renamed(b"a.b/page", "png"), b"a.b/page.png");
        assert_eq!(renamed(b"a/.hidden", "png"), b"a/.hidden.png");
        assert_eq!(renamed(b"\x83\x5c.jxl", "png"), b"\x83\x5c.png", "Shift-JIS");
    }
}
