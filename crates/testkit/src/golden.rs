//! The golden cases under `testdata/golden`: what the reference implementations answer, as files. They are found by
//! walking the folders; nothing lists them.

use std::path::{Path, PathBuf};

use amplio_graph::Tensor;
use serde_json::Value;

use crate::npy;

/// A folder with an `expect.json`.
#[derive(Clone, Debug)]
pub struct Case {
    /// The folder's path below the root, with slashes: for example `archs/esrgan/old-x2`.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// What `expect.json` says.
    pub expect: Value,
}

impl Case {
    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether it has a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.file(name).is_file()
    }

    /// What the network is given: `input.npy`. Panics if it cannot be read.
    pub fn input(&self) -> Tensor {
        npy::read(&self.file("input.npy"))
    }

    /// What the network answers: `output.npy`. Panics if it cannot be read.
    pub fn output(&self) -> Tensor {
        npy::read(&self.file("output.npy"))
    }

    /// A number of `expect.json`. Panics if there is none of this name.
    pub fn number(&self, key: &str) -> f64 {
        self.expect[key].as_f64().unwrap_or_else(|| panic!("{}: no number {key} in expect.json", self.name))
    }
}

/// The folder of all golden cases.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden")
}

/// The folder into which `tools/fetch-weights` puts the real models, and `tools/clients/setup` the clients of the server.
pub fn weights() -> PathBuf {
    let folder =
        |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches =
        || folder("XDG_CACHE_HOME").unwrap_or_else(|| folder("HOME").unwrap_or_default().join(".cache"));
    folder("AMPLIO_TEST_CACHE").unwrap_or_else(|| caches().join("amplio-test"))
}

/// All cases below a folder of [`root`] (`archs`, `ncnn`; the empty path for all), by name. Panics if there is none, or if
/// one cannot be read: a test that finds nothing to test must not pass.
pub fn cases(below: &str) -> Vec<Case> {
    let mut found = Vec::new();
    walk(&root().join(below), below.trim_matches('/'), &mut found);
    assert!(!found.is_empty(), "no golden cases below {}", root().join(below).display());
    found
}

fn walk(folder: &Path, name: &str, found: &mut Vec<Case>) {
    let fail = |what: &dyn std::fmt::Display| -> ! { panic!("{}: {what}", folder.display()) };
    let expect = folder.join("expect.json");
    if expect.is_file() {
        let text = std::fs::read_to_string(&expect).unwrap_or_else(|e| fail(&e));
        let expect = serde_json::from_str(&text).unwrap_or_else(|e| fail(&e));
        found.push(Case { name: name.to_owned(), folder: folder.to_owned(), expect });
    }
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| fail(&e));
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    for inner in folders {
        let own = inner.file_name().unwrap_or_default().to_string_lossy();
        let name = if name.is_empty() { own.into_owned() } else { format!("{name}/{own}") };
        walk(&inner, &name, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_array_can_be_read() {
        for case in cases("") {
            assert!(root().join(&case.name).join("expect.json").is_file());
            for file in ["input.npy", "output.npy"] {
                if case.has(file) {
                    let shape = npy::read(&case.file(file)).shape().clone();
                    assert_eq!(shape.rank(), 4, "{}: {file} is {shape}", case.name);
                }
            }
        }
    }
}
