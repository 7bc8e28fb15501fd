//! What people and programs are told while pictures are made: bars on a terminal, lines elsewhere, JSON, or errors alone.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use amplio::Progress;
use anyhow::Error;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::quantity::{count, show_seconds};
use crate::{stop, terminal};

mod film;

pub(crate) use film::FilmTracker;

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    /// Errors alone.
    Quiet,
    /// One JSON object a line, on standard output.
    Json,
    /// One line for each picture.
    Lines,
    /// As lines, and a bar for the picture that is being made.
    Bars,
}

/// Tells how the work goes.
pub(crate) struct Report {
    voice: Voice,
    began: Instant,
    total: usize,
    tally: Mutex<Tally>,
    /// Whether a bar is shown: there is one at a time.
    watched: AtomicBool,
}

/// How the work ended for how many pictures.
#[derive(Debug, Default)]
struct Tally {
    done: usize,
    planned: usize,
    skipped: usize,
    /// What failed, and why.
    failures: Vec<(String, String)>,
}

/// A picture that is being made.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// What the input is called.
    pub(crate) input: String,
    /// What the result is called.
    pub(crate) output: String,
    /// Width and height of the input; of many that differ, none.
    pub(crate) from: Option<(u32, u32)>,
    /// Width and height of the result; of many that differ, none.
    pub(crate) to: Option<(u32, u32)>,
    /// What it consists of, if it is not one picture.
    pub(crate) parts: Option<Parts>,
    /// The pixels of the result; 0 as long as they are not known.
    pub(crate) pixels: u64,
    /// The format of the result.
    pub(crate) format: &'static str,
}

/// The parts of a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) count: u64,
    /// What they are called: frames, pages.
    pub(crate) name: &'static str,
}

/// Follows one picture.
pub(crate) struct Tracker<'a> {
    report: &'a Report,
    job: &'a Job,
    bar: ProgressBar,
    shown: bool,
    began: Instant,
    told: Mutex<Instant>,
}

/// Programs are told of progress no more often than this.
const SELDOM: Duration = Duration::from_millis(250);

/// A bar's clock.
const LIFE: Duration = Duration::from_secs(1);

/// The steps of a bar.
const STEPS: u64 = 1000;

impl Report {
    pub(crate) fn new(quiet: bool, json: bool, total: usize) -> Self {
        let voice = match (json, quiet) {
            (true, _) => Voice::Json,
            (_, true) => Voice::Quiet,
            _ if terminal::is_watched() => Voice::Bars,
            _ => Voice::Lines,
        };
        Self { voice, began: Instant::now(), total, tally: Mutex::default(), watched: AtomicBool::new(false) }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to follow a picture.
    pub(crate) fn start<'a>(&'a self, job: &'a Job) -> Tracker<'a> {
        self.event(job.event("start"));
        let shown = self.voice == Voice::Bars && !self.watched.swap(true, Ordering::Relaxed);
        let bar = match shown {
            true => ProgressBar::new(STEPS).with_style(style()),
            false => ProgressBar::hidden(),
        };
        let place = {
            let tally = self.tally();
            tally.done + tally.skipped + tally.failures.len() + 1
        };
        bar.set_prefix(match self.total {
            0 | 1 => job.input.clone(),
            total => format!("{place}/{total} {}", job.input),
        });
        bar.tick();
        if shown {
            // A tile may take long: the seconds show that there is life.
            bar.enable_steady_tick(LIFE);
        }
        let now = Instant::now();
        Tracker { report: self, job, bar, shown, began: now, told: Mutex::new(now) }
    }

    /// A picture was made, in so long a time.
    pub(crate) fn done(&self, job: &Job, seconds: f64) {
        self.tally().done += 1;
        let speed = job.megapixels() / seconds.max(1e-9);
        let mut event = job.event("done");
        event["seconds"] = rounded(seconds);
        event["megapixels_per_second"] = rounded(speed);
        self.event(event);
        self.line(format!(
            "{} → {}  {}  {}  {speed:.2} MP/s",
            job.input,
            job.output,
            job.extent(job.to.into_iter()),
            show_seconds(seconds)
        ));
    }

    /// A picture would be made, if this were not a rehearsal. This is what was asked for.
    pub(crate) fn planned(&self, job: &Job) -> anyhow::Result<()> {
        self.tally().planned += 1;
        match self.voice {
            Voice::Json => terminal::print(job.event("planned")),
            _ => {
                let extent = job.extent(job.from.into_iter().chain(job.to));
                terminal::print(format!("{} → {}  {extent}  {}", job.input, job.output, job.format))
            }
        }
    }

    /// A picture was left out, because its result is there already.
    pub(crate) fn skipped(&self, input: &str, output: &str) {
        self.tally().skipped += 1;
        self.event(json!({ "event": "skipped", "input": input, "output": output }));
        self.line(format!("{input}: skipped, {output} exists"));
    }

    /// Something is lost that people might miss.
    pub(crate) fn warn(&self, input: &str, what: &str) {
        self.event(json!({ "event": "warning", "input": input, "message": what }));
        self.line(format!("{input}: {what}"));
    }

    /// A picture could not be made. Programs are told now, people at the end.
    pub(crate) fn failed(&self, input: &str, error: &Error) {
        let message = error.to_string();
        self.event(json!({ "event": "error", "input": input, "message": message }));
        self.tally().failures.push((input.into(), message));
    }

    /// Whether any picture could not be made.
    pub(crate) fn has_failures(&self) -> bool {
        !self.tally().failures.is_empty()
    }

    /// Tells how it all ended. `others` are files in folders that are no pictures, `results` those of earlier runs.
    pub(crate) fn summary(&self, others: usize, results: usize, interrupted: bool) {
        let tally = self.tally();
        let Tally { done, planned, skipped, ref failures } = *tally;
        let (failed, seconds) = (failures.len(), self.began.elapsed().as_secs_f64());
        self.event(json!({
            "event": "summary", "done": done, "planned": planned, "skipped": skipped, "failed": failed,
            "not_pictures": others, "earlier_results": results, "interrupted": interrupted, "seconds": rounded(seconds),
        }));
        for (input, message) in failures {
            terminal::complain(format!("{input}: {message}"));
        }
        if self.total > 1 || others + results > 0 {
            let mut parts = vec![match planned {
                0 => format!("{} made larger", count(done, "picture", "pictures")),
                planned => format!("{} would be made larger", count(planned, "picture", "pictures")),
            }];
            let mut tell = |number: usize, what: String| parts.extend((number > 0).then_some(what));
            tell(skipped, format!("{skipped} skipped"));
            tell(failed, format!("{failed} failed"));
            tell(
                others,
                format!(
                    "{} no {}",
                    count(others, "file was", "files were"),
                    if others == 1 { "picture" } else { "pictures" }
                ),
            );
            tell(results, format!("{} of earlier runs passed over", count(results, "result", "results")));
            self.line(format!("{} in {}", parts.join(", "), show_seconds(seconds)));
        }
        if interrupted {
            self.line("interrupted".into());
        }
    }

    fn line(&self, line: String) {
        if matches!(self.voice, Voice::Lines | Voice::Bars) {
            terminal::note(line);
        }
    }

    fn event(&self, event: Value) {
        if self.voice == Voice::Json {
            // Who has stopped listening is not told any more; the pictures are made all the same.
            let _ = terminal::print(event);
        }
    }
}

impl Job {
    /// The pixels of the result, in millions.
    fn megapixels(&self) -> f64 {
        self.pixels as f64 / 1e6
    }

