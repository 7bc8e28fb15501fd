//! A video that is being made: its segments, and what people are told of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::media::videos::{Kept, Kind, Wanted, Work};
use amplio::{VideoJob, VideoProgress};
use anyhow::{Result, anyhow};

use crate::draft::Draft;
use crate::quantity::count;
use crate::report::{FilmTracker, Report};
use crate::stop;
use crate::video::trouble;

/// Files that are written on trial.
const SCRATCH: &str = "0.trial.part";

/// A video that is to be made.
pub(crate) struct Footage<'a> {
    pub(crate) job: VideoJob<'a>,
    /// What makes it the same work.
    pub(crate) key: String,
}

impl Footage<'_> {
    /// Makes what is not there yet and puts everything together.
    pub(super) fn make(
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
        let probe = &self.job.reel.probe;
        let kept = self.job.kept(&work.folder().join(SCRATCH)).map_err(trouble)?;
        for (index, kept) in kept.iter().enumerate().filter(|(index, _)| *index != probe.main) {
            let stream = &probe.streams[index];
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
        let bad = self.job.run(work, wanted, &watched(tell)).map_err(trouble)?;
        told_repeats(&bad, warn);
        Ok(())
    }
}

/// Tells how far a video has come, and stops it on Ctrl-C.
pub(super) fn watched(
    tell: impl Fn(VideoProgress) + Sync,
) -> impl Fn(VideoProgress) -> ControlFlow<()> + Sync {
    move |progress| {
        tell(progress);
        if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Tells which frames could not be decoded, by their times in seconds.
pub(super) fn told_repeats(bad: &[f64], warn: impl Fn(&str)) {
    if bad.is_empty() {
        return;
    }
    let times: Vec<_> = bad.iter().take(20).map(|seconds| format!("{seconds:.3}")).collect();
    let more = if bad.len() > times.len() { ", …" } else { "" };
    let frames = count(bad.len(), "frame", "frames");
    warn(&format!(
        "{frames} could not be decoded and repeat the one before: at {}{more} s",
        times.join(", ")
    ));
}
