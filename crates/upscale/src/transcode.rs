//! Files from files: decoded, made larger, encoded.

mod archive;
mod losses;
mod memory;

use std::io::Cursor;

use amplio_media::animations::{self, Animation, Options};
use amplio_media::images::{self, Format, Limits, Sink, WriteOptions};
use amplio_media::pages::{Pages, PagesWriter};
use amplio_media::profile::{self, Colours};
use amplio_media::{Depth, Header, Image};

use crate::encoding::Writing;
use crate::{Error, Frames, Progress, Request, Result, Upscaler, Watcher};

pub use archive::{ArchiveJob, Bound, pictures};
pub use losses::{Remarks, flattening, losses, losses_of_animation, recolouring, recolouring_of_frames};

/// Makes files of files: a network, what is asked of it, and how its results are written.
#[derive(Clone, Copy)]
pub struct Transcoder<'a> {
    /// The network.
    pub upscaler: &'a Upscaler,
    /// How large results are.
    pub request: &'a Request,
    /// How they are written.
    pub writing: &'a Writing,
}

impl Transcoder<'_> {
    /// The result for a picture, as a format stores it.
    ///
    /// # Errors
    /// If the size cannot be met, or the format cannot store the result as it was asked for.
    pub fn header(&self, picture: &Header, format: &Format) -> Result<Header> {
        let result = self.upscaler.result(picture, &self.request.target)?;
        self.writing.check((result.width, result.height))?;
        let wished = Header { depth: self.writing.depth.unwrap_or(result.depth), ..result };
        let header = wished.fitted(format)?;
        if self.writing.depth == Some(Depth::U16) && header.depth == Depth::U8 {
            return Err(Error::request(format!("{} stores 8 bits and not 16", format.name)));
        }
        let most = format.write.as_ref().map_or(0, |writer| writer.max_side);
        if header.width.max(header.height) > most {
            // It knows best how to say it, and refuses before it writes.
            images::writer(format, &header, &WriteOptions::default(), Box::new(Cursor::new(Vec::new())))?;
        }
        Ok(header)
    }

    /// Makes a picture larger and writes it; `header` is what [`Transcoder::header`] gave.
    ///
    /// # Errors
    /// As [`Upscaler::enlarge_into`]. What was written is then incomplete.
    pub fn picture(
        &self,
        mut image: Image,
        (format, header): (&Format, &Header),
        sink: Sink,
        watcher: Watcher,
    ) -> Result<()> {
        if profile::colours(&image.header(), &image.metadata, format) == Colours::Converted {
            image = profile::to_srgb(image)?;
        }
        let options = self.writing.options(&image.metadata);
        image.metadata = options.metadata.clone();
        let writer = images::writer(format, header, &options, sink)?;
        self.upscaler.enlarge_into(image, self.request, header, writer, watcher)
    }

    /// Makes the frames of an animation larger and writes them.
    ///
    /// # Errors
    /// As [`Upscaler::enlarge_frames`]. What was written is then incomplete.
    pub fn animation(
        &self,
        animation: &mut Animation,
        (format, header): (&Format, &Header),
        sink: Sink,
        watcher: Watcher,
    ) -> Result<()> {
        let options = Options {
            frames: animation.frames,
            loops: animation.loops,
            dither: self.writing.dither,
            picture: self.writing.options(&animation.metadata),
        };
        let writer = animations::writer(format, header, &options, sink)?;
        let frames = Frames { header: animation.header, count: animation.frames, frames: animation };
        self.upscaler.enlarge_frames(frames, self.request, header, writer, watcher)
    }

    /// Makes all pages of a file larger and writes them into one; `headers` are those of the results.
    ///
    /// # Errors
    /// As [`Transcoder::picture`], with the number of the page.
    pub fn pages(
        &self,
        pages: &mut Pages,
        headers: &[Header],
        limits: &Limits,
        sink: Sink,
        watcher: Watcher,
    ) -> Result<()> {
        let writer = PagesWriter::new(headers, sink)?;
        for (page, header) in headers.iter().enumerate() {
            let named = |error: Error| error.of(format!("page {}", page + 1));
            let mut image = pages.read(page, limits).map_err(Error::from).map_err(named)?;
            let options = self.writing.options(&image.metadata);
            image.metadata = options.metadata.clone();
            let rows = writer.page(header, &options)?;
            let seen = |progress: Progress| watcher(progress.of_part(page, headers.len()));
            self.upscaler.enlarge_into(image, self.request, header, rows, &seen).map_err(named)?;
        }
        Ok(writer.finish()?)
    }
}
