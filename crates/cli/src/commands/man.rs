//! `amplio man`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::inputs::explained;
use crate::outcome::Outcome;
use crate::{draft, terminal};

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Write a page for each command to this folder.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints or writes the pages.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    // Pages are the same on every machine.
    let mut command = Arguments::command().version(env!("CARGO_PKG_VERSION"));
    command.build();
    let Some(folder) = args.folder else {
        terminal::copy(page(command)?.as_slice())?;
        return Ok(Outcome::Done);
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| anyhow!("{}: {}", folder.display(), explained(&error)))?;
    for sub in command.get_subcommands().cloned() {
        let name = format!("amplio-{}", sub.get_name());
        let sub = sub.display_name(name.clone());
        draft::write(&folder.join(format!("{name}.1")), true, &page(sub)?)?;
    }
    draft::write(&folder.join("amplio.1"), true, &page(command)?)?;
    Ok(Outcome::Done)
}

fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
