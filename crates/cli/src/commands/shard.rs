//! `amplio shard`: one part of a planned video.

use std::path::PathBuf;
use std::sync::Arc;

use amplio::media::videos::Work;
use anyhow::{Result, bail};

use crate::outcome::{Failure, Outcome};
use crate::plan::Plan;
use crate::report::{Job, Parts, Report};
use crate::stop;
use crate::video::trouble;

/// Where schedulers say which of many equal tasks this one is.
const TASKS: [&str; 2] = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The plan.
    plan: PathBuf,
    /// Which shard, the first being 0 [default: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX].
    #[arg(long, value_name = "I")]
    index: Option<usize>,
    /// Print one JSON object a line to standard output.
    #[arg(long)]
    json: bool,
    /// Print nothing but errors.
    #[arg(long)]
    quiet: bool,
}

/// Makes the segments of a shard that are not there yet.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let plan = Plan::read(&args.plan)?;
    let index = index(args.index)?;
    let Some(shard) = plan.shards.get(index) else {
        return Err(Failure::usage(format!(
            "there is no shard {index}; the last one is {}",
            plan.shards.len() - 1
        )));
    };
    let typed = plan.arguments()?;
    let batch = typed.batch()?;
    let tools = typed.video().tools()?;
    let footage = batch.footage(tools, &plan.input)?;
    if footage.key != plan.key {
        bail!("the video, the model, amplio or ffmpeg is not the one of the plan");
    }
    stop::listen();
    let work =
        Work::open(&Plan::folder(&args.plan), &plan.key, true).map_err(|error| trouble(error.into()))?;
    let (from, to) = (footage.job.reel.size, footage.job.to);
    let name = format!("{} ({index})", plan.input.display());
    let frames = plan.frames_of(index);
    let told = Job {
        input: name,
        output: work.folder().display().to_string(),
        from: Some(from),
        to: Some(to),
        parts: Some(Parts { count: frames, name: "frames" }),
        pixels: u64::from(to.0) * u64::from(to.1) * frames,
        format: "segments",
    };
    let report = Report::new(args.quiet, args.json, 1);
    let tracker = report.film(&told, Some(frames));
    let warn = |what: &str| report.warn(&told.input, what);
    let made = footage.run(&Arc::new(work), shard, |progress| tracker.progress(progress), warn);
    let seconds = tracker.seconds();
    drop(tracker);
    made?;
    report.done(&told, seconds);
    Ok(Outcome::Done)
}

/// Which shard is asked for.
fn index(typed: Option<usize>) -> Result<usize> {
    let told = || TASKS.iter().find_map(|name| std::env::var(name).ok()?.trim().parse().ok());
    typed
        .or_else(told)
        .ok_or_else(|| Failure::usage(format!("which shard? --index says it, or {}", TASKS.join(" or "))))
}
