//! The commands. Each is a file with its arguments and `run`, and an entry in [`Command`].

mod bench;
mod blend;
mod compare;
mod completions;
mod convert;
mod doctor;
mod info;
mod man;
mod models;
mod tensor;
pub(crate) mod upscale;

use anyhow::Result;
use clap::Subcommand;

use crate::arguments::Arguments;
use crate::outcome::Outcome;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make pictures larger; the same as `amplio INPUT…`.
    Upscale(Box<upscale::Args>),
    /// Say what is known about pictures and models.
    Info(info::Args),
    /// List, search, fetch, check and remove models.
    Models(Box<models::Args>),
    /// Write a model as a safetensors file.
    Convert(convert::Args),
    /// Write the network between two models of the same architecture.
    Blend(blend::Args),
    /// Enlarge a part of a picture with several models and put the results side by side.
    Compare(compare::Args),
    /// Measure how fast a model runs here.
    Bench(bench::Args),
    /// Run a network once on a raw array.
    Tensor(tensor::Args),
    /// Say what amplio finds on this machine and what it can do here.
    Doctor(doctor::Args),
    /// Print the completions for a shell.
    Completions(completions::Args),
    /// Print the manual page, or write all of them to a folder.
    Man(man::Args),
}

/// Does what was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<Outcome> {
    match arguments.command {
        None => upscale::run(arguments.upscale),
        Some(Command::Upscale(args)) => upscale::run(*args),
        Some(Command::Info(args)) => info::run(args),
        Some(Command::Models(args)) => models::run(*args),
        Some(Command::Convert(args)) => convert::run(args),
        Some(Command::Blend(args)) => blend::run(args),
        Some(Command::Compare(args)) => compare::run(args),
        Some(Command::Bench(args)) => bench::run(args),
        Some(Command::Tensor(args)) => tensor::run(args),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Completions(args)) => completions::run(args),
        Some(Command::Man(args)) => man::run(args),
    }
}
