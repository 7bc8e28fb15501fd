//! What hosts send in place of models.

use std::path::Path;

use crate::formats::{self, Mistaken, packed::Packed};
use crate::{Error, Limits};

/// How many bytes of a file are looked at.
pub(super) const HEAD: usize = 4096;

/// What is wrong with a file that begins so, if it is one of the things that hosts send in place of models.
pub(super) fn complaint(head: &[u8]) -> Option<String> {
    Some(match Mistaken::of(head)? {
        Mistaken::Empty => "it sends an empty file".into(),
        Mistaken::Page => "it sends a web page and not a file; open the link in a browser".into(),
        Mistaken::Pointer => "it sends a pointer of Git LFS and not the file that it points to".into(),
        Mistaken::Archive(kind) => format!("it sends a {kind} archive; unpack it and name the file"),
        // By its name it may be a model all the same; see `may_be_model`.
        Mistaken::Picture(_) | Mistaken::Text => return None,
    })
}

/// Whether a file of this name that begins so may be a model: it begins as a format does, or at least is called so and is no
/// message for people.
pub(super) fn may_be_model(name: &str, head: &[u8]) -> bool {
    let is_text = || std::str::from_utf8(&head[..head.len().min(64)]).is_ok_and(|text| !text.contains('\0'));
    let is_called = || formats::detect(&[], Some(Path::new(name))).is_some();
    // Only the first file of a network in NCNN's format begins in a way of its own.
    name.ends_with(".bin") || formats::detect(head, None).is_some() || (is_called() && !is_text())
}

/// The name with the ending that the contents ask for, if it has none that a format has.
pub(super) fn with_ending(name: &str, head: &[u8]) -> String {
    let has_ending =
        |format: &formats::Format| format.extensions.iter().any(|it| name.ends_with(&format!(".{it}")));
    let companion = name.ends_with(".bin");
    let found = formats::FORMATS.iter().find(|format| (format.probe)(head));
    match found.and_then(|format| format.extensions.first()) {
        Some(ending) if !companion && !formats::FORMATS.iter().any(has_ending) => format!("{name}.{ending}"),
        _ => name.into(),
    }
}

/// Whether a file that begins so is a zip archive, as PyTorch's files are.
pub(super) fn is_archive(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

/// What is wrong with an archive, of which these are all bytes, if it is one of several models.
pub(super) fn mixed(bytes: &[u8]) -> Option<String> {
    match Packed::of(bytes, &Limits::default()) {
        Err(Error::Unsupported { what }) => Some(format!("it sends {what}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip(name: &str) -> Vec<u8> {
        let mut head = b"PK\x03\x04".to_vec();
        head.resize(26, 0);
        head.extend((name.len() as u16).to_le_bytes());
        head.extend([0, 0]);
        head.extend(name.as_bytes());
        head
    }

    #[test]
    fn pages_pointers_and_archives_are_no_models() {
        for (head, what) in [
            (b"".to_vec(), "empty"),
            (b"\xef\xbb\xbf\n <!DOCTYPE html><title>".to_vec(), "web page"),
            (b"<HTML>".to_vec(), "web page"),
            (b"version https://git-lfs.github.com/spec/v1\noid".to_vec(), "Git LFS"),
            (b"Rar!\x1a\x07\x01".to_vec(), "RAR"),
        ] {
            let complaint = complaint(&head).unwrap_or_default();
            assert!(complaint.contains(what), "{what}: {complaint}");
        }
    }

    #[test]
    fn messages_are_no_models() {
        for (name, head) in [("a.pth", b"{\"error\": \"no such file\"}".to_vec()), ("a.txt", vec![1, 0, 2])] {
            assert!(!may_be_model(name, &head), "{name}");
        }
        let onnx = [0x0a, 3, b'a', 0, 0xff];
        for (name, head) in
            [("a.onnx", onnx.to_vec()), ("a", b"7767517\n1 1".to_vec()), ("a.bin", b"0123".to_vec())]
        {
            assert!(may_be_model(name, &head), "{name}");
        }
    }

    #[test]
    fn models_are() {
        for head in [
            zip("archive/data.pkl"),
            b"\x80\x02\x8a\x0al\xfc".to_vec(),
            b"7767517\n".to_vec(),
            zip("a")[..29].to_vec(),
        ] {
            assert_eq!(complaint(&head), None);
        }
    }

    #[test]
    fn contents_name_what_has_no_name() {
        let head = [8, 0, 0, 0, 0, 0, 0, 0, b'{'];
        assert_eq!(with_ending("download", &head), "download.safetensors");
        assert_eq!(
            (with_ending("a.pth", &head), with_ending("a.bin", &head)),
            ("a.pth".into(), "a.bin".into())
        );
    }
}
