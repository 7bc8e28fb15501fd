//! Results as files, kept for requests that come again while they fit.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use super::subject::FileKind;
use crate::{Error, Result};

/// What the name of a result's remarks ends in.
const REMARKS: &str = ".remarks";

/// A folder of results.
pub(crate) struct Cache {
    folder: PathBuf,
    /// Bytes that the results may take.
    most: u64,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    all: HashMap<String, (Arc<Made>, u64)>,
    bytes: u64,
    clock: u64,
}

/// A result: a file. It lives as long as the cache or anyone else wants it.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) path: PathBuf,
    /// The request's content hash; a strong ETag.
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) file: FileKind,
    /// What people should know about it.
    pub(crate) remarks: Vec<String>,
    finished: SystemTime,
    /// Whether the cache has given it up; the last one who holds it removes the file.
    given_up: AtomicBool,
}

/// What is known about a result when it is finished.
pub(crate) struct Finished {
    pub(crate) file: FileKind,
    /// Width and height; of the first picture, if there are several.
    pub(crate) size: (u32, u32),
    pub(crate) remarks: Vec<String>,
}

impl Cache {
    /// Opens a folder, with the results that an earlier server has left in it. What was never finished is removed.
    pub(crate) fn open(folder: &Path, most: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
            let path = entry.map_err(Error::io(folder))?.path();
            match parse(&path) {
                Some(made) => found.push(made),
                None if is_remarks(&path) && path.with_extension("").exists() => {}
                None => drop(std::fs::remove_file(&path)),
            }
        }
        found.sort_by_key(|made| made.finished);
        let cache = Self { folder: folder.to_owned(), most, entries: Mutex::default() };
        for made in found {
            cache.insert(Arc::new(made));
        }
        Ok(cache)
    }

    /// The result of an earlier request, if its file can still be read.
    pub(crate) fn get(&self, key: &str) -> Option<Arc<Made>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clock += 1;
        let clock = entries.clock;
        let (made, used) = entries.all.get_mut(key)?;
        *used = clock;
        let made = made.clone();
        if made.open().is_err() {
            entries.give_up(key);
            return None;
        }
        Some(made)
    }

    /// Gives up results that were finished longer ago than this.
    pub(crate) fn tidy(&self, age: Duration) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let all = entries.all.values().map(|(made, _)| made);
        let old = all.filter(|made| made.finished.elapsed().is_ok_and(|own| own > age));
        let old: Vec<_> = old.map(|made| made.key.clone()).collect();
        old.iter().for_each(|key| entries.give_up(key));
    }

    /// A file for a result that is not finished.
    pub(crate) fn draft(&self) -> std::io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix("draft-").tempfile_in(&self.folder)
    }

    /// The folder; what is in it and no result is removed when it is opened again.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a finished result.
    pub(crate) fn keep(
        &self,
        key: &str,
        draft: NamedTempFile,
        finished: Finished,
    ) -> std::io::Result<Arc<Made>> {
        let Finished { file: kind, size: (width, height), remarks } = finished;
        // A name of its own: an earlier result of this key may still be held, and is removed when it is not.
        let own = uuid::Uuid::now_v7().simple();
        let path = self.folder.join(format!("{key}-{width}x{height}-{own}.{}", kind.extension));
        if !remarks.is_empty() {
            std::fs::write(remarks_of(&path), serde_json::to_vec(&remarks)?)?;
        }
        let file = draft.persist(&path).map_err(|error| error.error)?;
        let (bytes, finished) = (file.metadata()?.len(), SystemTime::now());
        let given_up = AtomicBool::new(false);
        let key = key.to_owned();
        let made =
            Arc::new(Made { path, key, bytes, width, height, file: kind, remarks, finished, given_up });
        self.insert(made.clone());
        Ok(made)
    }

    /// How many results there are, and their bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        (entries.all.len(), entries.bytes)
    }

    fn insert(&self, made: Arc<Made>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clock += 1;
        let clock = entries.clock;
        entries.give_up(&made.key);
        entries.bytes += made.bytes;
        entries.all.insert(made.key.clone(), (made, clock));
        while entries.bytes > self.most {
            let oldest = entries.all.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            entries.give_up(&oldest);
        }
    }
}

impl Entries {
    fn give_up(&mut self, key: &str) {
        if let Some((made, _)) = self.all.remove(key) {
            self.bytes -= made.bytes;
            made.given_up.store(true, Ordering::Relaxed);
        }
    }
}

