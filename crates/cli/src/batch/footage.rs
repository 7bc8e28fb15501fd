//! A video that is being made: its segments, and what people are told of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::media::videos::{Kept, Wanted, Work};
use amplio::{VideoJob, VideoProgress, repeats};
use anyhow::{Result, anyhow};

use crate::draft::Draft;
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
        let kept = self.job.kept(&work.folder().join(SCRATCH)).map_err(trouble)?;
        self.job.lost(&kept).iter().for_each(|what| warn(what));
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
        repeats(&bad).iter().for_each(|what| warn(what));
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
