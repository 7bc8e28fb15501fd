//! A video, from file to file.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use amplio::media::images::{self, WriteOptions};
use amplio::media::videos::{Container, Tools, Work};
use amplio::media::{Channels, Depth, Header, animations};
use amplio::{Choice, Reel, VideoJob};
use anyhow::{Result, anyhow, bail};

use super::footage::Footage;
use super::{Batch, End, preview};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::engine::fingerprint;
use crate::inputs::{Input, Opened, explained};
use crate::kind::Kind;
use crate::outcome::Failure;
use crate::report::{Job, Parts, Report};
use crate::stop;
use crate::video::{Identity, trouble};

impl Batch {
    /// Makes the video in a file larger.
    pub(super) fn video(
        &self,
        input: &Input,
        path: &Path,
        identity: &Identity,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        if self.destination == Destination::Standard {
            return Err(Failure::usage("a video needs a file for its result: -o FILE"));
        }
        let tools = self.video.tools()?;
        let open = || Reel::of_file(tools, path, &self.video.request(self.request)).map_err(trouble);
        match self.unrolls() {
            Some(encoding) => self.unroll(input, &open()?, &encoding, claims, report),
            None => {
                // What cannot be written need not be looked into.
                self.container_of(Some(path))?;
                self.film(input, open()?, identity, claims, report)
            }
        }
    }

    /// Makes a video larger that comes through a pipe. Who decodes it goes back and forth in it, so it becomes a file for that
    /// time, in the folder for unfinished work.
    pub(super) fn piped(
        &self,
        input: &Input,
        opened: Opened,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let folder = self.video.work_dir.clone().unwrap_or_else(std::env::temp_dir);
        let spooled = || {
            std::fs::create_dir_all(&folder)?;
            let mut file = tempfile::Builder::new().prefix(".amplio-").tempfile_in(&folder)?;
            stop::remember(file.path());
            let identity = Identity::of_stream(opened.reader(), file.as_file_mut())?;
            std::io::Result::Ok((file, identity))
        };
        let (file, identity) = spooled()
            .map_err(|error| anyhow!("keeping it in {}: {}", folder.display(), explained(&error)))?;
        if stop::asked() {
            return Err(Failure::Interrupted.into());
        }
        let ended = self.video(input, file.path(), &identity, claims, report);
        stop::forget(file.path());
        ended
    }

