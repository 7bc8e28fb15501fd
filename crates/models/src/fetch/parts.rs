//! The files that a file names, in which the rest of its model lies: the numbers of an ONNX file, the parts of an index.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::contents::HEAD;
use crate::formats::{self, Input};
use crate::{Error, Limits, Result};

/// The most files.
const MOST: usize = 64;

/// The most characters of a name.
const LONGEST: usize = 100;

/// What the cache writes beside files.
const TAKEN: [&str; 3] = [".part", ".json", ".new"];

/// The names of the files that the model in this file needs beside it.
///
/// # Errors
/// If the file is unsound, or asks for files with names that a cache does not give to files.
pub(super) fn of(path: &Path) -> Result<Vec<String>> {
    let limits = Limits::default();
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.map_err(Error::io(path))?;
    let Some(beside) = formats::detect(&head, Some(path)).and_then(|format| format.beside) else {
        return Ok(Vec::new());
    };
    let bytes = limits.read_file(path)?;
    let names = beside(&Input { bytes: &bytes, path: Some(path), limits: &limits })?;
    if names.len() > MOST {
        return Err(Error::limit(format!("{} files beside it", names.len()), MOST));
    }
    match names.iter().find(|name| !is_plain(name) || path.ends_with(name)) {
        Some(name) => Err(Error::unsupported(format!(
            "a model with numbers in {name:?}: they are fetched from the folder of the file itself, under plain names"
        ))),
        None => Ok(names),
    }
}

/// Whether it is the name of a file in the same folder, safe on every file system.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._+- ".contains(c);
    let ends = |c: char| c.is_ascii_alphanumeric();
    name.len() <= LONGEST
        && name.chars().all(fits)
        && name.starts_with(ends)
        && name.ends_with(ends)
        && !TAKEN.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["x.onnx.data", "model-00001-of-00002.safetensors", "weights.pb"] {
            assert!(is_plain(name), "{name}");
        }
        for name in
            ["", "../x", "a/b", "a\\b", ".x", "x.", "model.json", "x.part", "x\0", "c:x", &"a".repeat(200)]
        {
            assert!(!is_plain(name), "{name}");
        }
    }
}
