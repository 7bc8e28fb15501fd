//! Numbers that lie in files beside the model, which therefore may be larger than a message can be.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::malformed;
use crate::{Error, Limits, Result};

/// Reads parts of files in the model's folder, and in none other.
#[derive(Debug)]
pub(super) struct External<'a> {
    folder: Option<&'a Path>,
    left: usize,
    limit: usize,
    open: HashMap<PathBuf, File>,
}

/// The most files at once.
const MOST_FILES: usize = 64;

impl<'a> External<'a> {
    /// The files beside the model at `path`.
    pub(super) fn beside(path: Option<&'a Path>, limits: &Limits) -> Self {
        let folder = path.map(|path| path.parent().unwrap_or(Path::new("")));
        Self { folder, left: limits.file_bytes, limit: limits.file_bytes, open: HashMap::new() }
    }

    /// The `expected` bytes of a tensor, whose place these entries tell: the file's name, where it begins, its length.
    pub(super) fn read(&mut self, entries: &[(&str, &str)], expected: usize) -> Result<Cow<'static, [u8]>> {
        let entry = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let number = |name: &str, default: u64| match entry(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| malformed(format!("external data with {name} {text:?}"))),
        };
        let location = entry("location").ok_or_else(|| malformed("external data without a location"))?;
        let (offset, length) = (number("offset", 0)?, number("length", expected as u64)?);
        if length != expected as u64 {
            let what = format!("{length} bytes of external data where {expected} are needed");
            return Err(malformed(what));
        }
        self.left = self
            .left
            .checked_sub(expected)
            .ok_or_else(|| Error::limit("bytes of external data", self.limit))?;
        let path = self.path(location)?;
        let fail = |source| Error::Io { path: path.clone(), source };
        if !self.open.contains_key(&path) {
            if self.open.len() == MOST_FILES {
                return Err(Error::limit("files of external data", MOST_FILES));
            }
            self.open.insert(path.clone(), File::open(&path).map_err(fail)?);
        }
        let Some(file) = self.open.get_mut(&path) else { return Err(malformed("external data")) };
        // The file tells its size before memory is taken for what it is said to hold.
        let size = file.metadata().map_err(fail)?.len();
        if offset.checked_add(length).is_none_or(|end| end > size) {
            let what = format!("{location} has {size} bytes, and {length} from {offset} on are needed");
            return Err(malformed(what));
        }
        let mut bytes = vec![0; expected];
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(fail)?;
        Ok(bytes.into())
    }

    /// The file of this name: in the model's folder or below it, also after links have been followed.
    fn path(&self, location: &str) -> Result<PathBuf> {
        let folder = self.folder.ok_or_else(|| {
            Error::not_found(format!("the numbers lie in {location}, which cannot be found without a path"))
        })?;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        let path = folder.join(location);
        let outside =
            || malformed(format!("external data at {location:?}, which is not in the folder of the model"));
        if location.is_empty() || location.contains('\\') || !Path::new(location).components().all(plain) {
            return Err(outside());
        }
        let fail = |source| Error::Io { path: path.clone(), source };
        let real = path.canonicalize().map_err(fail)?;
        if !real.starts_with(folder.canonicalize().map_err(fail)?) {
            return Err(outside());
        }
        if !real.is_file() {
            return Err(malformed(format!("external data at {location:?}, which is no file")));
        }
        Ok(real)
    }
}
