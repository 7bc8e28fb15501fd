//! An archive, from file to file: its pictures are made larger, everything else is copied.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use amplio::Frames;
use amplio::media::animations::{self, Animation, Options};
use amplio::media::archives::{Archive, ArchiveWriter, EXTENSIONS, Limits};
use amplio::media::images::{self, Format};
use amplio::media::{Header, animations::Limits as AnimationLimits};
use anyhow::{Result, bail};

use super::{Batch, End, explained, part, shown};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::formats::{Container, Encoding, holds_pictures};
use crate::inputs::Input;
use crate::kind::ReadSeek;
use crate::report::{Job, Parts, Report, Tracker};

/// The bytes by which formats are recognised.
const FIRST_BYTES: u64 = 64;

/// A page of an archive: the number of its entry, and what it becomes.
struct Page {
    entry: usize,
    encoding: Encoding,
    /// Its new name, if the format changes.
    name: Option<String>,
}

type Source = Archive<Box<dyn ReadSeek>>;

impl Batch {
    /// Makes the pictures in an archive larger.
    pub(super) fn archive(
        &self,
        input: &Input,
        file: Box<dyn ReadSeek>,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        match (&self.destination, self.container) {
            (Destination::File(_), Some(Container::Archive))
            | (Destination::Folder(_) | Destination::Beside | Destination::Standard, _) => {}
            _ => bail!("it is an archive, which becomes one: -o NAME.cbz or -o FOLDER/"),
        }
        let mut archive = Archive::open(file, &Limits::default())?;
        let pages = self.find_pages(&mut archive)?;
        let Some(first) = pages.first() else { bail!("there is no picture in this archive") };
        let bytes = archive.read(first.entry)?;
        let (_, from) = part(images::read_header(&bytes), archive.name(first.entry)?)?;
        let to = self.header(&from, first.encoding.format)?;
        let own = input.path.as_deref().and_then(Path::extension).and_then(OsStr::to_str);
        let name = self.name(input, &from, &to, own.unwrap_or(EXTENSIONS[0]));
        let path = match self.claim(input, &name, claims)? {
            Ok(path) => path,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let mut job = Job {
            input: input.name(),
            output: shown(path.as_deref()),
            from: None,
            to: None,
            parts: Some(Parts { count: pages.len() as u64, name: "pages" }),
            pixels: 0,
            format: "archive",
        };
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        self.prepare(path.as_deref())?;
        let tracker = report.start(&job);
        let draft = Draft::new(path.as_deref(), claims.replace())?;
        let mut writer = ArchiveWriter::new(draft.sink()?, &archive)?;
        let mut pixels = 0;
        let mut waiting = pages.iter().enumerate().peekable();
        for entry in 0..archive.len() {
            let Some((number, page)) = waiting.next_if(|(_, page)| page.entry == entry) else {
                writer.copy(&mut archive, entry)?;
                continue;
            };
            let made = self.page(&mut archive, page, &tracker, (number, pages.len()));
            let (content, header) = part(made, archive.name(entry)?)?;
            writer.replace(&mut archive, entry, page.name.as_deref(), &content)?;
            pixels += header.pixels();
        }
        writer.finish()?;
        draft.publish()?;
        let seconds = tracker.seconds();
        drop(tracker);
        job.pixels = pixels;
        Ok(End::Done(job, seconds))
    }

    /// The entries that are pictures, and what they become.
    fn find_pages(&self, archive: &mut Source) -> Result<Vec<Page>> {
        let mut pages = Vec::new();
        let mut names = HashSet::new();
        for entry in 0..archive.len() {
            let name = archive.name(entry)?;
            names.insert(name.clone());
            let first = part(archive.first_bytes(entry, FIRST_BYTES), &name)?;
            let Some(format) = images::detect(&first).filter(|format| is_page(format, &name)) else {
                continue;
            };
            // A GIF of one picture could not hold the result; whether it is one, only its end tells.
            let moving = !holds_pictures(format)
                && animations::can_write(format)
                && part(animations::moves(&archive.read(entry)?, &AnimationLimits::default()), &name)?;
            let holds = |other: &Format| holds_pictures(other) || moving;
            let encoding = self.format.resolve(format, Some(Path::new(&name)), holds);
            let changes = encoding.format != format;
            let name = changes.then(|| renamed(&name, &encoding.extension));
            pages.push(Page { entry, encoding, name });
        }
        for name in pages.iter().filter_map(|page| page.name.as_ref()) {
            if !names.insert(name.clone()) {
                bail!("two entries would be called {name}");
            }
        }
        Ok(pages)
    }

    /// The new content of a page, and its shape.
    fn page(
        &self,
        archive: &mut Source,
        page: &Page,
        tracker: &Tracker,
        (number, count): (usize, usize),
    ) -> Result<(Vec<u8>, Header)> {
        let bytes = archive.read(page.entry)?;
        let sink = Memory::default();
        let watcher = tracker.part(number, count);
        let animation = match animations::can_write(page.encoding.format) {
            true => animations::open(&bytes, &AnimationLimits::default())?,
            false => None,
        };
        let header = match animation {
            Some(mut animation) => {
                let header = self.header(&animation.header, page.encoding.format)?;
                self.moving_page(&mut animation, page, &header, sink.clone(), &watcher)?;
                header
            }
            None => {
                let image = images::read(&bytes, &images::Limits::default())?;
                let header = self.header(&image.header(), page.encoding.format)?;
                self.draw(image, &page.encoding, &header, Box::new(sink.clone()), "the archive", &watcher)?;
                header
            }
        };
        Ok((sink.take(), header))
    }

    fn moving_page(
        &self,
        animation: &mut Animation,
        page: &Page,
        header: &Header,
        sink: Memory,
        watcher: amplio::Watcher,
    ) -> Result<()> {
        let picture = self.write_options(&animation.metadata);
        let options =
            Options { frames: animation.frames, loops: animation.loops, dither: self.dither, picture };
        let writer = animations::writer(page.encoding.format, header, &options, Box::new(sink))?;
        let frames = Frames { header: animation.header, count: animation.frames, frames: animation };
        let made = self.upscaler.enlarge_frames(frames, &self.request, header, writer, watcher);
        made.map_err(|error| explained(error, "the archive"))
    }
}

/// Whether an entry of this name that begins like this format is a picture. TGA has no signature, and what systems add of
/// their own is none.
fn is_page(format: &Format, name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    let named = extension.and_then(images::by_extension);
    format.read.is_some()
        && !name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
        && (format.name != "tga" || named == Some(format))
}

/// A name with another extension.
fn renamed(name: &str, extension: &str) -> String {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[start..].rfind('.').filter(|dot| *dot > 0).map_or(name.len(), |dot| start + dot);
    format!("{}.{extension}", &name[..end])
}

/// A file in memory that can still be seen after it was given away.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Memory {
    fn with<T>(&self, act: impl FnOnce(&mut Cursor<Vec<u8>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_get_new_extensions() {
        assert_eq!(renamed("a/b.c/page 1.jxl", "png"), "a/b.c/page 1.png");
        assert_eq!(renamed("a.b/page", "png"), "a.b/page.png");
        assert_eq!(renamed("a/.hidden", "png"), "a/.hidden.png");
    }
}
