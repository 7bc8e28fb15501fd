//! `amplio assemble`: the shards of a planned video as one file.

use std::path::PathBuf;

use amplio::media::videos::Work;
use anyhow::{Result, anyhow, bail};

use crate::draft::{self, Draft};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::terminal;
use crate::video::trouble;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The plan.
    plan: PathBuf,
    /// The file to write; the one of the plan, or beside the video, if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
    /// Keep the finished segments.
    #[arg(long)]
    keep: bool,
}

/// Puts all segments together.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let plan = Plan::read(&args.plan)?;
    let typed = plan.arguments()?;
    let batch = typed.batch()?;
    let tools = typed.video().tools()?;
    let footage = batch.footage(tools, &plan.input)?;
    if footage.key != plan.key {
        bail!("the video, the model, amplio or ffmpeg is not the one of the plan");
    }
    let output = match args.output {
        Some(output) => output,
        None => batch
            .place_of(&plan.input, &footage)?
            .ok_or_else(|| anyhow!("a video needs a file for its result: -o FILE"))?,
    };
    draft::refuse_taken(&output, args.overwrite, Some(&plan.input))?;
    let work =
        Work::open(&Plan::folder(&args.plan), &plan.key, true).map_err(|error| trouble(error.into()))?;
    let finished = work.segments();
    let missing = |segments: &amplio::media::videos::Wanted| {
        segments.end.is_some_and(|end| (segments.first..end).any(|number| !finished.contains_key(&number)))
    };
    let missing: Vec<_> =
        plan.shards.iter().enumerate().filter(|(_, s)| missing(s)).map(|(i, _)| i.to_string()).collect();
    if !missing.is_empty() {
        bail!("not finished: shard {}", missing.join(", "));
    }
    let draft = Draft::new(Some(&output), args.overwrite)?;
    let kept = footage.kept(&work, |what| terminal::note(format!("{}: {what}", plan.input.display())))?;
    let to = draft.path().ok_or_else(|| anyhow!("a video needs a file"))?;
    footage.job.assemble(&work, &kept, to).map_err(trouble)?;
    draft.publish()?;
    if !args.keep {
        work.remove().map_err(|error| trouble(error.into()))?;
    }
    terminal::print(format!("{} → {}", args.plan.display(), output.display()))?;
    Ok(Outcome::Done)
}
