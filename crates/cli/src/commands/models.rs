//! `amplio models`: models that are built in, in the cache, and in lists. One file for each thing to do with them.

mod info;
mod list;
mod pull;
mod remove;
mod search;
mod verify;

use anyhow::Result;
use clap::Subcommand;

use crate::library::{Library, Manner};
use crate::outcome::Outcome;

pub(crate) use list::builtin_table;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: list::Args,
}

/// What can be done with models.
#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// List the models that are built in or in the cache.
    List(list::Args),
    /// Search for models to fetch: in the built-in list and in OpenModelDB's.
    Search(search::Args),
    /// Say what is known about models of the lists.
    Info(info::Args),
    /// Fetch models into the cache.
    Pull(pull::Args),
    /// Remove models from the cache.
    Remove(remove::Args),
    /// Compare models in the cache with their digests.
    Verify(verify::Args),
}

/// Whether the net is used.
#[derive(Clone, Copy, Debug, clap::Args)]
struct NetArgs {
    /// Use what is in the cache, and not the net.
    #[arg(long)]
    offline: bool,
}

impl NetArgs {
    fn library(self) -> Result<Library> {
        Library::open(Manner { offline: self.offline, quiet: false })
    }
}

/// Does what was asked for.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    match args.action {
        None => list::run(&args.list),
        Some(Action::List(args)) => list::run(&args),
        Some(Action::Search(args)) => search::run(&args),
        Some(Action::Info(args)) => info::run(&args),
        Some(Action::Pull(args)) => pull::run(&args),
        Some(Action::Remove(args)) => remove::run(&args),
        Some(Action::Verify(args)) => verify::run(&args),
    }
}

/// Does something with each of several models. What cannot be done for one is said, and the others have their turn.
fn each<T: AsRef<str>>(names: &[T], mut act: impl FnMut(&str) -> Result<()>) -> Result<Outcome> {
    let mut outcome = Outcome::Done;
    for name in names {
        match act(name.as_ref()) {
            Err(error) if Outcome::of(&error) == Outcome::Interrupted => return Err(error),
            Err(error) => {
                crate::terminal::complain(&error);
                outcome = Outcome::SomeFailed;
            }
            Ok(()) => {}
        }
    }
    Ok(outcome)
}
