//! `amplio convert`: a model as a safetensors file.

use std::path::{Path, PathBuf};

use amplio::models::{Conversion, DType, convert};
use anyhow::Result;
use clap::ValueEnum;

use crate::outcome::{Failure, Outcome};
use crate::quantity::show_bytes;
use crate::{draft, engine, terminal};

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// A model file (for NCNN the .param file, with the .bin file beside it) or a built-in model.
    model: String,
    /// The file to write; its name ends in .safetensors.
    #[arg(value_name = "OUT.safetensors")]
    output: PathBuf,
    /// How numbers are stored; f16 rounds the weights, but not biases and slopes.
    #[arg(long, value_enum, default_value_t = DTypeArg::F16)]
    dtype: DTypeArg,
    /// The licence to name in the file; the model's own if not given.
    #[arg(long, value_name = "SPDX")]
    licence: Option<String>,
    /// Where the model comes from, to be named in the file; the model's own if not given.
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DTypeArg {
    F16,
    F32,
}

/// Converts the model.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let extension = args.output.extension().map(|extension| extension.to_ascii_lowercase());
    if extension.as_deref() != Some("safetensors".as_ref()) {
        return Err(Failure::usage(format!(
            "{}: only .safetensors files are written",
            args.output.display()
        )));
    }
    draft::refuse_taken(&args.output, args.overwrite, Some(Path::new(&args.model)))?;
    let model = engine::load(&args.model)?;
    let dtype = match args.dtype {
        DTypeArg::F16 => DType::F16,
        DTypeArg::F32 => DType::F32,
    };
    let conversion = Conversion { dtype, licence: args.licence, source: args.source };
    let bytes =
        convert(&model, &conversion).map_err(|error| Failure::Model(format!("{}: {error}", args.model)))?;
    draft::write(&args.output, args.overwrite, &bytes)?;
    terminal::print(format!(
        "{} → {}  {dtype}  {}",
        args.model,
        args.output.display(),
        show_bytes(bytes.len() as u64)
    ))?;
    Ok(Outcome::Done)
}
