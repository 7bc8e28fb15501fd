//! The command `amplio`: makes pictures larger with super-resolution networks.
//!
//! # Layout
//!
//! - `arguments`: what was typed; `commands/`: one file per command, with its own arguments and what they mean.
//! - `inputs`, `destination`, `naming`, `numbering`, `formats`: which pictures are read, and where and as what results are
//!   written.
//! - `kind`: what an input is; `batch`: input after input, from file to file, one file in `batch/` for each kind.
//! - `draft`: files that appear whole or not at all.
//! - `engine`: the model and the device; `denoise`: a model blended with its partner; `library`: models that are no files of the
//!   user's; `memory`: how much of it there is; `quantity`: numbers as people write them.
//! - `report`: what people and programs are told meanwhile; `terminal`: the only place that prints.
//! - `outcome`: how a command ends; `stop`: Ctrl-C.

mod arguments;
mod batch;
mod commands;
mod denoise;
mod destination;
mod draft;
mod engine;
mod formats;
mod inputs;
mod kind;
mod library;
mod memory;
mod naming;
mod npy;
mod numbering;
mod outcome;
mod quantity;
mod report;
mod stop;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use outcome::Outcome;

fn main() -> ExitCode {
    let ended = match Arguments::try_parse() {
        Ok(arguments) => commands::run(arguments),
        Err(message) => return terminal::clap(&message),
    };
    let outcome = ended.unwrap_or_else(|error| {
        let outcome = Outcome::of(&error);
        if outcome != Outcome::Done {
            terminal::complain(&error);
        }
        outcome
    });
    outcome.into()
}
