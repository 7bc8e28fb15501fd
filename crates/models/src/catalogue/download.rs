use super::{Key, Reference, links};
use crate::{Digest, Error, Result};

/// The files that make a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Their folder in the cache.
    pub key: Key,
    /// What people call the model.
    pub name: String,
    /// Its licence, as SPDX names it, if it is known.
    pub licence: Option<String>,
    /// The files, the one to be loaded first.
    pub files: Vec<RemoteFile>,
}

/// A file that lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name in the cache.
    pub name: String,
    /// Links to it; each leads to the same file.
    pub urls: Vec<String>,
    /// Its size, if it is known before.
    pub bytes: Option<u64>,
    /// Its digest, if it is known before.
    pub sha256: Option<Digest>,
}

/// The most characters of a file's name, of which the beginning is cut.
const LONGEST_NAME: usize = 80;

impl Download {
    /// The files of a link or of a file on the hub at `hub`; nothing for a name, which an entry of a list must explain.
    ///
    /// # Errors
    /// If the link leads to a page.
    pub fn of(reference: &Reference, hub: &str) -> Result<Option<Self>> {
        let (name, url, sha256) = match reference {
            Reference::Name(_) => return Ok(None),
            Reference::Hub(file) => {
                let name = format!("hf:{}/{}/{}@{}", file.owner, file.repo, file.file, file.revision);
                (name, file.url(hub), None)
            }
            Reference::Link { url, sha256 } => (url.clone(), url.clone(), *sha256),
        };
        if links::needs_browser(&url) {
            return Err(Error::Browser { page: url, name });
        }
        let file = file_name(&url);
        let key = Key::of_origin(file.split('.').next().unwrap_or_default(), &name);
        let mut files = vec![RemoteFile { name: file, urls: vec![url], bytes: None, sha256 }];
        files.extend(files[0].companion());
        Ok(Some(Self { key, name, licence: None, files }))
    }

    /// The bytes of all files, if they are known before.
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The hosts of the files, the first ones if they lie on several.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<_> =
            self.files.iter().filter_map(|file| file.urls.first()).map(|url| links::host(url)).collect();
        hosts.dedup();
        hosts
    }
}

impl RemoteFile {
    /// A file of this name in the same folder.
    #[cfg(feature = "download")]
    pub(crate) fn beside(&self, name: &str) -> Self {
        let beside = |url: &String| {
            let path = links::path(url);
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            url.replacen(path, &format!("{folder}/{}", super::reference::encoded(name)), 1)
        };
        Self { name: name.into(), urls: self.urls.iter().map(beside).collect(), bytes: None, sha256: None }
    }

    /// The second file of a network in NCNN's format, which lies beside the first one.
    fn companion(&self) -> Option<Self> {
        let name = self.name.strip_suffix(".param")?;
        let beside = |url: &String| {
            let path = links::path(url);
            Some(url.replacen(path, &format!("{}.bin", path.strip_suffix(".param")?), 1))
        };
        let urls = self.urls.iter().filter_map(beside).collect();
        Some(Self { name: format!("{name}.bin"), urls, bytes: None, sha256: None })
    }
}

/// A name for the file of a link, safe on every file system.
fn file_name(url: &str) -> String {
    let last = links::path(url).rsplit('/').next().unwrap_or_default().replace("%20", "_");
    let fits = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let safe: Vec<char> = last.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let name: String = safe[safe.len().saturating_sub(LONGEST_NAME)..].iter().collect();
    let name = name.trim_matches(['.', '_', '-']);
    if name.is_empty() { "model".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Download {
        let reference = Reference::parse(text).expect("a reference");
        Download::of(&reference, "https://hub.example").expect("files").expect("no name")
    }

    #[test]
    fn links_become_files_with_safe_names() {
        for (url, name) in [
            ("https://a.b/c/d.pth?token=1", "d.pth"),
            ("https://a.b/my%20model.pth", "my_model.pth"),
            ("https://a.b/..%2f..%2fpasswd", "2f.._2fpasswd"),
            ("https://a.b/", "model"),
            ("https://a.b", "model"),
        ] {
            assert_eq!(of(url).files[0].name, name, "{url}");
        }
        assert_ne!(of("https://a.b/d.pth").key, of("https://a.c/d.pth").key);
        let file = of("hf:a/b/c.pth@v1");
        assert_eq!((file.name.as_str(), file.hosts()), ("hf:a/b/c.pth@v1", vec!["hub.example"]));
    }

    #[test]
    fn a_network_of_ncnn_has_two_files() {
        let files = of("https://a.b/x.param/y.param?v=1").files;
        assert_eq!(files.len(), 2);
        assert_eq!(
            (files[1].name.as_str(), files[1].urls[0].as_str()),
            ("y.bin", "https://a.b/x.param/y.bin?v=1")
        );
    }
}
