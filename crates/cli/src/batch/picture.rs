//! One picture, from file to file.

use std::io::Cursor;

use amplio::Watcher;
use amplio::media::images::{self, Format, Limits, Sink, WriteOptions};
use amplio::media::{Depth, Header, Image, animations};
use anyhow::{Result, bail};

use super::{Batch, End, explained, shown};
use crate::destination::Claims;
use crate::draft::Draft;
use crate::formats::{Encoding, holds_pictures};
use crate::inputs::Input;
use crate::report::{Job, Report};

impl Batch {
    /// Makes the picture in a file larger.
    pub(super) fn picture(
        &self,
        input: &Input,
        bytes: &[u8],
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let (format, picture) = images::read_header(bytes)?;
        let encoding = self.format.resolve(format, input.path.as_deref(), holds_pictures);
        let header = self.header(&picture, encoding.format)?;
        let name = self.name(input, &picture, &header, &encoding.extension);
        let path = match self.claim(input, &name, claims)? {
            Ok(path) => path,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let job = Job {
            input: input.name(),
            output: shown(path.as_deref()),
            from: Some((picture.width, picture.height)),
            to: Some((header.width, header.height)),
            parts: None,
            pixels: header.pixels(),
            format: encoding.format.name,
        };
        self.warn_of_losses(&job.input, (bytes, &picture), &header, &encoding, report);
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        self.prepare(path.as_deref())?;
        let tracker = report.start(&job);
        let image = images::read(bytes, &Limits::default())?;
        let draft = Draft::new(path.as_deref(), claims.replace())?;
        self.draw(image, &encoding, &header, draft.sink()?, &job.output, &tracker.watcher())?;
        draft.publish()?;
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(job, seconds))
    }

    /// Tells what of a picture the result cannot have.
    pub(super) fn warn_of_losses(
        &self,
        name: &str,
        (bytes, picture): (&[u8], &Header),
        result: &Header,
        encoding: &Encoding,
        report: &Report,
    ) {
        let format = encoding.format.name;
        if picture.channels.has_alpha() && !result.channels.has_alpha() {
            report.warn(name, &format!("{format} has no transparency, so the picture is laid on white"));
        }
        if animations::is_beyond_reading(bytes) {
            report.warn(name, "frames of such animations are not read: only the first one is made larger");
        }
    }

    /// The result for a picture, as the format stores it.
    pub(super) fn header(&self, picture: &Header, format: &'static Format) -> Result<Header> {
        let result = self.upscaler.result(picture, &self.request.target)?;
        let wished = Header { depth: self.depth.unwrap_or(result.depth), ..result };
        let header = wished.fitted(format)?;
        if self.depth == Some(Depth::U16) && header.depth == Depth::U8 {
            bail!("{} stores 8 bits and not 16", format.name);
        }
        let most = format.write.as_ref().map_or(0, |writer| writer.max_side);
        if header.width.max(header.height) > most {
            // It knows best how to say it, and refuses before it writes.
            images::writer(format, &header, &WriteOptions::default(), Box::new(Cursor::new(Vec::new())))?;
        }
        Ok(header)
    }

    /// Makes a picture larger and writes it.
    pub(super) fn draw(
        &self,
        image: Image,
        encoding: &Encoding,
        header: &Header,
        sink: Sink,
        output: &str,
        watcher: Watcher,
    ) -> Result<()> {
        let options = self.write_options(&image.metadata);
        let mut image = image;
        image.metadata = options.metadata.clone();
        let writer = images::writer(encoding.format, header, &options, sink)?;
        let made = self.upscaler.enlarge_into(image, &self.request, header, writer, watcher);
        made.map_err(|error| explained(error, output))
    }
}
