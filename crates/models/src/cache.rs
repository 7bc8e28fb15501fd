//! The folder in which fetched models are kept.
//!
//! ```text
//! files/4x-test/4x-test.pth        a model
//! files/4x-test/model.json         its record: written last, so that what has one is whole
//! files/4x-other/4x-other.pth.part what has arrived of another one
//! locks/4x-test                    held by the process that fetches it
//! openmodeldb.json                 a list of models
//! ```

mod lock;
mod record;
#[cfg(feature = "download")]
mod write;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use lock::Lock;
pub use record::{Record, RecordedFile};
#[cfg(feature = "download")]
pub(crate) use write::write;

use crate::catalogue::Key;
use crate::{Digest, Error, Result};

/// A folder of fetched models.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// A model in the cache, or a part of one.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its folder's name.
    pub key: Key,
    /// What it is; `None` if it is not whole.
    pub record: Option<Record>,
    /// What has happened to a file of it since it was whole; `None` if it has not arrived as a whole yet.
    pub damage: Option<String>,
    /// The bytes that it takes on the disk.
    pub bytes: u64,
    folder: PathBuf,
}

impl Cache {
    /// The cache in this folder, which need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The model in the folder of this name, if it is whole.
    pub fn find(&self, key: &Key) -> Option<Stored> {
        self.stored(key).filter(|stored| stored.record.is_some())
    }

    /// All models and parts of models, in the order of their names.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Stored>> {
        let files = self.folder.join("files");
        let entries = match fs::read_dir(&files) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::io(&files))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut stored: Vec<_> =
            names.filter_map(|name| Key::new(&name)).filter_map(|key| self.stored(&key)).collect();
        stored.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(stored)
    }

    /// What is in the folder of this name, if there is one.
    pub fn stored(&self, key: &Key) -> Option<Stored> {
        let folder = self.model_folder(key);
        let sizes = fs::read_dir(&folder).ok()?.filter_map(|entry| entry.ok()?.metadata().ok());
        let bytes = sizes.filter(fs::Metadata::is_file).map(|file| file.len()).sum();
        let record = Record::read(&folder);
        let damage = record.as_ref().and_then(|record| record.damage(&folder));
        let record = record.filter(|_| damage.is_none());
        Some(Stored { key: key.clone(), record, damage, bytes, folder })
    }

    /// Removes a model or a part of one; tells how many bytes that frees.
    ///
    /// # Errors
    /// If it is not there, is being fetched, or cannot be removed.
    pub fn remove(&self, key: &Key) -> Result<u64> {
        let missing = || Error::not_found(format!("{key} is not in the cache"));
        let stored = self.stored(key).ok_or_else(missing)?;
        let _lock = self.lock(key)?.ok_or_else(|| Error::Busy { what: key.to_string() })?;
        // Without its record it is no model any more, even if the rest of this fails.
        let record = stored.folder.join(record::NAME);
        match fs::remove_file(&record) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io(&record)(error)),
            _ => {}
        }
        fs::remove_dir_all(&stored.folder).map_err(Error::io(&stored.folder))?;
        Ok(stored.bytes)
    }

    /// The folder of a model.
    pub(crate) fn model_folder(&self, key: &Key) -> PathBuf {
        self.folder.join("files").join(key.as_str())
    }

    /// Asks to be the only one who changes a model's folder; `None` if another one is.
    pub(crate) fn lock(&self, key: &Key) -> Result<Option<Lock>> {
        Lock::ask(&self.folder.join("locks"), key)
    }
}

impl Stored {
    /// What people call it.
    pub fn name(&self) -> &str {
        self.record.as_ref().map_or(self.key.as_str(), |record| &record.name)
    }

    /// The file to be loaded; `None` if the model is not whole.
    pub fn path(&self) -> Option<PathBuf> {
        let file = self.record.as_ref()?.files.first()?;
        Some(self.folder.join(&file.name))
    }

    /// Reads every file and compares its digest with the one it had when it was fetched.
    ///
    /// # Errors
    /// If a file is not what it was, cannot be read, or the model is not whole.
    pub fn verify(&self) -> Result<()> {
        if let Some(damage) = &self.damage {
            return Err(Error::malformed("model", damage.as_str()).within(self.key.as_str()));
        }
        let Some(record) = &self.record else {
            return Err(Error::not_found(format!("{} has not arrived as a whole", self.key)));
        };
        for file in &record.files {
            let path = self.folder.join(&file.name);
            let digest = Digest::of_file(&path).map_err(Error::io(&path))?;
            if digest != file.sha256 {
                let what = format!("its SHA-256 is {digest}, and was {} when it was fetched", file.sha256);
                return Err(Error::malformed("model", what).in_file(&path));
            }
        }
        Ok(())
    }
}
