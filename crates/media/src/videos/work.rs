//! Finished segments in a folder, so that work goes on after any interruption.
//!
//! A segment is two files: its packets (NUT, times counted from its first frame), and beside them what is known of it. The
//! second is written last and appears whole, after the packets are on the disk: where it is, the segment is finished.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Mark;
use crate::{Error, Result};

/// Whose work it is.
const KEY: &str = "key.txt";

/// Held while someone works.
const LOCK: &str = "lock";

/// What is known of a finished segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// How many frames it has.
    pub frames: u64,
    /// The time of its first frame.
    pub first: i64,
    /// The time of its last frame, and the digest of that frame of the *input*.
    pub last: (i64, String),
    /// The length of its packets' file.
    pub bytes: u64,
    /// Whether no segment follows.
    pub is_last: bool,
}

/// A folder of segments, held by one process at a time unless it is shared.
#[derive(Debug)]
pub struct Work {
    folder: PathBuf,
    /// Held until this is dropped.
    _lock: File,
}

impl Work {
    /// Opens a folder for work with this key, and makes it if need be. Work with another key is thrown away, unless the
    /// folder is shared.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if another process works there, or if a shared folder has another key; [`Error::Io`].
    pub fn open(folder: &Path, key: &str, shared: bool) -> Result<Self> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let lock = folder.join(LOCK);
        let file = File::create(&lock).map_err(at(&lock))?;
        let locked = if shared { file.try_lock_shared() } else { file.try_lock() };
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            let what = format!("another amplio works in {}", folder.display());
            return Err(Error::unsupported(what));
        }
        let work = Self { folder: folder.into(), _lock: file };
        match fs::read_to_string(folder.join(KEY)) {
            Ok(found) if found == key => {}
            Ok(_) if shared => {
                let what = format!("{} holds work with other options, or of another video", folder.display());
                return Err(Error::unsupported(what));
            }
            _ => {
                if !shared {
                    work.clear()?;
                }
                work.publish(KEY, key.as_bytes())?;
            }
        }
        Ok(work)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The finished segments, by number.
    pub fn segments(&self) -> BTreeMap<u64, Segment> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return BTreeMap::new() };
        let numbers = entries.filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".json")?.parse::<u64>().ok()
        });
        numbers.filter_map(|number| Some((number, self.segment(number)?))).collect()
    }

    /// What is known of a segment, if it is finished and its packets are there.
    fn segment(&self, number: u64) -> Option<Segment> {
        let bytes = fs::read(self.note(number)).ok()?;
        let segment = Segment::from(&serde_json::from_slice(&bytes).ok()?)?;
        let length = fs::metadata(self.packets(number)).ok()?.len();
        (length == segment.bytes).then_some(segment)
    }

    /// The file of a segment's packets.
    pub fn packets(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:06}.nut"))
    }

    fn note(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:06}.json"))
    }

    /// A file for the packets of a segment that is being made.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(&self, number: u64) -> Result<File> {
        let path = self.draft(number);
        File::create(&path).map_err(at(&path))
    }

    fn draft(&self, number: u64) -> PathBuf {
        // Two processes that share the folder may make the same segment.
        self.folder.join(format!("{number:06}.{}.part", std::process::id()))
    }

    /// Keeps a segment that was made in the file of [`Work::begin`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep(&self, number: u64, segment: &Segment) -> Result<()> {
        let (draft, packets) = (self.draft(number), self.packets(number));
        let file = File::options().write(true).open(&draft).map_err(at(&draft))?;
        file.sync_all().map_err(at(&draft))?;
        fs::rename(&draft, &packets).map_err(at(&packets))?;
        self.publish(&format!("{number:06}.json"), segment.told().to_string().as_bytes())
    }

    /// Throws a segment's draft away.
    pub fn discard(&self, number: u64) {
        let _ = fs::remove_file(self.draft(number));
    }

    /// Throws all work away, and the folder too if nothing else is in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(self) -> Result<()> {
        self.clear()?;
        let _ = fs::remove_file(self.folder.join(LOCK));
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }

    /// Removes the files of this module, and no others.
    fn clear(&self) -> Result<()> {
        for entry in fs::read_dir(&self.folder).map_err(at(&self.folder))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let numbered = name.split_once('.').is_some_and(|(number, rest)| {
                number.parse::<u64>().is_ok()
                    && (rest == "nut" || rest == "json" || rest.ends_with("part") || rest.ends_with("tmp"))
            });
            if numbered || name.starts_with(KEY) {
                fs::remove_file(&path).map_err(at(&path))?;
            }
        }
        Ok(())
    }

    /// Writes a small file that appears whole, on the disk.
    fn publish(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (draft, path) =
            (self.folder.join(format!("{name}.{}.tmp", std::process::id())), self.folder.join(name));
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            // Not every system lets a folder be synchronised.
            let _ = File::open(&self.folder).and_then(|folder| folder.sync_all());
            Ok(())
        };
        write().map_err(at(&path))
    }
}

impl Segment {
    /// The place behind it, if `frames` come before it.
    pub fn mark(&self, frames: u64) -> Mark {
        Mark { frames: frames + self.frames, pts: self.last.0, digest: self.last.1.clone() }
    }

    fn told(&self) -> Value {
        json!({
            "frames": self.frames, "first": self.first, "last": self.last.0, "digest": self.last.1,
            "bytes": self.bytes, "is_last": self.is_last,
        })
    }

    fn from(told: &Value) -> Option<Self> {
        Some(Self {
            frames: told["frames"].as_u64()?,
            first: told["first"].as_i64()?,
            last: (told["last"].as_i64()?, told["digest"].as_str()?.to_owned()),
            bytes: told["bytes"].as_u64()?,
            is_last: told["is_last"].as_bool()?,
        })
    }
}

/// The system's error with the file.
fn at(path: &Path) -> impl Fn(std::io::Error) -> Error + use<'_> {
    |source| Error::Io { path: Some(path.to_owned()), source }
}
