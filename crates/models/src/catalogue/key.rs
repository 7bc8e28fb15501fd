use std::fmt;

use crate::Digest;

/// The name of a model's folder in the cache: small letters, digits, `.`, `-` and `_`, safe on every file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// The most characters of a key.
const LONGEST: usize = 100;

/// Digits of a digest that tell two links apart.
const TOLD_APART: usize = 8;

impl Key {
    /// The key that is this text, if it can be one.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let ends = |byte: &u8| byte.is_ascii_alphanumeric();
        let bytes = text.as_bytes();
        let sound = bytes.len() <= LONGEST
            && bytes.iter().all(|byte| fits(*byte))
            && bytes.first().is_some_and(ends)
            && bytes.last().is_some_and(ends);
        sound.then(|| Self(text.to_owned()))
    }

    /// The key of a model that people call so: in small letters, with hyphens for blanks and underscores.
    pub fn of_name(name: &str) -> Option<Self> {
        let plain = name.trim().to_ascii_lowercase();
        Self::new(&plain.replace([' ', '_'], "-"))
    }

    /// A key that begins as `name` does and that no other `origin` has.
    pub(super) fn of_origin(name: &str, origin: &str) -> Self {
        let plain = name.to_ascii_lowercase();
        let kept = plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        let stem: String = kept.take(LONGEST / 2).collect();
        let stem = stem.trim_matches('-');
        let stem = if stem.is_empty() { "model" } else { stem };
        Self(format!("{stem}-{}", &Digest::of(origin.as_bytes()).to_string()[..TOLD_APART]))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_in_their_folder() {
        assert_eq!(
            Key::of_name("RealESRGAN_x4plus anime").map(|key| key.to_string()).as_deref(),
            Some("realesrgan-x4plus-anime")
        );
        for wrong in ["", ".", "..", "../a", "a/b", "a\\b", ".a", "a.", "c:", "ä", "a\0", "-a"] {
            assert_eq!(Key::new(wrong), None, "{wrong:?}");
        }
        for name in ["", "../..", "日本", &"a".repeat(1000), "4x Ünïcode.pth"] {
            let key = Key::of_origin(name, name);
            assert_eq!(Key::new(key.as_str()).as_ref(), Some(&key), "{name:?}");
        }
        assert_ne!(Key::of_origin("a", "https://a/x"), Key::of_origin("a", "https://b/x"));
    }
}
