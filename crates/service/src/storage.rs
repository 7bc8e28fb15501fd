//! Where inputs come from and outputs go: files and buckets that the server may use, and the web.

#[cfg(test)]
mod conformance;
pub(crate) mod fetch;

use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::spool::{Content, Spool};
use crate::{Error, Result};
use fetch::Fetcher;

/// All places that the server may use.
pub(crate) struct Storage {
    roots: Vec<Root>,
    pub(crate) fetcher: Fetcher,
    most: u64,
}

/// A folder or a bucket, or a part of one.
pub(crate) struct Root {
    /// Ends in a slash.
    url: Url,
    pub(crate) store: Arc<dyn ObjectStore>,
}

type Answer<T> = std::result::Result<T, Refusal>;

impl Root {
    /// Opens a place that a setting names; a folder that is not there is made.
    pub(crate) fn open(setting: &str, place: &str, options: &[(String, String)]) -> Result<Self> {
        let root = Self::new(setting, place, options)?;
        if root.url.scheme() == "file"
            && let Ok(folder) = root.url.to_file_path()
        {
            std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        Ok(root)
    }

    /// Understands a place: `file:/folder`, `s3://bucket/prefix`, `gs://…`, `az://…`.
    fn new(setting: &str, place: &str, options: &[(String, String)]) -> Result<Self> {
        let wrong = |what: &dyn std::fmt::Display| Error::setting(setting, format!("{place}: {what}"));
        let mut url = Url::parse(place).map_err(|e| wrong(&e))?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        if url.scheme() == "file" {
            url.to_file_path().map_err(|()| wrong(&"this is no folder"))?;
        }
        let options = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let (store, prefix) = object_store::parse_url_opts(&url, options).map_err(|e| wrong(&e))?;
        Ok(Self { url, store: Arc::new(PrefixStore::new(store, prefix)) })
    }

    /// The key of a URL, if it is one of this place.
    fn key(&self, url: &Url) -> Option<Key> {
        let rest = url.as_str().strip_prefix(self.url.as_str())?;
        Key::from_url_path(rest).ok()
    }
}

/// Checks the places that the settings name, and makes and asks nothing.
///
/// # Errors
/// If one of them could not be opened.
pub(crate) fn check(settings: &Settings) -> Result<()> {
    let storage = settings.storage.iter().map(|place| ("storage", place));
    let mut places = storage.chain(settings.media.iter().map(|place| ("media", place)));
    places.try_for_each(|(setting, place)| Root::new(setting, place, &settings.storage_options).map(drop))
}

impl Storage {
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        let roots =
            settings.storage.iter().map(|place| Root::open("storage", place, &settings.storage_options));
        let roots = roots.collect::<Result<_>>()?;
        let fetcher = Fetcher::new(settings.private_urls, settings.idle_time)?;
        Ok(Self { roots, fetcher, most: settings.max_upload })
    }

    /// Whether a URL may be read, or be written to.
    ///
    /// # Errors
    /// If it is none, or leads to a place that the server may not use.
    pub(crate) fn check(&self, text: &str, writes: bool) -> Answer<()> {
        let url = parse(text)?;
        match url.scheme() {
            "http" | "https" if writes => {
                Err(Refusal::invalid(format!("{text}: nothing can be written there")))
            }
            "http" | "https" => self.fetcher.check(&url),
            _ => self.find(&url).map(drop),
        }
    }

