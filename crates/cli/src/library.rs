//! Models that are no files of the user's: found in lists, kept in the cache, fetched when they are needed.

mod environment;
mod progress;

use std::path::PathBuf;
use std::time::Duration;

use amplio::models::Error;
use amplio::models::builtin::BUILTIN;
use amplio::models::cache::Stored;
use amplio::models::catalogue::{Download, Entry, Index, Key, Reference, known, licence};
use amplio::models::fetch::Fetcher;
use anyhow::Result;

use self::progress::Progress;
use crate::outcome::Failure;
use crate::quantity::show_bytes;
use crate::terminal;

/// How models are fetched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Not at all; the environment may ask for that as well.
    pub(crate) offline: bool,
    /// Without a word.
    pub(crate) quiet: bool,
}

/// The lists, the cache, and the net.
pub(crate) struct Library {
    fetcher: Fetcher,
    manner: Manner,
}

/// A model that was named.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    /// A model of a list.
    Entry(Box<Entry>),
    /// A link, or a file on a hub.
    Elsewhere(Download),
    /// A model in the cache that no list has any more.
    Kept(Box<Stored>),
}

/// How far a search for a name goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The lists that are here.
    Here,
    /// The public list as well, if it is not here or no longer fresh.
    Public,
}

/// How long the public list is fresh.
pub(crate) const FRESH: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many names a message proposes.
const PROPOSED: usize = 3;

/// How many letters of a name may be wrong for another one to be meant.
const MOST_MISTAKES: usize = 2;

impl Library {
    pub(crate) fn open(manner: Manner) -> Result<Self> {
        let settings = environment::settings(manner.offline)?;
        Ok(Self { fetcher: Fetcher::new(settings)?, manner })
    }

    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// The model of a name, a link or a place on a hub.
    pub(crate) fn find(&self, name: &str, reach: Reach) -> Result<Named> {
        let reference = Reference::parse(name)?;
        if let Some(download) = Download::of(&reference, &self.fetcher.settings().hub)? {
            return Ok(Named::Elsewhere(download));
        }
        if let Some(entry) = known().find(name) {
            return Ok(Named::Entry(Box::new(entry.clone())));
        }
        let kept = Key::of_name(name).and_then(|key| self.fetcher.cache().find(&key));
        let public = match reach {
            Reach::Public if kept.is_none() => self.public(FRESH)?,
            _ => self.fetcher.cached_list(),
        };
        let entry = public.as_ref().and_then(|index| index.find(name)).cloned();
        match (entry, kept) {
            (Some(entry), _) => Ok(Named::Entry(Box::new(entry))),
            (None, Some(kept)) => Ok(Named::Kept(Box::new(kept))),
            (None, None) => Err(unknown(name, public.as_ref())),
        }
    }

    /// The public list, no older than that. If it cannot be had, people are told, and an older one or none is as good.
    pub(crate) fn public(&self, oldest: Duration) -> Result<Option<Index>> {
        let mut progress = Progress::new("the list of models", self.manner.quiet);
        match self.fetcher.list(oldest, &mut |event| progress.tell(event)) {
            Ok(listed) => {
                if let Some(error) = listed.outdated {
                    self.note(&format!("the list of models is an older one: {error}"));
                }
                Ok(Some(listed.index))
            }
            Err(Error::Stopped) => Err(Failure::Interrupted.into()),
            Err(error) => {
                self.note(&format!("without the public list of models: {error}"));
                Ok(None)
            }
        }
    }

    /// The file of a model, fetched if it is not in the cache. People are told before.
    pub(crate) fn obtain(&self, name: &str) -> Result<PathBuf> {
        let stored = match self.find(name, Reach::Here)? {
            Named::Entry(entry) => self.pull(&entry.download()?)?,
            Named::Elsewhere(download) => self.pull(&download)?,
            Named::Kept(stored) => *stored,
        };
        stored.path().ok_or_else(|| Failure::Model(format!("{name} has not arrived as a whole")).into())
    }

    /// The model of a download, fetched if it is not in the cache. People are told before.
    pub(crate) fn pull(&self, download: &Download) -> Result<Stored> {
        if let Some(stored) = self.fetcher.cached(download) {
            return Ok(stored);
        }
        if !self.fetcher.settings().offline {
            self.note(&announcement(download));
        }
        let mut progress = Progress::new(&download.name, self.manner.quiet);
        self.fetcher.pull(download, &mut |event| progress.tell(event)).map_err(|error| match error {
            Error::Stopped => Failure::Interrupted.into(),
            error => error.into(),
        })
    }

    fn note(&self, line: &str) {
        if !self.manner.quiet {
            terminal::note(line);
        }
    }
}

/// What is about to be fetched: the name, the host, the size and the licence.
fn announcement(download: &Download) -> String {
    let size = download.bytes().map_or("size not known".into(), show_bytes);
    let licence = licence::told(download.licence.as_deref());
    format!("fetching {} from {}: {size}, {licence}", download.name, download.hosts().join(", "))
}

fn unknown(name: &str, public: Option<&Index>) -> anyhow::Error {
    let similar = similar(name, public);
    let advice = match (similar.as_slice(), public) {
        ([], Some(_)) => "`amplio models search` lists models".to_owned(),
        ([], None) => "`amplio models search` lists models, also those of the public list".to_owned(),
        (similar, _) => format!("there are {}", similar.join(", ")),
    };
    Failure::Model(format!("there is neither a model nor a file called {name:?}; {advice}")).into()
}

/// Names that are nearly this one, and those of models that it is said of.
fn similar<'a>(name: &str, public: Option<&'a Index>) -> Vec<&'a str> {
    let words = [name.trim().to_lowercase()];
    if words[0].is_empty() {
        return Vec::new();
    }
    let entries = || known().entries().chain(public.into_iter().flat_map(Index::entries));
    let names = BUILTIN.iter().map(|builtin| builtin.name).chain(entries().map(|entry| entry.key.as_str()));
    let near = names.filter(|known| strsim::levenshtein(known, &words[0]) <= MOST_MISTAKES);
    let said = entries().filter(|entry| entry.has(&words)).map(|entry| entry.key.as_str());
    let mut similar: Vec<&str> = Vec::new();
    for name in near.chain(said) {
        if !similar.contains(&name) && similar.len() < PROPOSED {
            similar.push(name);
        }
    }
    similar
}
