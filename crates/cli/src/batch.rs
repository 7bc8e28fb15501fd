//! Input after input, from file to file. What is done with an input of a kind is a file in `batch/`.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use amplio::cpu::Cpu;
use amplio::media::animations::Delay;
use amplio::media::{Header, videos};
use amplio::{Request, Size, Transcoder, Upscaler, Writing};
use anyhow::{Error, Result, anyhow, bail};

use crate::destination::{Claims, Destination, Taken};
use crate::formats::Container;
use crate::inputs::{self, Input, Inputs};
use crate::kind::Kind;
use crate::naming::{Facts, Template};
use crate::outcome::{Failure, Outcome};
use crate::quantity::show_scale;
use crate::report::{Job, Report};
use crate::stop;
use crate::video::{Identity, VideoArgs};

mod animation;
mod archive;
mod footage;
mod lanes;
mod pages;
mod picture;
mod place;
mod preview;
mod sequence;
mod slides;
mod unrolled;
mod video;

use lanes::Lanes;

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
    /// What runs the network.
    pub(crate) cpu: Cpu,
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

/// What is to be done with an input when everything about it is decided.
pub(crate) enum Step<'a> {
    /// Nothing more.
    End(End),
    /// A picture is to be made: beside others if it is known how many bytes it takes, or alone.
    Make { memory: Option<usize>, make: Make<'a> },
}

/// Makes something.
type Make<'a> = Box<dyn FnOnce(&Report) -> Result<End> + Send + 'a>;

impl Step<'_> {
    /// Does it now.
    fn end(self, report: &Report) -> Result<End> {
        match self {
            Self::End(end) => Ok(end),
            Self::Make { make, .. } => make(report),
        }
    }
}

impl Batch {
    /// Makes the results in order. One that fails stops no other.
    pub(crate) fn run(&self, inputs: Inputs, claims: Claims, report: Report) -> Result<Outcome> {
        for (name, error) in &inputs.missing {
            report.failed(name, error);
        }
        for (name, what) in &inputs.remarks {
            report.warn(name, what);
        }
        std::thread::scope(|scope| {
            let mut lanes = Lanes::new(self.upscaler.lanes(scope, &self.request), &report, claims);
            if self.is_sequence(&inputs.found) {
                let ended = self.sequence(&inputs.found, &mut lanes.claims, &report);
                return lanes.told(&inputs.found[0], ended);
            }
            for input in &inputs.found {
                if stop::asked() {
                    break;
                }
                let mut step = self.one(input, &mut lanes);
                if step.as_ref().is_err_and(|error| error.is::<Taken>()) && !lanes.are_idle() {
                    // Whose result it is to be may still fail.
                    lanes.finish()?;
                    step = self.one(input, &mut lanes);
                }
                lanes.take(input, step)?;
            }
            lanes.finish()
        })?;
        let interrupted = stop::asked();
        report.summary(inputs.others, inputs.results, interrupted);
        Ok(match interrupted {
            true => Outcome::Interrupted,
            false if report.has_failures() => Outcome::SomeFailed,
            false => Outcome::Done,
        })
    }

    fn one<'a>(&'a self, input: &Input, lanes: &mut Lanes<'_, '_>) -> Result<Step<'a>> {
        let kind = Kind::of(input)?;
        let report = lanes.report;
        let moving = match &kind {
            Kind::Picture(bytes) => self.moving_avif(input, bytes),
            _ => None,
        };
        if let (Destination::File(path), Kind::Picture(_) | Kind::Pages(_) | Kind::Archive(_)) =
            (&self.destination, &kind)
            && moving.is_none()
            && videos::Container::of(path).is_some()
        {
            bail!("only videos, animations and numbered pictures become videos");
        }
        if let (Kind::Picture(_) | Kind::Animation(_) | Kind::Pages(_), Some(Container::Archive)) =
            (&kind, self.container)
        {
            bail!("only archives become archives");
        }
        // What is more than a picture has the machine for itself.
        if !matches!(kind, Kind::Picture(_)) {
            lanes.finish()?;
        }
        let ended = match kind {
            Kind::Picture(bytes) => match moving {
                Some(path) => {
                    lanes.finish()?;
                    self.video(input, path, &Identity::of_bytes(&bytes), &mut lanes.claims, report)
                }
                None => return self.picture(input, bytes, &mut lanes.claims, report),
            },
            Kind::Animation(bytes) if self.makes_video() => {
                self.animation_film(input, bytes, &mut lanes.claims, report)
            }
            Kind::Animation(bytes) => self.animation(input, &bytes, &mut lanes.claims, report),
            Kind::Pages(pages) => self.pages(input, pages, &mut lanes.claims, report),
            Kind::Archive(file) => self.archive(input, file, &mut lanes.claims, report),
            Kind::Piped(opened) => self.piped(input, opened, &mut lanes.claims, report),
            Kind::Video(path) => {
                self.video(input, &path, &Identity::of_file(&path)?, &mut lanes.claims, report)
            }
        };
        ended.map(Step::End)
    }

    /// The file for the result of an input, or standard output if `None`; or the file that is there already and stays.
    fn claim(
        &self,
        input: &Input,
        name: &OsStr,
        claims: &mut Claims,
    ) -> Result<std::result::Result<Option<PathBuf>, PathBuf>> {
        let Some(wished) = self.destination.path(input, name)? else { return Ok(Ok(None)) };
        Ok(match claims.claim(&wished, input)? {
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
