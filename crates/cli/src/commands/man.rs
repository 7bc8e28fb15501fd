//! `amplio man`.

use std::path::{Path, PathBuf};

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
    write(&folder, "amplio", command)?;
    Ok(Outcome::Done)
}

/// Writes the page of a command and those of the commands below it.
fn write(folder: &Path, name: &str, command: Command) -> Result<()> {
    for sub in command.get_subcommands().cloned() {
        write(folder, &format!("{name}-{}", sub.get_name()), sub)?;
    }
    draft::write(&folder.join(format!("{name}.1")), true, &page(command.display_name(name.to_owned()))?)
}

fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
