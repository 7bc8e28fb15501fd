//! `amplio tensor`: a network as it is, on a raw array. For those who compare implementations.

use std::path::PathBuf;

use amplio::graph::plan::FusedPlan;
use amplio::graph::{Device, reference};
use anyhow::{Result, anyhow};

use crate::engine::{self, DeviceArgs};
use crate::inputs::explained;
use crate::outcome::Outcome;
use crate::{draft, npy};

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// A built-in model or a model file.
    model: String,
    /// The array: float32, batch x channels x height x width, in the network's own range of values.
    #[arg(value_name = "IN.npy")]
    input: PathBuf,
    /// The file for the network's output; it is replaced if it exists.
    #[arg(value_name = "OUT.npy")]
    output: PathBuf,
    /// Use the slow reference implementation.
    #[arg(long)]
    reference: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Runs the network once, without tiles, and without clamping.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let shown = args.input.display();
    let model = engine::load(&args.model)?;
    draft::refuse_taken(&args.output, true, Some(&args.input))?;
    let bytes = std::fs::read(&args.input).map_err(|error| anyhow!("{shown}: {}", explained(&error)))?;
    let input = npy::decode(&bytes).map_err(|what| anyhow!("{shown}: {what}"))?;
    let output = if args.reference {
        reference::run(model.graph(), &input)
    } else {
        let (cpu, precision) = (args.device.cpu()?, args.device.precision().unwrap_or_default());
        let plan = FusedPlan::new(model.graph(), input.shape());
        plan.and_then(|plan| cpu.compile(&plan, precision)?.run(&input))
    };
    let output = output.map_err(|error| anyhow!("{shown}: {error}"))?;
    draft::write(&args.output, true, &npy::encode(&output))?;
    Ok(Outcome::Done)
}
