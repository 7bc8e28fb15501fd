//! `amplio models list`.

use amplio::models::builtin::{BUILTIN, Builtin, Kind};
use amplio::models::cache::Stored;
use amplio::models::catalogue::{licence, links};
use anyhow::Result;
use serde_json::{Value, json};

use crate::library::{Library, Manner};
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

/// Lists the models that are built in or in the cache.
pub(super) fn run(args: &Args) -> Result<Outcome> {
    let library = Library::open(Manner::default())?;
    let cache = library.fetcher().cache();
    let stored = cache.list()?;
    if args.json {
        let all = BUILTIN.iter().map(builtin_object).chain(stored.iter().map(stored_object));
        terminal::print(Value::from(all.collect::<Vec<_>>()))?;
        return Ok(Outcome::Done);
    }
    terminal::print(builtin_table())?;
    if !stored.is_empty() {
        terminal::print(format!("\nIn the cache, {}", cache.folder().display()))?;
        terminal::print(stored_table(&stored))?;
    }
    Ok(Outcome::Done)
}

/// The built-in models as a table.
pub(crate) fn builtin_table() -> String {
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

fn stored_table(stored: &[Stored]) -> String {
    let head = ["name", "size", "licence", "from"].map(str::to_owned).to_vec();
    let rows = stored.iter().map(|model| {
        let (licence, from) = match &model.record {
            Some(record) => (licence::told(record.licence.as_deref()), host(model).to_owned()),
            None if model.damage.is_some() => ("damaged; pull fetches it again".to_owned(), String::new()),
            None => ("not yet all of it; pull goes on".to_owned(), String::new()),
        };
        vec![name(model).to_owned(), show_bytes(model.bytes), licence, from]
    });
    terminal::table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

/// What `--model` and the commands here call it: what was typed for links and files on a hub, and otherwise its key.
pub(super) fn name(model: &Stored) -> &str {
    if model.name().contains(':') { model.name() } else { model.key.as_str() }
}

fn host(model: &Stored) -> &str {
    let file = model.record.as_ref().and_then(|record| record.files.first());
    file.map_or("", |file| links::host(&file.url))
}

fn builtin_object(model: &Builtin) -> Value {
    json!({
        "name": model.name, "state": "built in", "aliases": model.aliases, "kind": kind(model), "scale": model.scale,
        "licence": model.licence, "bytes": model.bytes().len(), "source": model.source,
        "description": model.description,
    })
}

fn stored_object(model: &Stored) -> Value {
    let record = model.record.as_ref();
    let file = record.and_then(|record| record.files.first());
    let state = match (record, &model.damage) {
        (Some(_), _) => "in the cache",
        (None, Some(_)) => "damaged",
        (None, None) => "partly in the cache",
    };
    json!({
        "name": name(model), "state": state,
        "licence": record.and_then(|record| record.licence.as_deref()), "bytes": model.bytes,
        "source": file.map(|file| &file.url), "sha256": file.map(|file| file.sha256.to_string()), "path": model.path(),
    })
}

fn kind(model: &Builtin) -> &'static str {
    match model.kind {
        Kind::Photo => "photographs",
        Kind::Drawing => "drawings",
    }
}
