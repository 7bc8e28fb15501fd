//! What clients send: small things in memory, large ones in files, so that many large uploads at once do not fill the memory.

use std::fs::File;
use std::io::{Read, Seek, Write};
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

/// A file that can be read for a while.
pub(crate) enum Lent<'a> {
    There(&'a Path),
    /// Removed with this.
    Own(NamedTempFile),
}

impl AsRef<Path> for Lent<'_> {
    fn as_ref(&self) -> &Path {
        match self {
            Self::There(path) => path,
            Self::Own(file) => file.path(),
        }
    }
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
        let mut file = File::open(path)?;
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

    /// The first bytes, at most `count`.
    pub(crate) fn first(&self, count: usize) -> std::io::Result<Vec<u8>> {
        let mut first = Vec::new();
        match &self.place {
            Place::Memory(bytes) => first.extend_from_slice(&bytes[..count.min(bytes.len())]),
            Place::File(file) => drop(file.reopen()?.take(count as u64).read_to_end(&mut first)?),
            Place::Kept(path) => drop(File::open(path)?.take(count as u64).read_to_end(&mut first)?),
        }
        Ok(first)
    }

    /// A file with all of it; one is made in `folder` if there is none yet.
    pub(crate) fn file(&self, folder: &Path) -> std::io::Result<Lent<'_>> {
        match &self.place {
            Place::File(file) => Ok(Lent::There(file.path())),
            Place::Kept(path) => Ok(Lent::There(path)),
            Place::Memory(bytes) => {
                let mut file = tempfile::Builder::new().prefix("draft-").tempfile_in(folder)?;
                file.write_all(bytes)?;
                Ok(Lent::Own(file))
            }
        }
    }

    /// All of it, to be read from its beginning.
    pub(crate) fn open(&self) -> std::io::Result<File> {
        match &self.place {
            Place::File(file) => file.reopen(),
            Place::Kept(path) => File::open(path),
            Place::Memory(bytes) => {
                let mut file = tempfile::tempfile()?;
                file.write_all(bytes)?;
                file.rewind()?;
                Ok(file)
            }
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
        match &self.place {
            Place::Memory(bytes) => {
                let mut file = tempfile::Builder::new().prefix("draft-").tempfile_in(folder)?;
                file.write_all(bytes)?;
                publish(file, path)
            }
            Place::File(from) => linked(from.path(), folder, path),
            Place::Kept(from) => linked(from, folder, path),
        }
    }
}

/// Gives a file a second name, or its copy where that cannot be: files are never changed once they are whole.
fn linked(from: &Path, folder: &Path, path: &Path) -> std::io::Result<()> {
    let draft = tempfile::Builder::new().prefix("draft-").make_in(folder, |draft| {
        std::fs::hard_link(from, draft).or_else(|_| std::fs::copy(from, draft).map(drop))?;
        File::open(draft)
    })?;
    publish(draft, path)
}

/// Gives a finished file its name, durably.
pub(crate) fn publish(file: NamedTempFile, path: &Path) -> std::io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
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
