use super::links;
use crate::{Digest, Error, Result};

/// What people type to name a model that is no file of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The name of a model of a list.
    Name(String),
    /// `hf:owner/repo/file@revision`: a file on a hub.
    Hub(HubFile),
    /// `https://…`: a link; `#sha256=…` at its end says what the file must be.
    Link {
        /// The link, without what follows `#`.
        url: String,
        /// The file's digest, if the link says it.
        sha256: Option<Digest>,
    },
}

/// A file on a Hugging Face hub (<https://huggingface.co/docs/hub>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    /// Who has the repository.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// The path of the file in it, with slashes.
    pub file: String,
    /// The branch, the tag or the commit.
    pub revision: String,
}

impl Reference {
    /// Reads what was typed. What begins neither like a link nor with `hf:` is a name.
    ///
    /// # Errors
    /// If it is a link that is not followed, or `hf:` with something else than a file behind it.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(place) = text.strip_prefix("hf:") {
            return HubFile::parse(place).map(Self::Hub);
        }
        if !text.contains("://") {
            return Ok(Self::Name(text.into()));
        }
        let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
        if !links::is_followed(url) {
            let what = format!(
                "the link {}: amplio follows https links, and http only to this machine",
                printable(text)
            );
            return Err(Error::unsupported(what));
        }
        let sha256 = fragment.strip_prefix("sha256=").map(str::parse).transpose();
        let sha256 = sha256.map_err(|what| Error::unsupported(format!("{}: {what}", printable(text))))?;
        Ok(Self::Link { url: links::direct(url), sha256 })
    }
}

impl HubFile {
    /// Reads `owner/repo/path/of/file@revision`; without a revision it is `main`.
    fn parse(place: &str) -> Result<Self> {
        let wrong = || {
            let what = format!(
                "hf:{}: a file on a hub is hf:owner/repo/file or hf:owner/repo/file@revision",
                printable(place)
            );
            Error::unsupported(what)
        };
        let (path, revision) = place.rsplit_once('@').unwrap_or((place, "main"));
        let mut parts = path.splitn(3, '/');
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned).ok_or_else(wrong);
        let found = Self { owner: part()?, repo: part()?, file: part()?, revision: revision.into() };
        let is_sound = |path: &str, more: &str| {
            let fits = |c: char| c.is_alphanumeric() || "._-".contains(c) || more.contains(c);
            path.split('/').all(|folder| {
                !folder.is_empty() && folder != "." && folder != ".." && folder.chars().all(fits)
            })
        };
        let sound = is_sound(&found.owner, "") && is_sound(&found.repo, "") && is_sound(&found.revision, "");
        if sound && is_sound(&found.file, " +()[],=~!") { Ok(found) } else { Err(wrong()) }
    }

    /// The link to the file on the hub at `hub`, such as `https://huggingface.co`.
    pub fn url(&self, hub: &str) -> String {
        let Self { owner, repo, file, revision } = self;
        let revision = revision.replace('/', "%2F");
        format!("{}/{owner}/{repo}/resolve/{revision}/{}", hub.trim_end_matches('/'), encoded(file))
    }
}

/// A path as links have it: what is no letter, digit or one of a few signs becomes a percent sign and its bytes.
pub(super) fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let byte = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(byte).collect()
}

/// What was typed, safe to be said again.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_names_files_on_a_hub_or_links() {
        assert_eq!(Reference::parse("4x-Test").ok(), Some(Reference::Name("4x-Test".into())));
        let Ok(Reference::Hub(file)) = Reference::parse("hf:a/b/c/my model.pth@v1") else {
            panic!("a file on a hub")
        };
        assert_eq!(file.url("https://hub.example/"), "https://hub.example/a/b/resolve/v1/c/my%20model.pth");
        let Ok(Reference::Hub(file)) = Reference::parse("hf:a/b/c.pth") else { panic!("a file on a hub") };
        assert_eq!(file.revision, "main");
        let digest = "0".repeat(64);
        let Ok(Reference::Link { url, sha256: Some(_) }) =
            Reference::parse(&format!("https://a.b/c#sha256={digest}"))
        else {
            panic!("a link")
        };
        assert_eq!(url, "https://a.b/c");
        let blob = Reference::parse("https://github.com/a/b/blob/main/c.pth");
        assert!(matches!(blob, Ok(Reference::Link { url, .. }) if url.ends_with("/raw/main/c.pth")));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for wrong in [
            "hf:",
            "hf:a",
            "hf:a/b",
            "hf:a/b/",
            "hf:a/b/../c",
            "hf:a/b/c@",
            "hf:a/b/c?d",
            "hf:../b/c",
            "hf:a/b/c\u{7}",
            "http://a.b/c.pth",
            "ftp://a.b/c",
            "https://a.b/c#sha256=12",
            "https://me:pw@a.b/c",
        ] {
            assert!(Reference::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
