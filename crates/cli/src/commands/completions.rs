//! `amplio completions SHELL`.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::outcome::Outcome;
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell whose completions to print.
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "amplio", &mut script);
    terminal::copy(script.as_slice())?;
    Ok(Outcome::Done)
}
