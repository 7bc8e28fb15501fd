//! An archive: its pictures are made larger, everything else is copied.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{Read, Seek};
use std::path::Path;

use amplio_media::animations::{self, Limits};
use amplio_media::archives::{Archive, ArchiveWriter};
use amplio_media::images::{self, Format, Sink};
use amplio_media::{Depth, Header};

use super::memory::Memory;
use super::{Transcoder, go_on};
use crate::encoding::{Encoding, holds_pictures};
use crate::{Error, Progress, Result, Watcher};

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

    /// Writes the new archive; the pixels of its pages.
    ///
    /// # Errors
    /// As [`Transcoder::picture`], with the name of the entry. What was written is then incomplete.
    pub fn run(&mut self, sink: Sink, watcher: Watcher) -> Result<u64> {
        let count = self.pages.len();
        let mut writer = ArchiveWriter::new(sink, &self.archive)?;
        let (mut pixels, mut done) = (0, 0);
        for entry in 0..self.archive.len() {
            let Some(page) = self.pages.get(done).filter(|page| page.entry == entry) else {
                writer.copy(&mut self.archive, entry)?;
                go_on(watcher, Progress { fraction: 0.0, pixels }.of_part(done, count))?;
                continue;
            };
            let seen = |progress: Progress| {
                let pixels = pixels + progress.pixels;
                watcher(Progress { pixels, ..progress }.of_part(done, count))
            };
            let bytes = self.archive.read(entry)?;
            let made = page.make(&self.transcoder, &bytes, &self.limits, &seen);
            let (content, header) = match made {
                Ok(made) => made,
                Err(error) => return Err(error.of(self.archive.name(entry)?)),
            };
            writer.replace(&mut self.archive, entry, page.name.as_deref(), &content)?;
            pixels += header.pixels();
            done += 1;
        }
        writer.finish()?;
        Ok(pixels)
    }
}

impl Page {
    /// The new content of the page, and its shape.
    fn make(
        &self,
        transcoder: &Transcoder,
        bytes: &[u8],
        limits: &Limits,
        watcher: Watcher,
    ) -> Result<(Vec<u8>, Header)> {
        let (format, sink) = (self.encoding.format, Memory::default());
        let animation = match animations::can_write(format) {
            true => animations::open(bytes, limits)?,
            false => None,
        };
        let header = match animation {
            Some(mut animation) => {
                let header = transcoder.header(&animation.header, format)?;
                transcoder.animation(&mut animation, (format, &header), Box::new(sink.clone()), watcher)?;
                header
            }
            None => {
                let image = images::read(bytes, &limits.picture)?;
                let header = transcoder.header(&image.header(), format)?;
                transcoder.picture(image, (format, &header), Box::new(sink.clone()), watcher)?;
                header
            }
        };
        Ok((sink.take(), header))
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
