//! One picture, from file to file.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::PathBuf;

use amplio::media::images::{self, Format, Limits, WriteOptions};
use amplio::media::{Depth, Header};
use anyhow::{Result, bail};

use super::{Batch, End, explained, shown};
use crate::destination::Claims;
use crate::draft::Draft;
use crate::formats::Encoding;
use crate::inputs::Input;
use crate::report::{Job, Report};
use crate::stop;

/// What becomes of one picture.
struct Plan {
    job: Job,
    encoding: Encoding,
    /// The result, as its format stores it.
    header: Header,
    /// Where it goes; standard output if `None`.
    path: Option<PathBuf>,
}

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
        let encoding = self.format.resolve(format, input.path.as_deref());
        let header = self.header(&picture, encoding.format)?;
        let name = self.name(input, &picture, &header, &encoding.extension);
        let path = match self.destination.path(input, &name) {
            None => None,
            Some(wished) => match claims.claim(&wished)? {
                None => return Ok(End::Skipped(wished)),
                claimed => claimed,
            },
        };
        let job = Job {
            input: input.name(),
            output: shown(path.as_deref()),
            from: (picture.width, picture.height),
            to: (header.width, header.height),
            format: encoding.format.name,
        };
        if picture.channels.has_alpha() && !header.channels.has_alpha() {
            report.warn(
                &job.input,
                &format!("{} has no transparency, so the picture is laid on white", job.format),
            );
        }
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        let plan = Plan { job: job.clone(), encoding, header, path };
        let seconds = self.make(bytes, &plan, claims.replace(), report)?;
        Ok(End::Done(job, seconds))
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

    /// Makes one picture; returns the seconds that it took.
    fn make(&self, bytes: &[u8], plan: &Plan, replace: bool, report: &Report) -> Result<f64> {
        let Plan { job, encoding, header, path } = plan;
        self.prepare(path.as_deref())?;
        let tracker = report.start(job);
        let mut image = images::read(bytes, &Limits::default())?;
        if self.strip {
            image.metadata.strip();
        }
        let defaults = WriteOptions::default();
        let options = WriteOptions {
            quality: self.quality.unwrap_or(defaults.quality),
            metadata: image.metadata.clone(),
            ..defaults
        };
        let draft = Draft::new(path.as_deref(), replace)?;
        let writer = images::writer(encoding.format, header, &options, draft.sink()?)?;
        let watcher = |progress| {
            tracker.progress(progress);
            if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let made = self.upscaler.enlarge_into(image, &self.request, header, writer, &watcher);
        made.map_err(|error| explained(error, &job.output))?;
        draft.publish()?;
        Ok(tracker.seconds())
    }
}
