//! A video that is being made: its segments, and what people are told of them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amplio::media::videos::{Kept, Wanted, Work};
use amplio::{VideoJob, VideoProgress, VideoWatcher, repeats};
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
        let refused = AtomicBool::new(false);
        let usual = watched(|progress| tracker.progress(progress));
        let watcher = |progress| match usual(progress) {
            ControlFlow::Continue(()) if !refused.load(Ordering::Relaxed) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        };
        let kept = std::thread::scope(|scope| {
            // The first frames need not wait for it.
            let trial = scope.spawn(|| {
                let kept = self.trial(work, |what| report.warn(name, what));
                refused.store(kept.is_err(), Ordering::Relaxed);
                kept
            });
            let made = self.segments(work, &Wanted::default(), &watcher, |what| report.warn(name, what));
            let kept = trial.join().map_err(|_| anyhow!("a defect of amplio was met"))??;
            made.map(|()| kept)
        })?;
        let to = draft.path().ok_or_else(|| anyhow!("a video needs a file"))?;
        self.job.assemble(work, &kept, to).map_err(trouble)
    }

    /// Finds out whether the encoder does what it is to do, if it has not yet, and what becomes of the other streams.
    fn trial(&self, work: &Work, warn: impl Fn(&str)) -> Result<Vec<Kept>> {
        if work.segments().is_empty() {
            self.job.check(&work.folder().join(SCRATCH)).map_err(trouble)?;
        }
        self.kept(work, warn)
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
        self.segments(work, wanted, &watched(tell), warn)
    }

    fn segments(
        &self,
        work: &Arc<Work>,
        wanted: &Wanted,
        watcher: VideoWatcher,
        warn: impl Fn(&str),
    ) -> Result<()> {
        let bad = self.job.run(work, wanted, watcher).map_err(trouble)?;
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
