//! An animation, from file to file.

use std::path::PathBuf;

use amplio::media::Header;
use amplio::media::animations::{self, Animation, Frame, FrameWriter, Limits, Options};
use amplio::media::images::{self, Format, WriteOptions};
use amplio::{Encoding, Frames};
use anyhow::{Result, anyhow};

use super::{Batch, End, explained, shown};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::numbering::Numbered;
use crate::report::{Job, Parts, Report, Tracker};

/// Where frames go.
enum Place {
    /// All into one file; to standard output if `None`.
    One(Option<PathBuf>),
    /// Each into a file of its own.
    Each(Vec<PathBuf>),
}

impl Batch {
    /// Makes the animation in a file larger.
    pub(super) fn animation(
        &self,
        input: &Input,
        bytes: &[u8],
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let animation = animations::open(bytes, &Limits::default())?;
        let mut animation = animation.ok_or_else(|| anyhow!("it holds only one picture"))?;
        let encoding =
            self.writing.format.resolve(animation.format, input.path.as_deref(), animations::can_write);
        let numbered = matches!(self.destination, Destination::Numbered(_));
        if !numbered && !animations::can_write(encoding.format) {
            let names: Vec<_> = animations::writable().collect();
            let kept = format!("only the first of {} frames is kept", animation.frames);
            let way = format!("{} does not move ({} do)", encoding.format.name, names.join(", "));
            report.warn(&input.name(), &format!("{way}: {kept}"));
            return self.picture(input, bytes, claims, report);
        }
        if animation.cut {
            report.warn(&input.name(), "the file ends without its end mark; frames may be missing");
        }
        let header = self.transcoder().header(&animation.header, encoding.format)?;
        let place = match &self.destination {
            Destination::Numbered(numbered) => {
                Place::Each(self.numbers(numbered, animation.frames.into(), claims)?)
            }
            _ => {
                let name = self.name(input, &animation.header, &header, &encoding.extension);
                match self.claim(input, &name, claims)? {
                    Ok(path) => Place::One(path),
                    Err(skipped) => return Ok(End::Skipped(skipped)),
                }
            }
        };
        let job = self.job(input, &animation, &header, &encoding, &place);
        if animation.header.channels.has_alpha() && !header.channels.has_alpha() {
            let what = format!("{} has no transparency, so the frames are laid on white", job.format);
            report.warn(&job.input, &what);
        }
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        let tracker = report.start(&job);
        self.move_to(&mut animation, &encoding, &header, &place, claims.replace(), &tracker)?;
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(job, seconds))
    }

    fn job(
        &self,
        input: &Input,
        animation: &Animation,
        header: &Header,
        encoding: &Encoding,
        place: &Place,
    ) -> Job {
        Job {
            input: input.name(),
            output: match place {
                Place::One(path) => shown(path.as_deref()),
                Place::Each(paths) => shown(paths.first().map(PathBuf::as_path)),
            },
            from: Some((animation.header.width, animation.header.height)),
            to: Some((header.width, header.height)),
            parts: Some(Parts { count: animation.frames.into(), name: "frames" }),
            pixels: header.pixels() * u64::from(animation.frames),
            format: encoding.format.name,
        }
    }

    /// Writes all frames.
    fn move_to(
        &self,
        animation: &mut Animation,
        encoding: &Encoding,
        header: &Header,
        place: &Place,
        replace: bool,
        tracker: &Tracker,
    ) -> Result<()> {
        let picture = self.writing.options(&animation.metadata);
        match place {
            Place::One(path) => {
                self.prepare(path.as_deref())?;
                let draft = Draft::new(path.as_deref(), replace)?;
                let options = Options {
                    frames: animation.frames,
                    loops: animation.loops,
                    dither: self.writing.dither,
                    picture,
                };
                let writer = animations::writer(encoding.format, header, &options, draft.sink()?)?;
                self.enlarge_all(animation, header, writer, &shown(path.as_deref()), tracker)?;
                draft.publish()
            }
            Place::Each(paths) => {
                self.prepare(paths.first().map(PathBuf::as_path))?;
                let files = Files {
                    paths: paths.clone().into_iter(),
                    format: encoding.format,
                    header: *header,
                    options: picture,
                    replace,
                };
                self.enlarge_all(
                    animation,
                    header,
                    Box::new(files),
                    &shown(paths.first().map(|p| &**p)),
                    tracker,
                )
            }
        }
    }

    fn enlarge_all(
        &self,
        animation: &mut Animation,
        header: &Header,
        writer: Box<dyn FrameWriter>,
        output: &str,
        tracker: &Tracker,
    ) -> Result<()> {
        let frames = Frames { header: animation.header, count: animation.frames, frames: animation };
        let made = self.upscaler.enlarge_frames(frames, &self.request, header, writer, &tracker.watcher());
        made.map_err(|error| explained(error, output))
    }

    /// The files for so many results.
    pub(super) fn numbers(
        &self,
        numbered: &Numbered,
        count: u64,
        claims: &mut Claims,
    ) -> Result<Vec<PathBuf>> {
        let start = self.start_number.unwrap_or(1);
        let paths = (start..start.saturating_add(count)).map(|number| {
            let path = numbered.path(number);
            claims.claim(&path)?.ok_or_else(|| anyhow!("{} exists", path.display()))
        });
        paths.collect()
    }
}

/// Writes each frame to a file of its own.
struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    format: &'static Format,
    header: Header,
    options: WriteOptions,
    replace: bool,
}

impl FrameWriter for Files {
    fn write_frame(&mut self, frame: Frame) -> amplio::media::Result<()> {
        let Some(path) = self.paths.next() else { return Ok(()) };
        let other = |error: anyhow::Error| std::io::Error::other(error.to_string());
        let draft = Draft::new(Some(&path), self.replace).map_err(other)?;
        let sink = draft.sink().map_err(other)?;
        let mut writer = images::writer(self.format, &self.header, &self.options, sink)?;
        writer.write_rows(&frame.samples)?;
        writer.finish()?;
        Ok(draft.publish().map_err(other)?)
    }

    fn finish(self: Box<Self>) -> amplio::media::Result<()> {
        Ok(())
    }
}
