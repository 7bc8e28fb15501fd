use super::{Download, Key, RemoteFile, links};
use crate::archs::{ARCHITECTURES, Architecture};
use crate::{Digest, Error, Result};

/// What is known about a model of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its folder in the cache, and what the list calls it.
    pub key: Key,
    /// Its name, as its authors have it.
    pub name: String,
    /// Its authors, most of them by nicknames.
    pub authors: Vec<String>,
    /// Its licence, as SPDX names it, if the list says it.
    pub licence: Option<String>,
    /// Its architecture, as the list calls it: small letters.
    pub architecture: String,
    /// How many times larger a picture becomes.
    pub scale: usize,
    /// What it is for, in words that people search for.
    pub tags: Vec<String>,
    /// What it is, in some sentences; empty if the list does not say it.
    pub description: String,
    /// Its files. Each is the whole model, in different formats.
    pub resources: Vec<Resource>,
}

/// A file with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What its name ends in, without the dot.
    pub kind: String,
    /// Its size.
    pub bytes: Option<u64>,
    /// Its digest.
    pub sha256: Option<Digest>,
    /// Where it lies: links to the same file.
    pub urls: Vec<String>,
}

/// Formats whose files hold weights alone, which need an architecture, most wanted first.
const WEIGHTS: [&str; 4] = ["safetensors", "pth", "pt", "ckpt"];

/// The format whose files hold the network.
const NETWORK: &str = "onnx";

/// Names that lists have for architectures of other names here, without hyphens.
const ALIASES: [(&str, &str); 4] =
    [("cugan", "realcugan"), ("realplksr", "plksr"), ("realplksrdysample", "plksr"), ("srvggnet", "compact")];

impl Entry {
    /// Its architecture, if amplio knows it.
    pub fn known_architecture(&self) -> Option<&'static Architecture> {
        let plain = |name: &str| -> String { name.chars().filter(char::is_ascii_alphanumeric).collect() };
        let name = plain(&self.architecture);
        let name = ALIASES.iter().find(|(theirs, _)| *theirs == name).map_or(name.as_str(), |(_, ours)| ours);
        ARCHITECTURES.iter().find(|architecture| plain(architecture.name) == name)
    }

    /// The file that amplio would take, and its links that lead to a file.
    ///
    /// # Errors
    /// If no file is one that amplio can read, or if all links need a browser.
    pub fn choice(&self) -> Result<(&Resource, Vec<String>)> {
        let known = self.known_architecture();
        let weights = if known.is_some() { &WEIGHTS[..] } else { &[] };
        let wanted = weights.iter().chain([&NETWORK]);
        let readable: Vec<_> =
            wanted.flat_map(|kind| self.resources.iter().filter(move |it| it.kind == **kind)).collect();
        let with_files = readable.iter().map(|resource| (*resource, resource.files()));
        if let Some(choice) = with_files.into_iter().find(|(_, files)| !files.is_empty()) {
            return Ok(choice);
        }
        match readable.first().and_then(|resource| resource.urls.first()) {
            Some(page) => Err(Error::Browser { name: self.name.clone(), page: page.clone() }),
            None => Err(Error::unsupported(self.why_not(known))),
        }
    }

    fn why_not(&self, known: Option<&Architecture>) -> String {
        let kinds: Vec<_> = self.resources.iter().map(|it| it.kind.as_str()).collect();
        match known {
            None => format!("{}: networks of the architecture {}", self.name, self.architecture),
            Some(_) => {
                format!("{}: there is no file of it that amplio reads, only {}", self.name, kinds.join(", "))
            }
        }
    }

    /// What to fetch.
    ///
    /// # Errors
    /// As [`Entry::choice`].
    pub fn download(&self) -> Result<Download> {
        let (resource, urls) = self.choice()?;
        let file = RemoteFile {
            name: format!("{}.{}", self.key, resource.kind),
            urls,
            bytes: resource.bytes,
            sha256: resource.sha256,
        };
        Ok(Download {
            key: self.key.clone(),
            name: self.name.clone(),
            licence: self.licence.clone(),
            files: vec![file],
        })
    }

    /// Whether every one of these words, in small letters, is somewhere in what is known.
    pub fn has(&self, words: &[String]) -> bool {
        let all = [self.key.as_str(), &self.name, &self.architecture, &self.description];
        let all = all.into_iter().chain(self.tags.iter().chain(&self.authors).map(String::as_str));
        let text = all.collect::<Vec<_>>().join("\n").to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }

    /// Whether people may call it so.
    pub fn is_called(&self, key: &Key) -> bool {
        self.key == *key || Key::of_name(&self.name).as_ref() == Some(key)
    }
}

impl Resource {
    /// The links that lead to a file.
    fn files(&self) -> Vec<String> {
        let direct = self.urls.iter().map(|url| links::direct(url));
        direct.filter(|url| links::is_followed(url) && !links::needs_browser(url)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(architecture: &str, resources: &[(&str, &str)]) -> Entry {
        let resource = |(kind, url): &(&str, &str)| Resource {
            kind: (*kind).into(),
            bytes: None,
            sha256: None,
            urls: vec![(*url).into()],
        };
        Entry {
            key: Key::new("4x-test").expect("a key"),
            name: "4x Test".into(),
            authors: vec!["Somebody".into()],
            licence: None,
            architecture: architecture.into(),
            scale: 4,
            tags: vec!["anime".into()],
            description: "Restores old films.".into(),
            resources: resources.iter().map(resource).collect(),
        }
    }

    #[test]
    fn architectures_have_other_names_in_lists() {
        for (theirs, ours) in [
            ("esrgan", "esrgan"),
            ("esrgan+", "esrgan"),
            ("realplksr-dysample", "plksr"),
            ("cugan", "real-cugan"),
        ] {
            assert_eq!(entry(theirs, &[]).known_architecture().map(|it| it.name), Some(ours));
        }
        assert!(entry("no-such-thing", &[]).known_architecture().is_none());
        for (_, ours) in ALIASES {
            assert!(entry(ours, &[]).known_architecture().is_some(), "{ours}");
        }
    }

    #[test]
    fn the_file_that_can_be_read_is_chosen() {
        let (pth, onnx) = (("pth", "https://a.b/c.pth"), ("onnx", "https://a.b/c.onnx"));
        let (drive, safe) =
            (("pth", "https://drive.google.com/x"), ("safetensors", "https://a.b/c.safetensors"));
        let choice = |architecture, resources: &[_]| {
            entry(architecture, resources).choice().map(|(resource, _)| resource.kind.clone()).ok()
        };
        assert_eq!(choice("esrgan", &[onnx, pth, safe]).as_deref(), Some("safetensors"));
        assert_eq!(choice("esrgan", &[onnx, drive]).as_deref(), Some("onnx"));
        assert_eq!(choice("no-such-thing", &[pth, onnx]).as_deref(), Some("onnx"));
        assert!(matches!(entry("esrgan", &[drive]).choice(), Err(Error::Browser { .. })));
        assert!(matches!(entry("no-such-thing", &[pth]).choice(), Err(Error::Unsupported { .. })));
        assert!(matches!(
            entry("esrgan", &[("bin", "https://a.b/c.bin")]).choice(),
            Err(Error::Unsupported { .. })
        ));
    }

    #[test]
    fn searches_look_everywhere() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let entry = entry("esrgan", &[]);
        assert!(entry.has(&words("films somebody 4x-test")) && entry.has(&[]));
        assert!(!entry.has(&words("films nobody")));
    }
}
