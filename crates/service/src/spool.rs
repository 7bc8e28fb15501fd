//! What clients send: small things in memory, large ones in files, so that many large uploads at once do not fill the memory.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::hex;

/// More than this goes to a file.
const IN_MEMORY: usize = 1 << 20;

/// Something that arrives piece by piece.
pub(crate) struct Spool {
    folder: PathBuf,
    memory: Vec<u8>,
    file: Option<NamedTempFile>,
    hash: Sha256,
    length: u64,
}

/// Something that has arrived.
#[derive(Debug)]
pub(crate) struct Content {
    place: Place,
    hash: String,
    length: u64,
}

#[derive(Debug)]
enum Place {
    Memory(Bytes),
    /// Removed when it is no longer needed.
    File(NamedTempFile),
    /// Someone else's, which stays.
    Kept(PathBuf),
}

impl Spool {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), memory: Vec::new(), file: None, hash: Sha256::new(), length: 0 }
    }

    /// Takes a piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.hash.update(piece);
        self.length += piece.len() as u64;
        if let Some(file) = &mut self.file {
            return file.write_all(piece);
        }
        self.memory.extend_from_slice(piece);
        if self.memory.len() > IN_MEMORY {
            let mut file = tempfile::Builder::new().prefix("upload-").tempfile_in(&self.folder)?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Whether a piece of so many bytes can be taken without touching the disk.
    pub(crate) fn stays_in_memory(&self, piece: usize) -> bool {
        self.file.is_none() && self.memory.len() + piece <= IN_MEMORY
    }

    /// Bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// All of it.
    pub(crate) fn finish(self) -> Content {
        let place = match self.file {
            Some(file) => Place::File(file),
            None => Place::Memory(self.memory.into()),
        };
        Content { place, hash: hex(&self.hash.finalize()), length: self.length }
    }
}

impl Content {
    /// A file that stays where it is.
    pub(crate) fn of_file(path: &Path) -> std::io::Result<Self> {
        let mut file = std::fs::File::open(path)?;
        let (mut hash, mut length, mut piece) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => {
                    hash.update(&piece[..read]);
                    length += read as u64;
                }
            }
        }
        Ok(Self { place: Place::Kept(path.to_owned()), hash: hex(&hash.finalize()), length })
    }

    /// All bytes.
    pub(crate) fn bytes(&self) -> std::io::Result<Bytes> {
        match &self.place {
            Place::Memory(bytes) => Ok(bytes.clone()),
            Place::File(file) => std::fs::read(file.path()).map(Bytes::from),
            Place::Kept(path) => std::fs::read(path).map(Bytes::from),
        }
    }

    /// SHA-256, in hexadecimal digits.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Writes everything to a file that appears whole and survives a power cut, or not at all.
    pub(crate) fn persist(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix("draft-").tempfile_in(folder)?;
        match &self.place {
            Place::Memory(bytes) => file.write_all(bytes)?,
            Place::File(from) => drop(std::io::copy(&mut std::fs::File::open(from.path())?, &mut file)?),
            Place::Kept(from) => drop(std::io::copy(&mut std::fs::File::open(from)?, &mut file)?),
        }
        publish(file, path)
    }
}

/// Gives a finished file its name, durably.
pub(crate) fn publish(file: NamedTempFile, path: &Path) -> std::io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_content_is_the_same_in_and_out() {
        let folder = tempfile::tempdir().expect("a folder");
        for length in [0, 1, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY] {
            let whole: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
            let mut spool = Spool::new(folder.path());
            for piece in whole.chunks(100_000) {
                spool.push(piece).expect("taken");
            }
            let content = spool.finish();
            assert_eq!(content.bytes().expect("there"), whole);
            let path = folder.path().join("kept");
            content.persist(&path).expect("written");
            let kept = Content::of_file(&path).expect("there");
            assert_eq!((kept.hash(), kept.length()), (content.hash(), length as u64));
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
