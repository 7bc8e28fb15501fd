//! `amplio models search`.

use std::collections::HashSet;
use std::time::Duration;

use amplio::models::Error;
use amplio::models::catalogue::{Entry, Index, known, licence, links};
use anyhow::Result;
use serde_json::{Value, json};

use super::NetArgs;
use crate::library::FRESH;
use crate::outcome::Outcome;
use crate::quantity::{count, show_bytes};
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Words that must be in what is known of a model: its name, authors, tags, architecture or description.
    words: Vec<String>,
    /// Only models of this scale.
    #[arg(short, long, value_name = "N")]
    scale: Option<usize>,
    /// Also models that amplio cannot load.
    #[arg(short, long)]
    all: bool,
    /// Only models whose licence is known and does not forbid commercial use.
    #[arg(long)]
    commercial: bool,
    /// Fetch OpenModelDB's list again; without it, only if there is none or it is older than a week.
    #[arg(long, conflicts_with = "offline")]
    refresh: bool,
    #[command(flatten)]
    net: NetArgs,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// The most characters of the column of tags.
const TAGS: usize = 40;

/// Lists what is found.
pub(super) fn run(args: &Args) -> Result<Outcome> {
    let library = args.net.library()?;
    let public = library.public(if args.refresh { Duration::ZERO } else { FRESH })?.unwrap_or_default();
    let (found, others): (Vec<_>, Vec<_>) = all(&public)
        .into_iter()
        .filter(|entry| args.wants(entry))
        .partition(|entry| args.all || is_loaded(entry));
    if args.json {
        terminal::print(Value::from(found.into_iter().map(object).collect::<Vec<_>>()))?;
        return Ok(Outcome::Done);
    }
    if !found.is_empty() {
        terminal::print(table(&found))?;
    }
    let hidden = match others.len() {
        0 => String::new(),
        number => format!(", and {number} that amplio cannot load, which --all lists"),
    };
    terminal::note(format!("{}{hidden}", count(found.len(), "model", "models")));
    Ok(Outcome::Done)
}

impl Args {
    fn wants(&self, entry: &Entry) -> bool {
        let words: Vec<_> = self.words.iter().map(|word| word.to_lowercase()).collect();
        let permits = entry.licence.as_deref().is_some_and(|it| !licence::is_non_commercial(it));
        entry.has(&words)
            && self.scale.is_none_or(|scale| scale == entry.scale)
            && (permits || !self.commercial)
    }
}

/// The models of both lists. Files that both have are in the built-in one only.
fn all(public: &Index) -> Vec<&Entry> {
    let digests = |entry: &Entry| entry.resources.iter().filter_map(|it| it.sha256).collect::<Vec<_>>();
    let ours: HashSet<_> = known().entries().flat_map(digests).collect();
    let is_new = |entry: &&Entry| {
        known().find(entry.key.as_str()).is_none() && !digests(entry).iter().any(|it| ours.contains(it))
    };
    known().entries().chain(public.entries().filter(is_new)).collect()
}

/// Whether amplio reads a file of it, though perhaps a person must fetch it.
fn is_loaded(entry: &Entry) -> bool {
    matches!(entry.choice(), Ok(_) | Err(Error::Browser { .. }))
}

fn table(entries: &[&Entry]) -> String {
    let head =
        ["name", "scale", "architecture", "size", "licence", "from", "for"].map(str::to_owned).to_vec();
    let rows = entries.iter().map(|entry| {
        let choice = entry.choice();
        let file = choice.as_ref().ok().map(|(file, _)| *file).or(entry.resources.first());
        let tags = entry.tags.join(", ");
        vec![
            entry.key.to_string(),
            format!("{}x", entry.scale),
            entry.architecture.clone(),
            file.and_then(|file| file.bytes).map_or("?".into(), show_bytes),
            entry.licence.clone().unwrap_or("?".into()),
            match &choice {
                Ok((_, urls)) => links::host(&urls[0]).to_owned(),
                Err(Error::Browser { page, .. }) => format!("{} (browser)", links::host(page)),
                Err(_) => "(not loaded)".into(),
            },
            tags.chars().take(TAGS).collect(),
        ]
    });
    terminal::table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

/// A model for programs.
pub(super) fn object(entry: &Entry) -> Value {
    let choice = entry.choice();
    let page = match &choice {
        Err(Error::Browser { page, .. }) => Some(page.clone()),
        _ => None,
    };
    let (file, urls) = choice.map_or((None, Vec::new()), |(file, urls)| (Some(file), urls));
    json!({
        "name": entry.key.as_str(), "title": entry.name, "authors": entry.authors, "architecture": entry.architecture,
        "loaded": is_loaded(entry), "scale": entry.scale, "licence": entry.licence, "tags": entry.tags,
        "non_commercial": entry.licence.as_deref().map(licence::is_non_commercial), "description": entry.description,
        "bytes": file.and_then(|file| file.bytes), "sha256": file.and_then(|file| file.sha256).map(|it| it.to_string()),
        "urls": urls, "page": page,
    })
}
