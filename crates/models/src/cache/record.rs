use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What is known about a model in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What people call it.
    pub name: String,
    /// Its licence, as SPDX names it, if it is known.
    pub licence: Option<String>,
    /// Its files, the one to be loaded first.
    pub files: Vec<RecordedFile>,
}

/// A file of a model in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// Its name in the model's folder.
    pub name: String,
    /// Where it came from.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest when it was fetched.
    pub sha256: Digest,
}

/// The record's name in a model's folder.
pub(super) const NAME: &str = "model.json";

/// The most bytes of a record.
const MOST_BYTES: u64 = 1 << 20;

impl Record {
    /// The record of the model in this folder, if it has one.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let mut json = Vec::new();
        File::open(folder.join(NAME)).ok()?.take(MOST_BYTES).read_to_end(&mut json).ok()?;
        let record: Self = serde_json::from_slice(&json).ok()?;
        let is_sound = !record.files.is_empty() && record.files.iter().all(|file| is_plain(&file.name));
        is_sound.then_some(record)
    }

    /// What is wrong with the files in this folder, as far as their sizes tell.
    pub(super) fn damage(&self, folder: &Path) -> Option<String> {
        self.files.iter().find_map(|RecordedFile { name, bytes, .. }| match fs::metadata(folder.join(name)) {
            Ok(it) if it.len() == *bytes => None,
            Ok(it) => Some(format!("{name} has {} bytes, and had {bytes} when it was fetched", it.len())),
            Err(_) => Some(format!("{name} is missing")),
        })
    }

    /// Makes the files in this folder a model.
    #[cfg(feature = "download")]
    pub(crate) fn write(&self, folder: &Path) -> crate::Result<()> {
        let path = folder.join(NAME);
        let json = serde_json::to_vec_pretty(self).map_err(|error| crate::Error::io(&path)(error.into()))?;
        super::write(&path, &json)
    }
}

/// Whether a name is that of a file in the folder itself.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}
