//! What people and hosts take for model files.

/// Something else than a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistaken {
    Empty,
    Page,
    /// What Git LFS leaves in the place of a large file.
    Pointer,
    /// An archive of this kind, which is not looked into.
    Archive(&'static str),
    /// A picture in this format.
    Picture(&'static str),
    Text,
}

/// How many bytes of a file tell what it is.
const HEAD: usize = 256;

const ARCHIVES: [(&str, &[u8]); 3] =
    [("7z", b"7z\xbc\xaf\x27\x1c"), ("RAR", b"Rar!\x1a\x07"), ("gzip", b"\x1f\x8b")];
const PICTURES: [(&str, &[u8]); 4] =
    [("PNG", b"\x89PNG"), ("JPEG", b"\xff\xd8\xff"), ("GIF", b"GIF8"), ("WebP", b"RIFF")];

impl Mistaken {
    /// What a file that begins so is, if it is one of these.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let head = &bytes[..bytes.len().min(HEAD)];
        let text = String::from_utf8_lossy(head);
        let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        let one_of = |kinds: &[(&'static str, &[u8])]| {
            kinds.iter().find(|(_, begin)| head.starts_with(begin)).map(|(kind, _)| *kind)
        };
        if head.is_empty() {
            return Some(Self::Empty);
        }
        if ["<!doctype", "<html", "<head", "<body", "<?xml"].iter().any(|begin| text.starts_with(begin)) {
            return Some(Self::Page);
        }
        if text.starts_with("version https://git-lfs") {
            return Some(Self::Pointer);
        }
        let archive = one_of(&ARCHIVES).map(Self::Archive);
        archive
            .or_else(|| one_of(&PICTURES).map(Self::Picture))
            .or_else(|| is_text(head).then_some(Self::Text))
    }

    /// It, and what to do about it.
    pub(crate) fn explained(self) -> String {
        match self {
            Self::Empty => "an empty file".into(),
            Self::Page => "a web page in place of a model; download the file itself".into(),
            Self::Pointer => "a pointer of Git LFS in place of the model; `git lfs pull` fetches it".into(),
            Self::Archive(kind) => format!("a {kind} archive; unpack it and name the file"),
            Self::Picture(format) => format!("a {format} picture in place of a model"),
            Self::Text => "text in place of a model".into(),
        }
    }
}

/// Whether bytes, of which the last letter may be cut off, are for people to read.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_some() => return false,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    !text.is_empty() && !text.contains(|c: char| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_called_what_it_is() {
        for (head, what) in [
            (&b""[..], Mistaken::Empty),
            (b"\xef\xbb\xbf\n <!DOCTYPE html><title>", Mistaken::Page),
            (b"<HTML>", Mistaken::Page),
            (b"version https://git-lfs.github.com/spec/v1\noid", Mistaken::Pointer),
            (b"Rar!\x1a\x07\x01", Mistaken::Archive("RAR")),
            (b"\x89PNG\r\n\x1a\n", Mistaken::Picture("PNG")),
            (b"Not found\n", Mistaken::Text),
            (b"gr\xc3\xb6\xc3", Mistaken::Text),
        ] {
            assert_eq!(Mistaken::of(head), Some(what));
        }
        for head in [&b"\x80\x02\x8a\x0al\xfc"[..], b"\x08\x08\x12\x07pytorch", b"PK\x03\x04", b"\0\0\0\0"] {
            assert_eq!(Mistaken::of(head), None);
        }
    }
}
