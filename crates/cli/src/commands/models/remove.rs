//! `amplio models remove`.

use amplio::models::catalogue::Key;
use anyhow::Result;

use super::{each, list};
use crate::library::{Library, Manner};
use crate::outcome::{Failure, Outcome};
use crate::quantity::show_bytes;
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Names of models, as `amplio models list` shows them.
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,
    /// Remove all of them.
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

/// Removes models, also those that have not arrived as a whole.
pub(super) fn run(args: &Args) -> Result<Outcome> {
    let library = Library::open(Manner::default())?;
    let cache = library.fetcher().cache();
    let mut names = args.names.clone();
    if args.all {
        names.extend(cache.list()?.iter().map(|stored| list::name(stored).to_owned()));
    }
    each(&names, |name| {
        let freed = cache.remove(&key(&library, name)?)?;
        terminal::print(format!("{name} removed, {} freed", show_bytes(freed)))
    })
}

/// The key of a model in the cache, by any of its names.
pub(super) fn key(library: &Library, name: &str) -> Result<Key> {
    let stored = library.fetcher().cache().list()?;
    let wanted = Key::of_name(name);
    let is_called = |key: &Key, other: &str| {
        Some(key) == wanted.as_ref() || other == name || (wanted.is_some() && Key::of_name(other) == wanted)
    };
    let found = stored.iter().find(|stored| is_called(&stored.key, stored.name()));
    found
        .map(|stored| stored.key.clone())
        .ok_or_else(|| Failure::Model(format!("no model in the cache is called {name}")).into())
}
