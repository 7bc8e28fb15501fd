//! `amplio models verify`.

use amplio::models::cache::Stored;
use anyhow::{Result, anyhow};

use super::{each, list, remove};
use crate::library::{Library, Manner};
use crate::outcome::Outcome;
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Names of models, as `amplio models list` shows them; all of them if none is named.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Reads every file and compares its digest with the one it had when it was fetched.
pub(super) fn run(args: &Args) -> Result<Outcome> {
    let library = Library::open(Manner::default())?;
    let cache = library.fetcher().cache();
    let mut names = args.names.clone();
    if names.is_empty() {
        // What has not arrived as a whole is not wrong.
        let arrived = |stored: &Stored| stored.record.is_some() || stored.damage.is_some();
        let arrived = cache.list()?.into_iter().filter(arrived);
        names.extend(arrived.map(|stored| list::name(&stored).to_owned()));
    }
    each(&names, |name| {
        let key = remove::key(&library, name)?;
        let stored = cache.stored(&key).ok_or_else(|| anyhow!("{name} has gone"))?;
        let repair = |error| anyhow!("{error}; `amplio models remove {key}` and pull it again");
        stored.verify().map_err(repair)?;
        terminal::print(format!("{name} is as it was fetched"))
    })
}