    /// Sizes, and the number of parts.
    fn extent(&self, sizes: impl Iterator<Item = (u32, u32)>) -> String {
        let sizes: Vec<_> = sizes.map(|(width, height)| format!("{width}x{height}")).collect();
        let parts = self.parts.map(|Parts { count, name }| format!("{count} {name}"));
        let sizes = Some(sizes.join(" → ")).filter(|sizes| !sizes.is_empty());
        sizes.into_iter().chain(parts).collect::<Vec<_>>().join(", ")
    }

    fn event(&self, name: &str) -> Value {
        let (from, to) = (self.from.unzip(), self.to.unzip());
        let mut event = json!({
            "event": name, "input": self.input, "output": self.output, "format": self.format,
            "input_width": from.0, "input_height": from.1, "width": to.0, "height": to.1,
        });
        if let Some(Parts { count, name }) = self.parts {
            event[name] = count.into();
        }
        event
    }
}

impl Tracker<'_> {
    /// Follows the work, and stops it on Ctrl-C.
    pub(crate) fn watcher(&self) -> impl Fn(Progress) -> ControlFlow<()> + Sync {
        self.part(0, 1)
    }

    /// The same for one part of `count`, counted from 0.
    pub(crate) fn part(&self, number: usize, count: usize) -> impl Fn(Progress) -> ControlFlow<()> + Sync {
        move |progress| {
            let fraction = (number as f64 + progress.fraction) / count.max(1) as f64;
            self.progress(Progress { fraction, ..progress });
            if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    /// The work has come so far.
    fn progress(&self, progress: Progress) {
        let seconds = self.began.elapsed().as_secs_f64();
        let speed = progress.fraction * self.job.megapixels() / seconds.max(1e-9);
        let left = (progress.fraction > 0.0).then(|| seconds * (1.0 - progress.fraction) / progress.fraction);
        self.bar.set_position((progress.fraction * STEPS as f64) as u64);
        if let Some(left) = left {
            self.bar.set_message(format!("{speed:.2} MP/s, {} left", show_seconds(left)));
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= SELDOM {
            *told = Instant::now();
            self.report.event(json!({
                "event": "progress", "input": self.job.input, "fraction": rounded(progress.fraction),
                "megapixels_per_second": rounded(speed), "seconds_left": left.map(rounded),
            }));
        }
    }

    /// Seconds since the beginning.
    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

impl Drop for Tracker<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        if self.shown {
            self.report.watched.store(false, Ordering::Relaxed);
        }
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix}  {bar:30} {percent:>3} %  {elapsed}  {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Three digits are enough.
fn rounded(number: f64) -> Value {
    json!((number * 1000.0).round() / 1000.0)
}
