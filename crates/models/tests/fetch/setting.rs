//! A cache in a folder of its own, and a model to fetch into it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use amplio_models::cache::Stored;
use amplio_models::catalogue::{Download, Key, RemoteFile};
use amplio_models::fetch::{Event, Fetcher, Patience, Settings};
use amplio_models::{Digest, Error, Result};
use amplio_testkit::http::Request;

/// A folder that disappears with the test, and what is fetched into it.
pub(crate) struct Cache {
    folder: tempfile::TempDir,
    pub(crate) settings: Settings,
}

/// Nobody waits long in tests.
const PATIENCE: Patience = Patience {
    rounds: 3,
    pause: Duration::from_millis(1),
    longest_pause: Duration::from_secs(3),
    silence: Duration::from_millis(500),
};

impl Cache {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings =
            Settings { patience: PATIENCE, limit: 4 << 20, ..Settings::new(folder.path().join("cache")) };
        Self { folder, settings }
    }

    pub(crate) fn fetcher(&self) -> Fetcher {
        Fetcher::new(self.settings.clone()).expect("a fetcher")
    }

    pub(crate) fn pull(&self, download: &Download) -> Result<Stored> {
        self.fetcher().pull(download, &mut |_: Event<'_>| ControlFlow::Continue(()))
    }

    /// Pulls, and finds the file to be these bytes.
    #[track_caller]
    pub(crate) fn pulls(&self, download: &Download, bytes: &[u8]) {
        let stored = self.pull(download).unwrap_or_else(|error| panic!("{error}"));
        let path = stored.path().expect("a whole model");
        assert!(std::fs::read(path).expect("a file") == bytes, "the right bytes");
        stored.verify().expect("the right digest");
        assert_eq!(self.leftovers(), Vec::<PathBuf>::new());
    }

    /// Fails to pull, says so, and keeps no model.
    #[track_caller]
    pub(crate) fn refuses(&self, download: &Download, what: &str) -> Error {
        let error = self.pull(download).expect_err("nothing to be had");
        assert!(error.to_string().contains(what), "{error}: does not say {what:?}");
        assert!(self.fetcher().cached(download).is_none());
        error
    }

    /// Files that belong to no whole model.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        let mut folders = vec![self.folder.path().join("cache/files")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().contains(".part") || path.to_string_lossy().ends_with(".new")
                {
                    left.push(path);
                }
            }
        }
        left
    }
}

/// Bytes that begin as a safetensors file does and are the same nowhere.
pub(crate) fn model() -> Vec<u8> {
    let mut bytes = vec![8, 0, 0, 0, 0, 0, 0, 0, b'{'];
    bytes.extend((0..300_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()));
    bytes
}

/// A model whose digest is known.
pub(crate) fn known(urls: &[String], bytes: &[u8]) -> Download {
    let mut download = unknown(urls);
    download.files[0].bytes = Some(bytes.len() as u64);
    download.files[0].sha256 = Some(Digest::of(bytes));
    download
}

/// A model of which nothing is known.
pub(crate) fn unknown(urls: &[String]) -> Download {
    let file = RemoteFile { name: "test.safetensors".into(), urls: urls.to_vec(), bytes: None, sha256: None };
    let key = Key::new("4x-test").expect("a key");
    Download { key, name: "4x Test".into(), licence: Some("MIT".into()), files: vec![file] }
}

/// Where the ranges that were asked for begin.
pub(crate) fn begins(requests: &[Request]) -> Vec<usize> {
    requests.iter().map(Request::from).collect()
}
