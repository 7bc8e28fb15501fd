//! Following a video, frame by frame.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use amplio::VideoProgress;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Job, LIFE, Report, SELDOM, Voice, rounded};
use crate::quantity::show_seconds;

/// Follows one video.
pub(crate) struct FilmTracker<'a> {
    report: &'a Report,
    job: &'a Job,
    /// The number of frames, if it is known.
    total: Option<u64>,
    bar: ProgressBar,
    began: Instant,
    told: Mutex<Instant>,
}

impl Report {
    /// Begins to follow a video of so many frames.
    pub(crate) fn film<'a>(&'a self, job: &'a Job, total: Option<u64>) -> FilmTracker<'a> {
        let mut event = job.event("start");
        event["frames"] = json!(total);
        self.event(event);
        let bar = match self.voice {
            Voice::Bars => ProgressBar::new(total.unwrap_or(0)).with_style(style(total.is_some())),
            _ => ProgressBar::hidden(),
        };
        bar.set_prefix(job.input.clone());
        if self.voice == Voice::Bars {
            bar.enable_steady_tick(LIFE);
        }
        let now = Instant::now();
        FilmTracker { report: self, job, total, bar, began: now, told: Mutex::new(now) }
    }
}

impl FilmTracker<'_> {
    /// The work has come so far.
    pub(crate) fn progress(&self, progress: VideoProgress) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.elapsed() < SELDOM {
                return;
            }
            *told = Instant::now();
        }
        let seconds = self.began.elapsed().as_secs_f64();
        let speed = progress.made / seconds.max(1e-9);
        let total = self.total.map(|total| total.max(progress.done));
        // A speed that is seen in less than a frame is none.
        let left = total.filter(|_| progress.made >= 1.0).map(|total| (total - progress.done) as f64 / speed);
        self.bar.set_position(progress.done);
        self.bar.set_message(match left {
            Some(left) => format!("{speed:.2} frames/s, {} left", show_seconds(left)),
            None => format!("{speed:.2} frames/s"),
        });
        self.report.event(json!({
            "event": "progress", "input": self.job.input, "frames_done": progress.done, "frames": total,
            "frames_per_second": rounded(speed), "frames_repeated": progress.repeated,
            "fraction": total.map(|total| rounded(progress.done as f64 / total.max(1) as f64)),
            "seconds_left": left.map(rounded),
        }));
    }

    /// Seconds since the beginning.
    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

impl Drop for FilmTracker<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(is_long_known: bool) -> ProgressStyle {
    let template = match is_long_known {
        true => "{prefix}  {bar:30} {pos}/{len} frames  {elapsed}  {msg}",
        false => "{prefix}  {spinner} {pos} frames  {elapsed}  {msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
