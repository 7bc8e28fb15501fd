//! `amplio models info`.

use amplio::models::Error;
use amplio::models::builtin::{self, Builtin};
use amplio::models::cache::Stored;
use amplio::models::catalogue::{Download, Entry, Key, licence};
use anyhow::Result;
use serde_json::{Value, json};

use super::{NetArgs, each, search};
use crate::library::{Library, Named, Reach};
use crate::outcome::Outcome;
use crate::quantity::show_bytes;
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Names of models, hf:owner/repo/file@revision, or https links.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    net: NetArgs,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

type Facts = Vec<(&'static str, String)>;

/// Tells what is known about each model.
pub(super) fn run(args: &Args) -> Result<Outcome> {
    let library = args.net.library()?;
    let mut gap = "";
    each(&args.names, |name| {
        let (facts, object) = told(&library, name)?;
        if args.json {
            return terminal::print(object);
        }
        terminal::print(format!("{gap}{name}\n{}", terminal::facts(&facts)))?;
        gap = "\n";
        Ok(())
    })
}

fn told(library: &Library, name: &str) -> Result<(Facts, Value)> {
    if let Ok(model) = builtin::find(name) {
        return Ok(of_builtin(model));
    }
    Ok(match library.find(name, Reach::Public)? {
        Named::Entry(entry) => of_entry(library, &entry),
        Named::Elsewhere(download) => of_download(library, &download),
        Named::Kept(stored) => of_stored(&stored),
    })
}

fn of_builtin(model: &Builtin) -> (Facts, Value) {
    let facts = vec![
        ("name", model.name.to_owned()),
        ("scale", format!("{}x", model.scale)),
        ("licence", model.licence.to_owned()),
        ("what it is", model.description.to_owned()),
        ("source", model.source.to_owned()),
        ("state", "built in".to_owned()),
    ];
    let object = json!({
        "name": model.name, "state": "built in", "scale": model.scale, "licence": model.licence,
        "description": model.description, "source": model.source,
    });
    (facts, object)
}

fn of_entry(library: &Library, entry: &Entry) -> (Facts, Value) {
    let loaded =
        if entry.known_architecture().is_some() { "" } else { ", which amplio knows only in ONNX files" };
    let mut facts = vec![
        ("name", entry.name.clone()),
        ("authors", entry.authors.join(", ")),
        ("architecture", format!("{}{loaded}", entry.architecture)),
        ("scale", format!("{}x", entry.scale)),
        ("licence", licence::told(entry.licence.as_deref())),
        ("for", entry.tags.join(", ")),
        ("what it is", entry.description.clone()),
    ];
    let state = match entry.download() {
        Ok(download) => {
            facts.extend(files(&download));
            state(library, &download)
        }
        Err(Error::Browser { page, .. }) => {
            format!("behind a page that needs a browser: download it from {page} and name the file")
        }
        Err(error) => error.to_string(),
    };
    facts.push(("state", state.clone()));
    facts.retain(|(_, value)| !value.is_empty());
    let mut object = search::object(entry);
    object["state"] = state.into();
    (facts, object)
}

fn of_download(library: &Library, download: &Download) -> (Facts, Value) {
    let state = state(library, download);
    let mut facts = vec![("licence", licence::told(download.licence.as_deref()))];
    facts.extend(files(download));
    facts.push(("state", state.clone()));
    let urls: Vec<_> = download.files.iter().flat_map(|file| &file.urls).collect();
    (facts, json!({ "name": download.name, "urls": urls, "state": state }))
}

fn of_stored(stored: &Stored) -> (Facts, Value) {
    let licence = stored.record.as_ref().and_then(|record| record.licence.as_deref());
    let facts = vec![
        ("name", stored.name().to_owned()),
        ("licence", licence::told(licence)),
        ("size", show_bytes(stored.bytes)),
        ("state", kept(stored)),
    ];
    let object = json!({ "name": stored.key.as_str(), "licence": licence, "bytes": stored.bytes, "state": kept(stored) });
    (facts, object)
}

fn files(download: &Download) -> Facts {
    let mut facts = Vec::new();
    for file in &download.files {
        facts.extend(file.bytes.map(|bytes| ("size", show_bytes(bytes))));
        facts.extend(file.sha256.map(|digest| ("sha-256", digest.to_string())));
        facts.extend(file.urls.iter().map(|url| ("from", url.clone())));
    }
    facts
}

fn state(library: &Library, download: &Download) -> String {
    let partly = |key: &Key| library.fetcher().cache().stored(key).filter(|stored| stored.record.is_none());
    match (library.fetcher().cached(download), partly(&download.key)) {
        (Some(stored), _) => kept(&stored),
        (None, Some(Stored { damage: Some(damage), .. })) => format!("damaged: {damage}"),
        (None, Some(stored)) => format!("{} of it in the cache", show_bytes(stored.bytes)),
        (None, None) => "not fetched".into(),
    }
}

fn kept(stored: &Stored) -> String {
    stored.path().map_or("partly in the cache".into(), |path| format!("in the cache: {}", path.display()))
}