    /// The file of an animation that is read as a video: an AVIF that moves. None if it is to become a picture, or if nothing here
    /// can decode it.
    pub(super) fn moving_avif<'a>(&self, input: &'a Input, bytes: &[u8]) -> Option<&'a Path> {
        let path = input.path.as_deref().filter(|_| animations::is_beyond_reading(bytes))?;
        let moves = match (&self.destination, &self.writing.format) {
            (Destination::Standard, _) => false,
            (Destination::Numbered(_), _) => true,
            (Destination::File(_), Choice::This(encoding)) => {
                self.makes_video() || animations::can_write(encoding.format)
            }
            (_, Choice::This(encoding)) => images::by_extension("avif") == Some(encoding.format),
            (_, Choice::Same) => true,
        };
        (moves && self.video.tools().is_ok()).then_some(path)
    }

    /// Makes frames larger, as a video.
    pub(super) fn film(
        &self,
        input: &Input,
        reel: Reel,
        identity: &Identity,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let (container, extension) = self.container_of(input.path.as_deref())?;
        let footage = self.footage_of(reel, container, identity)?;
        let job = &footage.job;
        let header = |(width, height)| Header::new(width, height, Channels::Rgb, Depth::U8);
        let name = self.name(input, &header(job.reel.size), &header(job.to), &extension);
        let output = match self.claim(input, &name, claims)? {
            Ok(output) => output.ok_or_else(|| anyhow!("a video needs a file"))?,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let frames = job.reel.count();
        let mut told = Job {
            input: input.name(),
            output: output.display().to_string(),
            from: Some(job.reel.size),
            to: Some(job.to),
            parts: frames.map(|count| Parts { count, name: "frames" }),
            pixels: header(job.to).pixels() * frames.unwrap_or(1),
            format: if self.video.preview { "png" } else { container.muxer },
        };
        if self.rehearsal {
            return Ok(End::Planned(told));
        }
        self.prepare(Some(&output))?;
        if self.video.preview {
            return self.preview(&footage, &output, claims.replace(), told, report);
        }
        let work =
            Work::open(&self.video.folder(&output), &footage.key, false).map_err(|e| trouble(e.into()))?;
        // In the folder for unfinished work where that is on the same disk: what a loss of power leaves there is removed in the end.
        let draft = match &self.video.work_dir {
            None if !output.is_symlink() => Draft::inside(work.folder(), &output, claims.replace()),
            _ => Draft::new(Some(&output), claims.replace()),
        }?;
        let work = Arc::new(work);
        let tracker = report.film(&told, frames);
        let made = footage.make(&work, &draft, &tracker, report, &told.input);
        let seconds = tracker.seconds();
        drop(tracker);
        let made = made.and_then(|()| draft.publish());
        let count = work.segments().values().map(|segment| segment.frames).sum();
        told.parts = Some(Parts { count, name: "frames" });
        told.pixels = header(job.to).pixels() * count;
        let work = Arc::into_inner(work).ok_or_else(|| anyhow!("the work is still in use"))?;
        if made.is_ok() && !self.video.keep || work.segments().is_empty() {
            work.remove().map_err(|e| trouble(e.into()))?;
        } else if made.is_err() {
            let folder = work.folder().display().to_string();
            report.warn(
                &told.input,
                &format!("what is finished is kept in {folder}; the same command goes on from there"),
            );
        }
        made?;
        Ok(End::Done(told, seconds))
    }

    /// Whether what becomes of a file can be cut into shards: a video of a video.
    pub(crate) fn check_plan(&self, path: &Path) -> Result<()> {
        if !matches!(Kind::of(&alone(path))?, Kind::Video(_)) {
            bail!("{}: only videos are cut into shards", path.display());
        }
        if self.unrolls().is_some() || self.video.preview {
            return Err(Failure::usage(
                "only videos are made of shards: no pictures, no animation and no preview",
            ));
        }
        Ok(())
    }

    /// The video in a file, with what is decided about it.
    pub(crate) fn footage<'a>(&'a self, tools: &'a Tools, path: &Path) -> Result<Footage<'a>> {
        let reel = Reel::of_file(tools, path, &self.video.request(self.request)).map_err(trouble)?;
        self.footage_of(reel, self.container_of(Some(path))?.0, &Identity::of_file(path)?)
    }

    fn footage_of<'a>(
        &'a self,
        reel: Reel<'a>,
        container: &'static Container,
        identity: &Identity,
    ) -> Result<Footage<'a>> {
        let request = self.video.request(self.request);
        let job = VideoJob::new(&self.upscaler, reel, container, request).map_err(trouble)?;
        let engine = fingerprint(self.upscaler.model(), &self.cpu);
        let key = identity.key(&[&job.description(), &engine]);
        Ok(Footage { job, key })
    }

    /// Where the result of a video goes; standard output if `None`.
    pub(crate) fn place_of(&self, path: &Path, footage: &Footage) -> Result<Option<PathBuf>> {
        let header = |(width, height)| Header::new(width, height, Channels::Rgb, Depth::U8);
        let (input, extension) = (alone(path), self.container_of(Some(path))?.1);
        let (from, to) = (header(footage.job.reel.size), header(footage.job.to));
        self.destination.path(&input, &self.name(&input, &from, &to, &extension))
    }

    /// The kind of file for the result of an input, and its extension.
    fn container_of(&self, path: Option<&Path>) -> Result<(&'static Container, String)> {
        let path = path.unwrap_or(Path::new(""));
        let extension = |path: &Path| path.extension().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        let like = Container::like(path);
        let known = Container::of_moving(path).is_some();
        let own = if known { extension(path) } else { like.extensions[0].into() };
        match &self.destination {
            Destination::File(output) if self.video.preview && extension(output) != "png" => {
                bail!("a preview is a PNG: -o NAME.png")
            }
            _ if self.video.preview => Ok((like, "png".into())),
            Destination::File(output) => match Container::of_moving(output) {
                Some(container) => Ok((container, extension(output))),
                None => bail!(".{} is no kind of video that can be written", extension(output)),
            },
            _ => Ok((like, own)),
        }
    }

    /// Writes one frame, before on the left and after on the right.
    fn preview(
        &self,
        footage: &Footage,
        output: &Path,
        replace: bool,
        told: Job,
        report: &Report,
    ) -> Result<End> {
        let tracker = report.start(&told);
        let go_on = |_| if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let (before, after) = footage.job.preview(&go_on).map_err(trouble)?;
        let sheet = preview::beside(&before, &after)?;
        let format = images::by_name("png").ok_or_else(|| anyhow!("there is no PNG"))?;
        let draft = Draft::new(Some(output), replace)?;
        let mut writer = images::writer(format, &sheet.header(), &WriteOptions::default(), draft.sink()?)?;
        writer.write_rows(&sheet.samples)?;
        writer.finish()?;
        draft.publish()?;
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(told, seconds))
    }
}

/// A file that was named by itself.
fn alone(path: &Path) -> Input {
    Input { path: Some(path.to_owned()), below: PathBuf::new(), number: None }
}
