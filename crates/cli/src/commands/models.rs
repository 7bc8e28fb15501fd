//! `amplio models`.

use amplio::models::builtin::{BUILTIN, Builtin, Kind};
use anyhow::Result;
use serde_json::{Value, json};

use crate::outcome::Outcome;
use crate::quantity::show_bytes;
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Lists the built-in models.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    if args.json {
        terminal::print(Value::from(BUILTIN.iter().map(object).collect::<Vec<_>>()))?;
    } else {
        terminal::print(table())?;
    }
    Ok(Outcome::Done)
}

/// The built-in models as a table.
pub(crate) fn table() -> String {
    let head = ["name", "also", "for", "scale", "licence", "size", "what it is"].map(str::to_owned).to_vec();
    let rows = BUILTIN.iter().map(|model| {
        vec![
            model.name.to_owned(),
            model.aliases.join(", "),
            kind(model).to_owned(),
            format!("{}x", model.scale),
            model.licence.to_owned(),
            show_bytes(model.bytes().len() as u64),
            model.description.to_owned(),
        ]
    });
    terminal::table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

fn object(model: &Builtin) -> Value {
    json!({
        "name": model.name, "aliases": model.aliases, "kind": kind(model), "scale": model.scale,
        "licence": model.licence, "bytes": model.bytes().len(), "source": model.source,
        "description": model.description,
    })
}

fn kind(model: &Builtin) -> &'static str {
    match model.kind {
        Kind::Photo => "photographs",
        Kind::Drawing => "drawings",
    }
}