impl Made {
    /// The file, open; it can be read on even if the cache gives it up.
    pub(crate) fn open(&self) -> std::io::Result<File> {
        File::open(&self.path)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if *self.given_up.get_mut() {
            let _ = std::fs::remove_file(&self.path);
            if !self.remarks.is_empty() {
                let _ = std::fs::remove_file(remarks_of(&self.path));
            }
        }
    }
}

/// The file of a result's remarks, if there are any; it is there before the result is.
fn remarks_of(result: &Path) -> PathBuf {
    let mut name = result.as_os_str().to_owned();
    name.push(REMARKS);
    name.into()
}

fn is_remarks(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(REMARKS.as_bytes())
}

/// A result of its file's name: `{key}-{width}x{height}-{own}.{extension}`.
fn parse(path: &Path) -> Option<Made> {
    let file = FileKind::of_extension(path.extension()?.to_str()?)?;
    let mut parts = path.file_stem()?.to_str()?.split('-');
    let (key, size, _own) = (parts.next()?, parts.next()?, parts.next()?);
    let (width, height) = size.split_once('x')?;
    let facts = path.metadata().ok()?;
    let remarks = std::fs::read(remarks_of(path)).unwrap_or_default();
    let sound = key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then_some(Made {
        path: path.to_owned(),
        key: key.to_owned(),
        bytes: facts.len(),
        width: width.parse().ok()?,
        height: height.parse().ok()?,
        file,
        remarks: serde_json::from_slice(&remarks).unwrap_or_default(),
        finished: facts.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        given_up: AtomicBool::new(false),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn key(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn put(cache: &Cache, digit: char, remarks: &[&str]) -> Arc<Made> {
        let mut draft = cache.draft().expect("a draft");
        draft.write_all(&[0; 100]).expect("written");
        let file = FileKind::of_extension("png").expect("png");
        let remarks = remarks.iter().map(|&remark| remark.to_owned()).collect();
        cache.keep(&key(digit), draft, Finished { file, size: (3, 4), remarks }).expect("kept")
    }

    #[test]
    fn the_least_used_go_first_and_files_live_while_they_are_held() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path(), 250).expect("opens");
        let held = put(&cache, 'a', &["dark"]);
        put(&cache, 'b', &[]);
        assert!(cache.get(&key('a')).is_some());
        put(&cache, 'c', &[]);
        assert!(cache.get(&key('b')).is_none(), "b was used before a");
        put(&cache, 'd', &[]);
        put(&cache, 'e', &[]);
        assert!(cache.get(&key('a')).is_none() && held.path.exists());
        let path = held.path.clone();
        drop(held);
        assert!(!path.exists() && !remarks_of(&path).exists());
        assert_eq!(cache.size(), (2, 200));
    }

    #[test]
    fn what_is_gone_or_old_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path(), 1000).expect("opens");
        let lost = put(&cache, 'a', &["dark"]);
        std::fs::remove_file(&lost.path).expect("removed");
        assert!(cache.get(&key('a')).is_none(), "there is nothing to be read");
        let old = put(&cache, 'b', &[]);
        old.open().expect("there").set_modified(SystemTime::UNIX_EPOCH).expect("long ago");
        drop((lost, old));
        let cache = Cache::open(folder.path(), 1000).expect("opens again");
        put(&cache, 'c', &[]);
        cache.tidy(Duration::from_secs(3600));
        assert!(cache.get(&key('b')).is_none() && cache.get(&key('c')).is_some());
        assert_eq!(cache.size(), (1, 100));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn results_survive_and_drafts_do_not() {
        let folder = tempfile::tempdir().expect("a folder");
        put(&Cache::open(folder.path(), 1000).expect("opens"), 'a', &["one frame is missing"]);
        for left in ["draft-x", "lost.mp4.remarks"] {
            std::fs::write(folder.path().join(left), "half").expect("written");
        }
        let again = Cache::open(folder.path(), 1000).expect("opens");
        let made = again.get(&key('a')).expect("kept");
        assert_eq!((made.width, made.height, made.bytes), (3, 4, 100));
        assert_eq!(made.remarks, ["one frame is missing"]);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "the rest is gone");
        assert_eq!(Cache::open(folder.path(), 10).expect("opens").size().0, 0);
    }
}
