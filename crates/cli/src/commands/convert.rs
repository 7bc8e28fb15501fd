//! `amplio convert`: a model as a safetensors file.

use std::path::{Path, PathBuf};

use amplio::models::{Conversion, DType, Model, convert};
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

/// How numbers are stored.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum DTypeArg {
    F16,
    F32,
}

/// The file to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output<'a> {
    pub(super) path: &'a Path,
    pub(super) dtype: DTypeArg,
    pub(super) overwrite: bool,
}

/// Converts the model.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let output = Output { path: &args.output, dtype: args.dtype, overwrite: args.overwrite };
    output.check(&[&args.model])?;
    output.write(&engine::load(&args.model)?, &args.model, args.licence, args.source)
}

impl Output<'_> {
    /// Complains if the file is not to be written, or is one of the models.
    pub(super) fn check(&self, models: &[&String]) -> Result<()> {
        let extension = self.path.extension().map(|extension| extension.to_ascii_lowercase());
        if extension.as_deref() != Some("safetensors".as_ref()) {
            let shown = self.path.display();
            return Err(Failure::usage(format!("{shown}: only .safetensors files are written")));
        }
        models
            .iter()
            .try_for_each(|model| draft::refuse_taken(self.path, self.overwrite, Some(Path::new(model))))
    }

    /// Writes a model that was made of `from`.
    pub(super) fn write(
        &self,
        model: &Model,
        from: &str,
        licence: Option<String>,
        source: Option<String>,
    ) -> Result<Outcome> {
        let dtype = match self.dtype {
            DTypeArg::F16 => DType::F16,
            DTypeArg::F32 => DType::F32,
        };
        let bytes = convert(model, &Conversion { dtype, licence, source })
            .map_err(|error| Failure::Model(format!("{from}: {error}")))?;
        draft::write(self.path, self.overwrite, &bytes)?;
        let size = show_bytes(bytes.len() as u64);
        terminal::print(format!("{from} → {}  {dtype}  {size}", self.path.display()))?;
        Ok(Outcome::Done)
    }
}
