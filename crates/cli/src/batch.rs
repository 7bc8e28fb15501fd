//! Input after input, from file to file. What is done with an input of a kind is a file in `batch/`.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use amplio::media::animations::Delay;
use amplio::media::{Header, videos};
use amplio::{Request, Size, Transcoder, Upscaler, Writing};
use anyhow::{Error, Result, anyhow, bail};

use crate::destination::{Claims, Destination};
use crate::engine::Engine;
use crate::formats::Container;
use crate::inputs::{self, Input, Inputs};
use crate::kind::Kind;
use crate::naming::{Facts, Template};
use crate::outcome::{Failure, Outcome};
use crate::quantity::show_scale;
use crate::report::{Job, Report};
use crate::stop;
use crate::video::VideoArgs;

mod animation;
mod archive;
mod pages;
mod picture;
mod preview;
mod sequence;
mod video;

/// What is to be done with each input.
pub(crate) struct Batch {
    pub(crate) upscaler: Upscaler,
    pub(crate) request: Request,
    pub(crate) destination: Destination,
    pub(crate) names: Template,
    /// How they are written.
    pub(crate) writing: Writing,
    /// What the result is to be put into, if `-o` says so.
    pub(crate) container: Option<Container>,
    /// How videos are made.
    pub(crate) video: VideoArgs,
    /// What tells the model and the machine from others that give other numbers.
    pub(crate) engine: Engine,
    /// The number of the first file, where files are numbered.
    pub(crate) start_number: Option<u64>,
    /// How long a frame of numbered files lasts.
    pub(crate) fps: Option<Delay>,
    /// Only say what would be done.
    pub(crate) rehearsal: bool,
}

/// What became of one input.
pub(crate) enum End {
    Done(Job, f64),
    Planned(Job),
    Skipped(PathBuf),
}

impl Batch {
    /// Makes the results, one after the other. One that fails stops no other.
    pub(crate) fn run(&self, inputs: Inputs, mut claims: Claims, mut report: Report) -> Result<Outcome> {
        for (name, error) in &inputs.missing {
            report.failed(name, error);
        }
        for (name, what) in &inputs.remarks {
            report.warn(name, what);
        }
        let mut interrupted = false;
        let together = self.is_sequence(&inputs.found);
        let groups = inputs.found.chunks(if together { inputs.found.len() } else { 1 });
        for group in groups {
            let name = group[0].name();
            let ended = match group {
                [input] if !together => self.one(input, &mut claims, &report),
                inputs => self.sequence(inputs, &mut claims, &report),
            };
            match ended {
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
        let kind = Kind::of(input)?;
        if let (Destination::File(path), false) = (&self.destination, matches!(kind, Kind::Video(_)))
            && videos::Container::of(path).is_some()
        {
            bail!("only videos become videos");
        }
        if let (Kind::Picture(_) | Kind::Animation(_) | Kind::Pages(_), Some(Container::Archive)) =
            (&kind, self.container)
        {
            bail!("only archives become archives");
        }
        match kind {
            Kind::Picture(bytes) => self.picture(input, &bytes, claims, report),
            Kind::Animation(bytes) => self.animation(input, &bytes, claims, report),
            Kind::Pages(pages) => self.pages(input, pages, claims, report),
            Kind::Archive(file) => self.archive(input, file, claims, report),
            Kind::Video(path) => self.video(input, &path, claims, report),
        }
    }

    /// The file for the result of an input, or standard output if `None`; or the file that is there already and stays.
    fn claim(
        &self,
        input: &Input,
        name: &OsStr,
        claims: &mut Claims,
    ) -> Result<std::result::Result<Option<PathBuf>, PathBuf>> {
        let Some(wished) = self.destination.path(input, name)? else { return Ok(Ok(None)) };
        Ok(match claims.claim(&wished)? {
            None => Err(wished),
            claimed => Ok(claimed),
        })
    }

    /// What makes files of files.
    fn transcoder(&self) -> Transcoder<'_> {
        Transcoder { upscaler: &self.upscaler, request: &self.request, writing: &self.writing }
    }

    /// The name of a result of this shape, from the shape of its input.
    fn name(&self, input: &Input, from: &Header, to: &Header, extension: &str) -> OsString {
        let target = &self.request.target;
        let scale = match target.size {
            Some(Size::Scale(scale)) if target.max_pixels.is_none() => scale,
            _ => f64::from(to.width) / f64::from(from.width),
        };
        self.names.fill(&Facts {
            stem: input.path.as_deref().and_then(Path::file_stem).unwrap_or(OsStr::new("picture")),
            scale: &show_scale(scale),
            ext: extension,
            model: &self.upscaler.model().info().name,
            width: to.width,
            height: to.height,
        })
    }

    /// Makes sure of the folder of a result, if it is one below a folder of results.
    fn prepare(&self, path: Option<&Path>) -> Result<()> {
        let (Some(folder), Some(path)) = (self.destination.folder(), path) else { return Ok(()) };
        let parent = path.parent().unwrap_or(folder);
        if parent.as_os_str().is_empty() {
            return Ok(());
        }
        std::fs::create_dir_all(parent)
            .map_err(|error| anyhow!("{}: {}", parent.display(), inputs::explained(&error)))
    }
}

/// What people call the place of a result.
fn shown(path: Option<&Path>) -> String {
    path.map_or_else(|| "standard output".into(), |path| path.display().to_string())
}

/// A result of a part of the work; an error says of which part.
fn part<T, E: Into<Error>>(result: std::result::Result<T, E>, what: impl Display) -> Result<T> {
    result.map_err(|error| {
        let error = error.into();
        match Outcome::of(&error) {
            Outcome::Interrupted => error,
            _ => anyhow!("{what}: {error}"),
        }
    })
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