    /// The URL of a key in a bucket: `s3://BUCKET/KEY`, or below a place whose path ends in the bucket's name.
    ///
    /// # Errors
    /// If there is no such place, or the key leads elsewhere.
    pub(crate) fn place(&self, bucket: &str, key: &str) -> Answer<String> {
        let refused = |what: &str| Refusal::new(Code::Forbidden, format!("{bucket}/{key}: {what}"));
        if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refused("a key is made of names with '/' between them"));
        }
        let is_bucket = |url: &Url| url.scheme() == "s3" && url.host_str() == Some(bucket);
        let last = |url: &Url| {
            url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty())?.to_owned().into())
        };
        let root = self.roots.iter().map(|root| &root.url);
        let mut root = root.filter(|url| is_bucket(url) || last(url).as_deref() == Some(bucket));
        let mut url = root.next().cloned().ok_or_else(|| {
            refused("there is no such bucket among the places that this server may use (its setting storage)")
        })?;
        if is_bucket(&url) {
            url.set_path("/");
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(key.split('/'));
        }
        self.find(&url)?;
        Ok(url.into())
    }

    /// Reads what is at a URL, into `folder` if it is large.
    pub(crate) async fn read(&self, text: &str, folder: &Path) -> Answer<Content> {
        let url = parse(text)?;
        if matches!(url.scheme(), "http" | "https") {
            return self.fetcher.fetch(url, self.most, folder).await;
        }
        let (root, key) = self.find(&url)?;
        let found = root.store.get(&key).await.map_err(|e| explained(text, &e))?;
        if found.meta.size > self.most {
            return Err(Refusal::too_large(
                "max-upload",
                self.most,
                format!("{text} has {} bytes", found.meta.size),
            ));
        }
        let mut pieces = found.into_stream();
        let mut spool = Spool::new(folder);
        while let Some(piece) = pieces.try_next().await.map_err(|e| explained(text, &e))? {
            spool.push(&piece).map_err(Refusal::internal)?;
        }
        Ok(spool.finish())
    }

    /// Writes a file to a URL: whole or not at all, in parts if it is large.
    pub(crate) async fn write_file(&self, text: &str, path: &Path) -> Answer<()> {
        let url = parse(text)?;
        let (root, key) = self.find(&url)?;
        copy(path, root.store.clone(), key, text).await
    }

    /// The URLs of everything below a URL that ends in `/`, in order.
    pub(crate) async fn list(&self, text: &str, most: u64) -> Answer<Vec<String>> {
        let url = parse(text)?;
        let (root, key) = self.find(&url)?;
        let mut found = Vec::new();
        let mut objects = root.store.list(Some(&key));
        while let Some(object) = objects.try_next().await.map_err(|e| explained(text, &e))? {
            if found.len() as u64 >= most {
                return Err(Refusal::too_large(
                    "max-batch",
                    most,
                    format!("there are more than {most} things at {text}"),
                ));
            }
            let mut url = root.url.clone();
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().extend(object.location.parts().map(|part| part.as_ref().to_owned()));
            }
            found.push(url.to_string());
        }
        found.sort();
        Ok(found)
    }

    fn find(&self, url: &Url) -> Answer<(&Root, Key)> {
        let found = self.roots.iter().find_map(|root| Some((root, root.key(url)?)));
        found.ok_or_else(|| {
            let what = format!("{url} is not in a place that this server may use (its setting storage)");
            Refusal::new(Code::Forbidden, what)
        })
    }
}

/// Copies a file to a store, whole or not at all; `what` it is called in words.
pub(crate) async fn copy(path: &Path, store: Arc<dyn ObjectStore>, key: Key, what: &str) -> Answer<()> {
    let mut from = tokio::fs::File::open(path).await.map_err(Refusal::internal)?;
    let mut to = BufWriter::new(store, key);
    let unreachable = |error: std::io::Error| Refusal::new(Code::Unreachable, format!("{what}: {error}"));
    match tokio::io::copy(&mut from, &mut to).await {
        Ok(_) => to.shutdown().await.map_err(unreachable),
        Err(error) => {
            // What has arrived of it is thrown away there.
            let _ = to.abort().await;
            Err(unreachable(error))
        }
    }
}

/// The last part of a URL's path, which is a file's name.
pub(crate) fn last_part(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    let last = parsed.as_ref().and_then(|url| url.path_segments()?.next_back());
    last.filter(|name| !name.is_empty()).unwrap_or("picture").to_owned()
}

fn parse(text: &str) -> Answer<Url> {
    let url = Url::parse(text).map_err(|e| Refusal::invalid(format!("{text} is no URL: {e}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::invalid("a URL with a password in it is not used"));
    }
    Ok(url)
}

fn explained(text: &str, error: &object_store::Error) -> Refusal {
    match error {
        object_store::Error::NotFound { .. } => Refusal::not_found(format!("there is nothing at {text}")),
        error => Refusal::new(Code::Unreachable, format!("{text}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(folder: &Path) -> Storage {
        let place = Url::from_file_path(folder).expect("a folder").to_string();
        let settings = Settings { storage: vec![place], ..Settings::default() };
        Storage::open(&settings).expect("opens")
    }

    #[test]
    fn nothing_outside_of_the_places_is_reached() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("in");
        let storage = storage(&inside);
        let place = Url::from_directory_path(&inside).expect("a folder").to_string();
        storage.check(&format!("{place}a.png"), true).expect("inside");
        let outside = ["../secret", "..%2Fsecret", "%2e%2e/secret", "a/../../secret", "a/..%2f..%2fsecret"];
        for path in outside {
            let refused = storage.check(&format!("{place}{path}"), false).expect_err(path);
            assert_eq!(refused.code, Code::Forbidden, "{path}");
        }
        for url in [
            "file:///etc/passwd",
            "s3://other/key",
            "ftp://example.org/a",
            "https://u:p@example.org/",
            "a.png",
        ] {
            assert!(storage.check(url, false).is_err(), "{url}");
        }
        assert!(storage.check("https://example.org/a.png", true).is_err());
    }
}
