//! `amplio models pull`.

use amplio::models::builtin;
use amplio::models::cache::Stored;
use anyhow::Result;

use super::{NetArgs, each};
use crate::library::{Library, Named, Reach};
use crate::outcome::Outcome;
use crate::quantity::show_bytes;
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Names of models, hf:owner/repo/file@revision, or https links; #sha256=… at a link's end says what the file must be.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    net: NetArgs,
}

/// Fetches the models that are not in the cache.
pub(super) fn run(args: &Args) -> Result<Outcome> {
    let library = args.net.library()?;
    each(&args.names, |name| {
        if builtin::find(name).is_ok() {
            return terminal::print(format!("{name} is built in"));
        }
        let stored = pulled(&library, name)?;
        let path = stored.path().map_or(String::new(), |path| path.display().to_string());
        terminal::print(format!("{name} → {path}  {}", show_bytes(stored.bytes)))
    })
}

fn pulled(library: &Library, name: &str) -> Result<Stored> {
    match library.find(name, Reach::Public)? {
        Named::Entry(entry) => library.pull(&entry.download()?),
        Named::Elsewhere(download) => library.pull(&download),
        Named::Kept(stored) => Ok(*stored),
    }
}
