//! What has arrived of a file: its first bytes, and a note from where they came.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, Result, cache};

/// The part of a file that is here.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    note: PathBuf,
}

/// Where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The link.
    pub(super) url: String,
    /// What changes if the file does.
    pub(super) validator: Option<String>,
}

/// The most bytes of a note.
const MOST_BYTES: u64 = 1 << 16;

impl Partial {
    /// The part of the file that will lie at `whole`.
    pub(super) fn of(whole: &Path) -> Self {
        let with = |ending: &str| {
            let mut path = whole.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        Self { path: with(".part"), note: with(".part.json") }
    }

    /// How many bytes are here.
    pub(super) fn bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// Where they came from.
    pub(super) fn note(&self) -> Note {
        let mut json = Vec::new();
        let read = File::open(&self.note).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut json));
        read.ok().and_then(|_| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    /// Begins anew with bytes of this origin.
    pub(super) fn begin(&self, note: &Note) -> Result<Writer> {
        // First the old bytes go, then the note changes: at no time does a note vouch for bytes of another origin.
        let file = File::create(&self.path).map_err(Error::io(&self.path))?;
        let json = serde_json::to_vec(note).map_err(|error| Error::io(&self.note)(error.into()))?;
        cache::write(&self.note, &json)?;
        Ok(Writer { file, path: self.path.clone() })
    }

    /// Goes on after the bytes that are here.
    pub(super) fn go_on(&self) -> Result<Writer> {
        let file = File::options().append(true).open(&self.path).map_err(Error::io(&self.path))?;
        Ok(Writer { file, path: self.path.clone() })
    }

    /// The first bytes.
    pub(super) fn head(&self, most: usize) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(most as u64).read_to_end(&mut head));
        read.map_err(Error::io(&self.path))?;
        Ok(head)
    }

    /// The digest of the bytes that are here.
    pub(super) fn digest(&self) -> Result<Digest> {
        Digest::of_file(&self.path).map_err(Error::io(&self.path))
    }

    /// Makes them the whole file.
    pub(super) fn publish(self, whole: &Path) -> Result<()> {
        fs::rename(&self.path, whole).map_err(Error::io(whole))?;
        let _ = fs::remove_file(&self.note);
        Ok(())
    }

    /// Throws them away.
    pub(super) fn discard(&self) -> Result<()> {
        for path in [&self.path, &self.note] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io(path)(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Adds bytes to what is here.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    path: PathBuf,
}

impl Writer {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io(&self.path))
    }

    /// Waits until the bytes are on the disk.
    pub(super) fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(Error::io(&self.path))
    }
}
