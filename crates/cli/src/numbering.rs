//! Files that are numbered: `frame%05d.png` stands for frame00001.png, frame00002.png and so on.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use crate::inputs::explained;

/// A name with a place for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    folder: PathBuf,
    before: String,
    /// The least number of digits.
    digits: usize,
    after: String,
}

/// More digits than any number needs.
pub(crate) const MOST_DIGITS: usize = 18;

impl Numbered {
    /// What a path says, if its name has exactly one of %d, %3d or %03d. %% is a percent sign.
    pub(crate) fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (mut before, mut digits, mut after) = (String::new(), None, String::new());
        let mut rest = name;
        while let Some((literal, spec)) = rest.split_once('%') {
            let part = if digits.is_none() { &mut before } else { &mut after };
            part.push_str(literal);
            if let Some(behind) = spec.strip_prefix('%') {
                part.push('%');
                rest = behind;
                continue;
            }
            let (width, behind) = spec.split_once('d')?;
            // The zero of %05d says with what is filled up.
            let width = width.strip_prefix('0').unwrap_or(width);
            if digits.is_some() || width.len() > 2 || !width.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            digits = Some(width.parse().unwrap_or(1));
            rest = behind;
        }
        after.push_str(rest);
        let digits = digits.filter(|digits| (1..=MOST_DIGITS).contains(digits))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Some(Self { folder, before, digits, after })
    }

    /// The file of a number.
    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}{number:0width$}{}", self.before, self.after, width = self.digits))
    }

    /// The folder of the files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number in a file's name.
    fn number(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let plain = digits.len() == self.digits || digits.len() > self.digits && !digits.starts_with('0');
        let fits = digits.len() <= MOST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain && fits { digits.parse().ok() } else { None }
    }

    /// The numbers of the files that are there, from `start` on, in order.
    pub(crate) fn find(&self, start: Option<u64>) -> Result<Vec<u64>> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        let entries = std::fs::read_dir(folder).map_err(|error| explained(&error))?;
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| explained(&error))?.file_name();
            numbers.extend(name.to_str().and_then(|name| self.number(name)));
        }
        numbers.retain(|number| start.is_none_or(|start| *number >= start));
        numbers.sort_unstable();
        match (numbers.first(), start) {
            (None, None) => bail!("no file has such a name"),
            (None, Some(start)) => bail!("no file has such a name and a number from {start} on"),
            (Some(first), Some(start)) if *first != start => {
                Err(anyhow!("there is no {}", self.path(start).display()))
            }
            _ => Ok(numbers),
        }
    }
}

/// Whether a name has a place for a number, be it one that [`Numbered::parse`] understands or not.
pub(crate) fn is_meant(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace("%%", "");
    let mut specs = name.split('%').skip(1);
    specs.any(|spec| spec.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('d'))
}

/// The numbers that are left out between the first and the last one.
pub(crate) fn gaps(numbers: &[u64]) -> Vec<RangeInclusive<u64>> {
    let pairs = numbers.windows(2).filter(|pair| pair[0] + 1 < pair[1]);
    pairs.map(|pair| pair[0] + 1..=pair[1] - 1).collect()
}

/// Gaps as people write them.
pub(crate) fn show(gaps: &[RangeInclusive<u64>]) -> String {
    let shown = gaps.iter().map(|gap| match gap.start() == gap.end() {
        true => gap.start().to_string(),
        false => format!("{} to {}", gap.start(), gap.end()),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(text: &str) -> Option<Numbered> {
        Numbered::parse(Path::new(text))
    }

    #[test]
    fn names_have_one_number() {
        let five = numbered("in/f%05d.png").expect("a pattern");
        assert_eq!((five.path(7), five.path(1_234_567)), ("in/f00007.png".into(), "in/f1234567.png".into()));
        assert_eq!(five.number("f00012.png"), Some(12));
        assert_eq!(five.number("f123456.png"), Some(123_456));
        for no in ["f0012.png", "f012345.png", "f000a2.png", "g00012.png", "f00012.jpg", "f.png"] {
            assert_eq!(five.number(no), None, "{no}");
        }
        assert_eq!(numbered("100%%-%d.png").expect("a pattern").path(3), PathBuf::from("100%-3.png"));
        assert_eq!(numbered("f%010d.png").expect("a pattern").path(7), PathBuf::from("f0000000007.png"));
        assert_eq!(numbered("f%018d.png").expect("a pattern").digits, MOST_DIGITS);
        for no in
            ["f.png", "f%s.png", "f%d-%d.png", "%d/f.png", "f%099d.png", "50%.png", "f%00d.png", "f%019d.png"]
        {
            assert_eq!(numbered(no), None, "{no}");
        }
        for meant in ["f%d.png", "f%d-%d.png", "f%099d.png", "100%%%0d"] {
            assert!(is_meant(Path::new(meant)), "{meant}");
        }
        for not in ["f.png", "50%.png", "100%%d.png", "f%s.png"] {
            assert!(!is_meant(Path::new(not)), "{not}");
        }
    }

    #[test]
    fn gaps_are_named() {
        assert_eq!(show(&gaps(&[1, 2, 4, 9])), "3, 5 to 8");
        assert!(gaps(&[3, 4, 5]).is_empty());
    }
}
