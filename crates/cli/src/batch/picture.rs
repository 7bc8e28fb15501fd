//! One picture, from file to file.

use amplio::media::images::{self, Limits};
use amplio::media::{Header, animations};
use amplio::{Encoding, holds_pictures};
use anyhow::Result;

use super::{Batch, End, Step, explained, shown};
use crate::destination::Claims;
use crate::draft::Draft;
use crate::inputs::Input;
use crate::report::{Job, Report};

impl Batch {
    /// Decides what becomes of the picture in a file.
    pub(super) fn picture(
        &self,
        input: &Input,
        bytes: Vec<u8>,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<Step<'_>> {
        let (format, picture) = images::read_header(&bytes)?;
        let encoding =
            self.writing.format.resolve((format, picture.depth), input.path.as_deref(), holds_pictures);
        let header = self.transcoder().header(&picture, encoding.format)?;
        let name = self.name(input, &picture, &header, &encoding.extension);
        let path = match self.claim(input, &name, claims)? {
            Ok(path) => path,
            Err(skipped) => return Ok(Step::End(End::Skipped(skipped))),
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
        self.warn_of_losses(&job.input, (&bytes, &picture), &header, &encoding, report);
        if self.rehearsal {
            return Ok(Step::End(End::Planned(job)));
        }
        self.prepare(path.as_deref())?;
        let replace = claims.replace();
        // What goes to standard output is one picture after the other.
        let memory = path.is_some().then(|| self.upscaler.memory(&picture, &self.request)).transpose()?;
        let make = move |report: &Report| {
            let tracker = report.start(&job);
            let image = images::read(&bytes, &Limits::default())?;
            if let Some(remark) = amplio::recolouring(&picture, &image.metadata, encoding.format) {
                report.warn(&job.input, &remark);
            }
            let draft = Draft::new(path.as_deref(), replace)?;
            let made = (encoding.format, &header);
            let made = self.transcoder().picture(image, made, draft.sink()?, &tracker.watcher());
            made.map_err(|error| explained(error, &job.output))?;
            draft.publish()?;
            let seconds = tracker.seconds();
            drop(tracker);
            Ok(End::Done(job, seconds))
        };
        Ok(Step::Make { memory, make: Box::new(make) })
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
        if let Some(remark) = amplio::flattening(picture, result, encoding.format) {
            report.warn(name, &remark);
        }
        if animations::is_beyond_reading(bytes) {
            report.warn(name, "frames of such animations are not read: only the first one is made larger");
        }
    }
}
