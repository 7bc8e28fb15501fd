//! `amplio plan`: a video cut into shards.

use std::path::PathBuf;

use amplio::cpu::Level;
use amplio::media::videos::Work;
use anyhow::Result;

use crate::outcome::{Failure, Outcome};
use crate::plan::{self, Plan};
use crate::quantity::count;
use crate::video::trouble;
use crate::{draft, stop, terminal};

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The video.
    input: PathBuf,
    /// How many shards to cut it into.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    shards: u32,
    /// The file for the plan; the work is done in a folder beside it, which all machines must see.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the plan if it exists.
    #[arg(long)]
    overwrite: bool,
    /// After --, what would follow amplio VIDEO, such as --scale 2 --crf 18 -o out.mkv.
    #[arg(last = true, value_name = "OPTION")]
    options: Vec<String>,
}

/// Plans.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    draft::refuse_taken(&args.output, args.overwrite, Some(&args.input))?;
    let input = args.input.canonicalize().unwrap_or_else(|_| args.input.clone());
    let mut options = args.options;
    if !options.iter().any(|option| option.starts_with("--isa")) {
        // Other CPUs may round otherwise.
        options.extend(["--isa".into(), Level::best().to_string()]);
    }
    let typed = plan::arguments(&input, &options).map_err(|error| Failure::usage(error.to_string()))?;
    let batch = typed.batch()?;
    batch.check_plan(&input)?;
    stop::listen();
    let tools = typed.video().tools()?;
    let footage = batch.footage(tools, &input)?;
    let (frames, marks) = footage.job.scan(&stop::asked).map_err(trouble)?;
    let segments = marks.len() as u64 + 1;
    let shards = plan::shards(segments, args.shards.into(), &marks);
    Work::open(&Plan::folder(&args.output), &footage.key, false).map_err(|error| trouble(error.into()))?;
    let plan = Plan { input, options, key: footage.key.clone(), frames, shards };
    draft::write(&args.output, args.overwrite, format!("{:#}\n", plan.told()).as_bytes())?;
    let (shards, segments) =
        (count(args.shards as usize, "shard", "shards"), count(segments as usize, "segment", "segments"));
    terminal::print(format!("{}: {frames} frames, {segments}, {shards}", args.output.display()))?;
    Ok(Outcome::Done)
}
