//! One picture, from file to file.

use amplio::media::images::{self, Limits};
use amplio::media::{Header, animations};
use amplio::{Encoding, holds_pictures};
use anyhow::Result;

use super::{Batch, End, explained, shown};
use crate::destination::Claims;
use crate::draft::Draft;
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
        let encoding = self.writing.format.resolve(format, input.path.as_deref(), holds_pictures);
        let header = self.transcoder().header(&picture, encoding.format)?;
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
        let made = (encoding.format, &header);
        let made = self.transcoder().picture(image, made, draft.sink()?, &tracker.watcher());
        made.map_err(|error| explained(error, &job.output))?;
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
}
