//! The model and the device that commands work with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use amplio::cpu::{Cpu, Level};
use amplio::graph::{Device, Op, Precision, Tensor};
use amplio::models::{Model, builtin};
use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use sha2::{Digest, Sha256};

use crate::library::{Library, Manner};
use crate::outcome::{Failure, Outcome};

/// The model that is used when none is named.
pub(crate) const DEFAULT: &str = "realesr-general-x4v3";

/// Which model.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModelArgs {
    /// A model file, a built-in model (see `amplio models`), or a model to be fetched on first use: one that `amplio models
    /// search` finds, hf:owner/repo/file@revision, or an https link.
    #[arg(short, long, value_name = "NAME|PATH", help_heading = "Model")]
    pub(crate) model: Option<String>,
    /// The built-in model for a kind of picture.
    #[arg(short, long, value_enum, conflicts_with = "model", help_heading = "Model")]
    pub(crate) preset: Option<Preset>,
    /// Fetch nothing: use models that are built in, files, or in the cache.
    #[arg(long, help_heading = "Model")]
    offline: bool,
}

/// A kind of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum Preset {
    Photo,
    Anime,
    Video,
}

/// What tells a model on this CPU from others that give other numbers: all that the model is made of, whatever its name, and how the CPU
/// computes.
pub(crate) fn fingerprint(model: &Model, cpu: &Cpu) -> String {
    let (graph, mut digest) = (model.graph(), Sha256::new());
    for (_, node) in graph.nodes() {
        digest.update(format!("{:?} {:?}\n", node.op(), node.inputs()));
        let learned = node.op().map(Op::learned).unwrap_or_default();
        let constant = node.constant().map(|constant| &**constant);
        learned.into_iter().chain(constant).for_each(|tensor| add_tensor(&mut digest, tensor));
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest} {:?} {:?} {} {}", graph.output(), model.info(), cpu.level(), cpu.tiles())
}

/// How many of a tensor's numbers are digested at once.
const NUMBERS: usize = 1 << 16;

fn add_tensor(digest: &mut Sha256, tensor: &Tensor) {
    digest.update(format!("{:?}\n", tensor.shape()));
    for numbers in tensor.data().chunks(NUMBERS) {
        digest.update(numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>());
    }
}

/// What runs the model.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeviceArgs {
    /// How many threads work; one for each core if not given.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, help_heading = "Engine",
        value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Use no more than these instructions of the CPU, and compute as all CPUs do that have them.
    #[arg(long, value_name = "LEVEL", value_parser = level(), help_heading = "Engine")]
    isa: Option<Level>,
    /// How exactly to compute. Without it: fast for 8-bit results, exact for more bits. Fast stays within a few of 255 levels, exact
    /// within one; full keeps floats of 32 bits, as exact does for more bits; strict also gives the same bits wherever tiles
    /// begin.
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true, help_heading = "Engine")]
    precision: Option<PrecisionArg>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionArg {
    Fast,
    Exact,
    Full,
    Strict,
}

impl ModelArgs {
    /// The model that was asked for; `quiet` if nothing is to be said while it is fetched.
    pub(crate) fn load(&self, quiet: bool) -> Result<Model> {
        self.load_other(self.name(), quiet)
    }

    /// Another model, in the same manner.
    pub(crate) fn load_other(&self, name: &str, quiet: bool) -> Result<Model> {
        load_in(Manner { offline: self.offline, quiet }, name)
    }

    fn name(&self) -> &str {
        match (&self.model, self.preset) {
            (Some(model), _) => model,
            (None, Some(Preset::Anime | Preset::Video)) => "realesr-animevideov3",
            (None, None | Some(Preset::Photo)) => DEFAULT,
        }
    }
}

impl DeviceArgs {
    /// The CPU, as it was asked for.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        cpu(self.threads, self.isa)
    }

    /// The precision, if one was asked for.
    pub(crate) fn precision(&self) -> Option<Precision> {
        self.precision.map(Precision::from)
    }

    /// The CPU as a device.
    pub(crate) fn device(&self) -> Result<Arc<dyn Device>> {
        Ok(Arc::new(self.cpu()?))
    }
}

impl From<PrecisionArg> for Precision {
    fn from(precision: PrecisionArg) -> Self {
        match precision {
            PrecisionArg::Fast => Self::Fast,
            PrecisionArg::Exact => Self::Exact,
            PrecisionArg::Full => Self::Full,
            PrecisionArg::Strict => Self::Strict,
        }
    }
}

/// The CPU with so many threads, or one for each core if that is 0, and no more than these instructions.
pub(crate) fn cpu(threads: u16, isa: Option<Level>) -> Result<Cpu> {
    let Some(level) = isa else { return Ok(Cpu::best(threads.into())?) };
    if !level.is_available() {
        let best = Level::best();
        return Err(Failure::usage(format!("this CPU has no {level}; the most it has is {best}")));
    }
    Ok(Cpu::new(threads.into(), level)?)
}

/// The model of a name or of a file, fetched if need be.
pub(crate) fn load(model: &str) -> Result<Model> {
    load_in(Manner::default(), model)
}

fn load_in(manner: Manner, model: &str) -> Result<Model> {
    let loaded = match builtin::find(model) {
        Ok(builtin) => builtin.load(),
        Err(_) if Path::new(model).exists() => Model::load(Path::new(model)),
        Err(_) => Model::load(&fetched(manner, model)?),
    };
    loaded.map_err(|error| Failure::Model(error.to_string()).into())
}

/// The file of a model that is no file here by its name.
fn fetched(manner: Manner, model: &str) -> Result<PathBuf> {
    let found = Library::open(manner).and_then(|library| library.obtain(model));
    found.map_err(|error| match Outcome::of(&error) {
        Outcome::Interrupted | Outcome::WrongUsage => error,
        _ => Failure::Model(error.to_string()).into(),
    })
}

pub(crate) fn level() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(Level::ALL.map(Level::name)).try_map(|name| name.parse::<Level>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_every_number() {
        let file = amplio_testkit::golden::root().join("archs/compact/x2/model.safetensors");
        let bytes = std::fs::read(file).expect("a model");
        let cpu = Cpu::new(1, Level::Scalar).expect("a device");
        let fingerprint = |bytes: &[u8]| fingerprint(&Model::from_bytes("a", bytes).expect("a model"), &cpu);
        assert_eq!(fingerprint(&bytes), fingerprint(&bytes));
        // The numbers come last, four bytes each.
        for from_the_end in [2, 402, 4002] {
            let mut other = bytes.clone();
            let place = other.len() - from_the_end;
            other[place] ^= 1;
            assert_ne!(fingerprint(&other), fingerprint(&bytes), "{from_the_end} bytes from the end");
        }
    }
}
