//! A video, from file to file.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use amplio::media::images::{self, WriteOptions};
use amplio::media::videos::{Container, Kept, Kind, Tools, Wanted, Work};
use amplio::media::{Channels, Depth, Header};
use amplio::{VideoJob, VideoProgress};
use anyhow::{Result, anyhow, bail};

use super::{Batch, End, preview};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::outcome::Failure;
use crate::quantity::count;
use crate::report::{FilmTracker, Job, Parts, Report};
use crate::stop;
use crate::video::{key, trouble};

/// Files that are written on trial.
const SCRATCH: &str = "0.trial.part";

/// A video that is to be made, and where its unfinished work is.
pub(crate) struct Footage<'a> {
    pub(crate) job: VideoJob<'a>,
    pub(crate) input: PathBuf,
    /// What makes it the same work.
    pub(crate) key: String,
}

impl Batch {
    /// Makes the video in a file larger.
    pub(super) fn video(
        &self,
        input: &Input,
        path: &Path,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        if self.destination == Destination::Standard {
            return Err(Failure::usage("a video needs a file for its result: -o FILE"));
        }
        let tools = self.video.tools()?;
        let (container, extension) = self.container_of(path)?;
        let footage = self.footage(&tools, path, container)?;
        let job = &footage.job;
        let header = |(width, height)| Header::new(width, height, Channels::Rgb, Depth::U8);
        let name = self.name(input, &header(job.from), &header(job.to), &extension);
        let output = match self.claim(input, &name, claims)? {
            Ok(output) => output.ok_or_else(|| anyhow!("a video needs a file"))?,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let mut told = Job {
            input: input.name(),
            output: output.display().to_string(),
            from: Some(job.from),
            to: Some(job.to),
            parts: job.frames().map(|count| Parts { count, name: "frames" }),
            pixels: header(job.to).pixels() * job.frames().unwrap_or(1),
            format: if self.video.preview { "png" } else { container.muxer },
        };
        if self.rehearsal {
            return Ok(End::Planned(told));
        }
        self.prepare(Some(&output))?;
        if self.video.preview {
            return self.preview(&footage, &output, claims.replace(), told, report);
        }
        let draft = Draft::new(Some(&output), claims.replace())?;
        let work =
            Work::open(&self.video.folder(&output), &footage.key, false).map_err(|e| trouble(e.into()))?;
        let work = Arc::new(work);
        let tracker = report.film(&told, job.frames());
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

    /// A video with what is decided about it.
    pub(crate) fn footage<'a>(
        &'a self,
        tools: &'a Tools,
        path: &Path,
        container: &'static Container,
    ) -> Result<Footage<'a>> {
        let request = self.video.request(self.request);
        let job = VideoJob::new(&self.upscaler, tools, path, container, request).map_err(trouble)?;
        let key = key(path, &[&job.description(), &self.engine.fingerprint()?])?;
        Ok(Footage { job, input: path.into(), key })
    }

    /// The kind of file for the result of an input.
    pub(crate) fn container_for(&self, path: &Path) -> Result<&'static Container> {
        Ok(self.container_of(path)?.0)
    }

    /// Where the result of a video goes; standard output if `None`.
    pub(crate) fn place_of(&self, footage: &Footage) -> Result<Option<PathBuf>> {
        let header = |(width, height)| Header::new(width, height, Channels::Rgb, Depth::U8);
        let input = Input { path: Some(footage.input.clone()), below: PathBuf::new(), number: None };
        let extension = self.container_of(&footage.input)?.1;
        let (from, to) = (header(footage.job.from), header(footage.job.to));
        self.destination.path(&input, &self.name(&input, &from, &to, &extension))
    }

    /// The kind of file for the result of an input, and its extension.
    fn container_of(&self, path: &Path) -> Result<(&'static Container, String)> {
        let extension = |path: &Path| path.extension().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        let like = Container::like(path);
        let own = if Container::of(path).is_some() { extension(path) } else { like.extensions[0].into() };
        match &self.destination {
            _ if self.video.preview => Ok((like, "png".into())),
            Destination::File(output) => match Container::of(output) {
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

impl Footage<'_> {
    /// Makes what is not there yet and puts everything together.
    fn make(
        &self,
        work: &Arc<Work>,
        draft: &Draft,
        tracker: &FilmTracker,
        report: &Report,
        name: &str,
    ) -> Result<()> {
        if work.segments().is_empty() {
            self.job.check().map_err(trouble)?;
        }
        let kept = self.kept(work, |what| report.warn(name, what))?;
        self.run(
            work,
            &Wanted::default(),
            |progress| tracker.progress(progress),
            |what| report.warn(name, what),
        )?;
        let to = draft.path().ok_or_else(|| anyhow!("a video needs a file"))?;
        self.job.assemble(work, &kept, to).map_err(trouble)
    }

    /// What becomes of the other streams; what is lost is told.
    pub(crate) fn kept(&self, work: &Work, warn: impl Fn(&str)) -> Result<Vec<Kept>> {
        self.job.remarks().iter().for_each(|remark| warn(remark));
        let kept = self.job.kept(&work.folder().join(SCRATCH)).map_err(trouble)?;
        for (index, kept) in kept.iter().enumerate().filter(|(index, _)| *index != self.job.probe.main) {
            let stream = &self.job.probe.streams[index];
            let what = match stream.kind {
                Kind::Video => "video",
                Kind::Audio => "sound",
                Kind::Subtitle => "subtitles",
                Kind::Attachment => "attachment",
                Kind::Data => "data",
            };
            let codec = &stream.codec;
            match kept {
                Kept::Copied => {}
                Kept::Transcoded(to) => warn(&format!("stream {index} ({what}, {codec}) becomes {to}")),
                Kept::Dropped(why) => warn(&format!("stream {index} ({what}, {codec}) is left out: {why}")),
            }
        }
        Ok(kept)
    }

    /// Makes segments; what could not be decoded is told.
    pub(crate) fn run(
        &self,
        work: &Arc<Work>,
        wanted: &Wanted,
        tell: impl Fn(VideoProgress) + Sync,
        warn: impl Fn(&str),
    ) -> Result<()> {
        let watcher = |progress| {
            tell(progress);
            if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let bad = self.job.run(work, wanted, &watcher).map_err(trouble)?;
        if !bad.is_empty() {
            let times: Vec<_> = bad.iter().take(20).map(|seconds| format!("{seconds:.3}")).collect();
            let more = if bad.len() > times.len() { ", …" } else { "" };
            let frames = count(bad.len(), "frame", "frames");
            warn(&format!(
                "{frames} could not be decoded and repeat the one before: at {}{more} s",
                times.join(", ")
            ));
        }
        Ok(())
    }
}
