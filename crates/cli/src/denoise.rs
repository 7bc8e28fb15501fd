//! How strongly a model removes noise: a blend with its partner, which was trained to leave it.

use amplio::models::{Model, blend};
use anyhow::{Error, Result};
use clap::Args;

use crate::outcome::Failure;
use crate::quantity;

/// A model that removes noise and its partner that leaves it, by the names of their authors.
const PAIR: [&str; 2] = ["realesr-general-x4v3", "realesr-general-wdn-x4v3"];

/// How strongly noise is removed.
#[derive(Clone, Debug, Args)]
pub(crate) struct DenoiseArgs {
    /// How strongly realesr-general-x4v3 removes noise: 1 as it was trained to, 0 as its partner
    /// realesr-general-wdn-x4v3, which leaves it.
    #[arg(long, value_name = "0..1", value_parser = quantity::share, help_heading = "Model")]
    denoise: Option<f64>,
    /// The partner that leaves noise, a name or a file; for another model than realesr-general-x4v3, that model's.
    #[arg(long, value_name = "NAME|PATH", requires = "denoise", help_heading = "Model")]
    denoise_with: Option<String>,
}

impl DenoiseArgs {
    /// The model that removes noise as strongly as was asked for; `load` gives its partner.
    pub(crate) fn applied(&self, model: Model, load: impl Fn(&str) -> Result<Model>) -> Result<Model> {
        let Some(strength) = self.denoise else { return Ok(model) };
        let name = model.info().name.clone();
        if self.denoise_with.is_none() && name != PAIR[0] {
            return Err(Failure::usage(format!(
                "--denoise is for {}; the partner of {name} is named by --denoise-with",
                PAIR[0]
            )));
        }
        if strength >= 1.0 {
            return Ok(model);
        }
        let partner = match &self.denoise_with {
            Some(partner) => load(partner)?,
            None => load(PAIR[1]).map_err(missing)?,
        };
        blend(&model, &partner, 1.0 - strength).map_err(|error| Failure::Model(error.to_string()).into())
    }
}

fn missing(error: Error) -> Error {
    Failure::Model(format!("--denoise needs {}, which --denoise-with names as a file: {error}", PAIR[1]))
        .into()
}
