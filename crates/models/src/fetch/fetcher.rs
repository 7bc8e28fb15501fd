use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::client::Client;
use super::partial::Partial;
use super::transfer::{Arrival, Transfer};
use super::{Event, Listener, Settings, contents, hub, parts, tell, wait};
use crate::cache::{Cache, Lock, Record, RecordedFile, Stored};
use crate::catalogue::{Download, Index, Key, RemoteFile};
use crate::{Error, Result};

/// Fetches models and the public list of models into a cache.
#[derive(Debug)]
pub struct Fetcher {
    settings: Settings,
    cache: Cache,
    client: Client,
}

/// The public list of models.
#[derive(Debug)]
pub struct Listed {
    /// The list.
    pub index: Index,
    /// Why it is an older one than was asked for, if it is.
    pub outdated: Option<Error>,
}

/// The list's name in the cache, and that of its lock.
const LIST: &str = "openmodeldb.json";
const LIST_LOCK: &str = "openmodeldb";

/// How often a lock that another process has is asked for.
const AGAIN: Duration = Duration::from_millis(200);

impl Fetcher {
    /// A fetcher with these settings.
    ///
    /// # Errors
    /// If a proxy makes no sense.
    pub fn new(settings: Settings) -> Result<Self> {
        let (cache, client) = (Cache::new(&settings.folder), Client::new(&settings)?);
        Ok(Self { settings, cache, client })
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The cache that it fetches into.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The model of a download, if it is in the cache and is the one that the download means.
    pub fn cached(&self, download: &Download) -> Option<Stored> {
        let stored = self.cache.find(&download.key)?;
        let record = stored.record.as_ref()?;
        let same =
            |(file, kept): (&RemoteFile, &RecordedFile)| file.sha256.is_none_or(|it| it == kept.sha256);
        // A file may name others, which are not known before.
        let all = record.files.len() >= download.files.len();
        (all && download.files.iter().zip(&record.files).all(same)).then_some(stored)
    }

    /// The model of a download; it is fetched if it is not in the cache.
    ///
    /// # Errors
    /// If it is not in the cache and the net is not to be used, no link leads to a model of the right digest, the disk
    /// refuses, or the listener stops it. What has arrived then stays, and the next attempt asks only for the rest.
    pub fn pull(&self, download: &Download, listener: &mut Listener<'_>) -> Result<Stored> {
        if let Some(stored) = self.cached(download) {
            return Ok(stored);
        }
        if self.settings.offline {
            return Err(Error::Offline { what: download.name.clone() });
        }
        let _lock = self.lock(&download.key, listener)?;
        if let Some(stored) = self.cached(download) {
            return Ok(stored);
        }
        let folder = self.cache.model_folder(&download.key);
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let files = self.fetched_all(download, &folder, listener).inspect_err(|_| {
            // Only if nothing has arrived.
            let _ = fs::remove_dir(&folder);
        })?;
        let record = Record { name: download.name.clone(), licence: download.licence.clone(), files };
        record.write(&folder)?;
        self.cache
            .find(&download.key)
            .ok_or_else(|| Error::not_found(format!("{} has vanished", download.name)))
    }

    /// Fetches the files of a model into its folder, and those beside the first one that it names.
    fn fetched_all(
        &self,
        download: &Download,
        folder: &Path,
        listener: &mut Listener<'_>,
    ) -> Result<Vec<RecordedFile>> {
        let files = download.files.iter().map(|file| self.fetched(file, folder, listener));
        let mut files = files.collect::<Result<Vec<_>>>()?;
        if let (Some(first), Some(remote)) = (files.first(), download.files.first()) {
            for name in parts::of(&folder.join(&first.name))? {
                let part = hub::completed(&self.client, &remote.beside(&name));
                let partial = Partial::of(&folder.join(&name));
                let Arrival { url, sha256 } =
                    self.transfer(&part, &partial, self.settings.limit, listener)?;
                let bytes = partial.bytes();
                partial.publish(&folder.join(&name))?;
                files.push(RecordedFile { name, url, bytes, sha256 });
            }
        }
        Ok(files)
    }

    /// Fetches a file of a model into its folder.
    fn fetched(&self, file: &RemoteFile, folder: &Path, listener: &mut Listener<'_>) -> Result<RecordedFile> {
        let file = &hub::completed(&self.client, file);
        let partial = Partial::of(&folder.join(&file.name));
        let Arrival { url, sha256 } = self.transfer(file, &partial, self.settings.limit, listener)?;
        let head = partial.head(contents::HEAD)?;
        let name = contents::with_ending(&file.name, &head);
        if !contents::may_be_model(&name, &head) {
            partial.discard()?;
            return Err(Error::Download {
                from: url,
                what: "it sends no model in a format that amplio knows".into(),
            });
        }
        let archive = contents::is_archive(&head).then(|| partial.head(self.settings.limit as usize));
        if let Some(what) = archive.transpose()?.as_deref().and_then(contents::mixed) {
            partial.discard()?;
            return Err(Error::Download { from: url, what });
        }
        let bytes = partial.bytes();
        partial.publish(&folder.join(&name))?;
        Ok(RecordedFile { name, url, bytes, sha256 })
    }

    /// The public list of models, fetched if the one in the cache is older than `oldest`. If it cannot be fetched, an older
    /// one is better than none.
    ///
    /// # Errors
    /// If there is none in the cache and none can be fetched, or the listener stops it.
    pub fn list(&self, oldest: Duration, listener: &mut Listener<'_>) -> Result<Listed> {
        let cached = self.cached_list();
        let fresh = self.list_age().is_some_and(|age| age <= oldest);
        match cached {
            Some(index) if fresh => Ok(Listed { index, outdated: None }),
            cached => match (self.fetched_list(listener), cached) {
                (Ok(index), _) => Ok(Listed { index, outdated: None }),
                (Err(Error::Stopped), _) => Err(Error::Stopped),
                (Err(error), Some(index)) => Ok(Listed { index, outdated: Some(error) }),
                (Err(error), None) => Err(error),
            },
        }
    }

    /// The public list of models in the cache, however old it is.
    pub fn cached_list(&self) -> Option<Index> {
        let mut json = Vec::new();
        let file = fs::File::open(self.list_path()).ok()?;
        file.take(Index::MOST_BYTES + 1).read_to_end(&mut json).ok()?;
        Index::parse(&json).ok()
    }

    /// How long ago the list in the cache was fetched.
    pub fn list_age(&self) -> Option<Duration> {
        let fetched = fs::metadata(self.list_path()).and_then(|file| file.modified()).ok()?;
        SystemTime::now().duration_since(fetched).ok()
    }

    fn fetched_list(&self, listener: &mut Listener<'_>) -> Result<Index> {
        if self.settings.offline {
            return Err(Error::Offline { what: "the list of models".into() });
        }
        let key = Key::new(LIST_LOCK).ok_or_else(|| Error::not_found(LIST_LOCK))?;
        let _lock = self.lock(&key, listener)?;
        let urls = vec![self.settings.list.clone()];
        let file = RemoteFile { name: LIST.into(), urls, bytes: None, sha256: None };
        let partial = Partial::of(&self.list_path());
        self.transfer(&file, &partial, Index::MOST_BYTES, listener)?;
        // What was there before is not given up for something that cannot be read.
        let parsed = partial.head(Index::MOST_BYTES as usize).and_then(|json| Index::parse(&json));
        match parsed {
            Ok(index) => partial.publish(&self.list_path()).map(|()| index),
            Err(error) => {
                partial.discard()?;
                Err(Error::Download { from: self.settings.list.clone(), what: error.to_string() })
            }
        }
    }

    fn list_path(&self) -> PathBuf {
        self.cache.folder().join(LIST)
    }

    fn transfer(
        &self,
        file: &RemoteFile,
        partial: &Partial,
        limit: u64,
        listener: &mut Listener<'_>,
    ) -> Result<Arrival> {
        let (client, patience) = (&self.client, &self.settings.patience);
        Transfer { client, patience, limit, file, partial }.run(listener)
    }

    /// Waits until no other process changes the folder of a model.
    fn lock(&self, key: &Key, listener: &mut Listener<'_>) -> Result<Lock> {
        let mut told = false;
        loop {
            if let Some(lock) = self.cache.lock(key)? {
                return Ok(lock);
            }
            if !told {
                tell(listener, Event::Waits)?;
                told = true;
            }
            wait(AGAIN, listener)?;
        }
    }
}
