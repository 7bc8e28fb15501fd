//! Picture after picture, from file to file.

use std::ffi::OsStr;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use amplio::media::images::{self, Format, Limits, WriteOptions};
use amplio::media::{Depth, Header};
use amplio::{Request, Size, Upscaler};
use anyhow::{Error, Result, anyhow, bail};

use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::formats::{Choice, Encoding};
use crate::inputs::{self, Input, Inputs};
use crate::naming::{Facts, Template};
use crate::outcome::{Failure, Outcome};
use crate::quantity::show_scale;
use crate::report::{Job, Report};
use crate::stop;

/// What is to be done with each picture.
pub(crate) struct Batch {
    pub(crate) upscaler: Upscaler,
    pub(crate) request: Request,
    pub(crate) destination: Destination,
    pub(crate) names: Template,
    pub(crate) format: Choice,
    pub(crate) quality: Option<u8>,
    /// The depth of the result; that of the input if `None`.
    pub(crate) depth: Option<Depth>,
    pub(crate) strip: bool,
    /// Only say what would be done.
    pub(crate) rehearsal: bool,
}

/// What becomes of one picture.
struct Plan {
    job: Job,
    encoding: Encoding,
    /// The result, as its format stores it.
    header: Header,
    /// Where it goes; standard output if `None`.
    path: Option<PathBuf>,
}

/// What became of one picture.
enum End {
    Done(Job, f64),
    Planned(Job),
    Skipped(PathBuf),
}

impl Batch {
    /// Makes the pictures, one after the other. One that fails stops no other.
    pub(crate) fn run(&self, inputs: Inputs, mut claims: Claims, mut report: Report) -> Result<Outcome> {
        for (name, error) in &inputs.missing {
            report.failed(name, error);
        }
        let mut interrupted = false;
        for input in &inputs.found {
            let name = input.name();
            match self.one(input, &mut claims, &report) {
                Ok(End::Done(job, seconds)) => report.done(&job, seconds),
                Ok(End::Planned(job)) => report.planned(&job)?,
                Ok(End::Skipped(path)) => report.skipped(&name, &path.display().to_string()),
                Err(error) if Outcome::of(&error) == Outcome::Interrupted => {}
                Err(error) => report.failed(&name, &error),
            }
            interrupted = stop::asked();
            if interrupted {
                break;
            }
        }
        report.summary(inputs.others, inputs.results, interrupted);
        Ok(match interrupted {
            true => Outcome::Interrupted,
            false if report.has_failures() => Outcome::SomeFailed,
            false => Outcome::Done,
        })
    }

    fn one(&self, input: &Input, claims: &mut Claims, report: &Report) -> Result<End> {
        let bytes = input.read()?;
        let (format, picture) = images::read_header(&bytes)?;
        let encoding = self.format.resolve(format, input.path.as_deref());
        let header = self.header(&picture, encoding.format)?;
        let wished = self.destination.path(input, &self.name(input, &picture, &header, &encoding));
        let path = match wished {
            None => None,
            Some(wished) => match claims.claim(&wished)? {
                None => return Ok(End::Skipped(wished)),
                claimed => claimed,
            },
        };
        let job = Job {
            input: input.name(),
            output: path.as_ref().map_or_else(|| "standard output".into(), |path| path.display().to_string()),
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
        let seconds =
            self.make(&bytes, &Plan { job: job.clone(), encoding, header, path }, claims.replace(), report)?;
        Ok(End::Done(job, seconds))
    }

    /// The result for a picture, as the format stores it.
    fn header(&self, picture: &Header, format: &'static Format) -> Result<Header> {
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

    fn name(&self, input: &Input, from: &Header, to: &Header, encoding: &Encoding) -> std::ffi::OsString {
        let target = &self.request.target;
        let scale = match target.size {
            Some(Size::Scale(scale)) if target.max_pixels.is_none() => scale,
            _ => f64::from(to.width) / f64::from(from.width),
        };
        self.names.fill(&Facts {
            stem: input.path.as_deref().and_then(Path::file_stem).unwrap_or(OsStr::new("picture")),
            scale: &show_scale(scale),
            ext: &encoding.extension,
            model: &self.upscaler.model().info().name,
            width: to.width,
            height: to.height,
        })
    }

    /// Makes one picture; returns the seconds that it took.
    fn make(&self, bytes: &[u8], plan: &Plan, replace: bool, report: &Report) -> Result<f64> {
        let Plan { job, encoding, header, path } = plan;
        if let (Some(folder), Some(path)) = (self.destination.folder(), path) {
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent)
                .map_err(|error| anyhow!("{}: {}", parent.display(), inputs::explained(&error)))?;
        }
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

/// An error of the library, where it is the command's to say more.
fn explained(error: amplio::Error, output: &str) -> Error {
    match error {
        amplio::Error::Stopped => Failure::Interrupted.into(),
        amplio::Error::Media(amplio::media::Error::Io { source, .. }) => {
            anyhow!("writing {output}: {}", inputs::explained(&source))
        }
        error => error.into(),
    }
}
