//! `amplio blend`: the network between two others, as a safetensors file.

use std::path::PathBuf;

use amplio::models::blend;
use anyhow::Result;

use super::convert::{self, DTypeArg};
use crate::outcome::{Failure, Outcome};
use crate::{engine, quantity};

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// A model file or a built-in model.
    #[arg(value_name = "A")]
    first: String,
    /// Another one of the same architecture and sizes, such as the same model trained for another kind of picture.
    #[arg(value_name = "B")]
    second: String,
    /// The file to write; its name ends in .safetensors.
    #[arg(value_name = "OUT.safetensors")]
    output: PathBuf,
    /// How far from A to B: 0 is A, 1 is B.
    #[arg(long, value_name = "R", value_parser = quantity::share, default_value = "0.5")]
    ratio: f64,
    /// How numbers are stored; f16 rounds the weights, but not biases and slopes.
    #[arg(long, value_enum, default_value_t = DTypeArg::F16)]
    dtype: DTypeArg,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
}

/// Blends the models.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let output = convert::Output { path: &args.output, dtype: args.dtype, overwrite: args.overwrite };
    output.check(&[&args.first, &args.second])?;
    let (first, second) = (engine::load(&args.first)?, engine::load(&args.second)?);
    let model = blend(&first, &second, args.ratio).map_err(|error| Failure::Model(error.to_string()))?;
    output.write(&model, &format!("{} + {}", args.first, args.second), None, None)
}
