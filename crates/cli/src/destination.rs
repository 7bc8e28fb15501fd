//! Where results go, and what happens if something is there already.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use amplio::media::videos::Container;
use anyhow::{Result, anyhow, bail};
use clap::ValueEnum;

use crate::formats;
use crate::inputs::{self, Input};
use crate::numbering::{self, MOST_DIGITS, Numbered};
use crate::outcome::Failure;

/// Where results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Beside the input.
    Beside,
    /// To a folder, and to the same folders below it in which the inputs lie.
    Folder(PathBuf),
    /// To this file.
    File(PathBuf),
    /// To files with numbers.
    Numbered(Numbered),
    /// To standard output.
    Standard,
}

/// What happens if there is a file already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfExists {
    /// Leave the file and go on.
    Skip,
    /// Replace the file.
    Overwrite,
    /// Write to name-2, name-3, …
    Rename,
    /// Report an error.
    Fail,
}

/// The files that results may not or no longer take.
#[derive(Debug)]
pub(crate) struct Claims {
    policy: IfExists,
    /// The places of the inputs.
    inputs: HashSet<PathBuf>,
    /// The places of results of this run, those that are there already among them, and whose they are.
    results: HashMap<PathBuf, Input>,
}

/// The file is the result of another input.
#[derive(Debug, thiserror::Error)]
#[error("{path} is already the result of {owner}; --if-exists rename keeps both")]
pub(crate) struct Taken {
    path: String,
    owner: String,
}

impl Destination {
    /// What `-o` means for inputs that are one picture or several.
    pub(crate) fn new(typed: Option<&Path>, inputs: &[PathBuf], has_format: bool) -> Result<Self> {
        let one = inputs::is_one(inputs);
        let Some(path) = typed else {
            let standard = inputs.iter().any(|input| inputs::is_standard(input));
            return match one {
                _ if !standard => Ok(Self::Beside),
                true => Ok(Self::Standard),
                false => Err(Failure::usage("standard input and other inputs need a folder: -o DIR")),
            };
        };
        let shown = path.display();
        if let Some(numbered) = inputs::numbered(path) {
            return Ok(Self::Numbered(numbered));
        }
        if numbering::is_meant(path) && !path.exists() {
            return Err(Failure::usage(format!(
                "-o {shown}: a name has one number of at most {MOST_DIGITS} digits, such as %05d; a percent sign is %%"
            )));
        }
        match one {
            true if inputs::is_standard(path) => Ok(Self::Standard),
            false if inputs::is_standard(path) => {
                Err(Failure::usage("standard output takes one picture, and there are several inputs"))
            }
            _ if path.is_dir() || ends_in_separator(path) => Ok(Self::Folder(path.into())),
            // Frames of one animation or video.
            false
                if matches!(inputs, [input] if inputs::numbered(input).is_some())
                    && (formats::of_name(path).is_some() || Container::of(path).is_some()) =>
            {
                Ok(Self::File(path.into()))
            }
            true if path.extension().is_none() && !has_format => Err(Failure::usage(format!(
                "-o {shown} has no extension that says the format; for a folder, write {shown}/"
            ))),
            true => Ok(Self::File(path.into())),
            false
                if path.exists()
                    || formats::of_name(path).is_some()
                    || formats::container(path).is_some()
                    || Container::of(path).is_some() =>
            {
                Err(Failure::usage(format!("-o {shown} is one file, and there are several inputs")))
            }
            false => Ok(Self::Folder(path.into())),
        }
    }

    /// The file for the result of an input; standard output if `None`.
    pub(crate) fn path(&self, input: &Input, name: &OsStr) -> Result<Option<PathBuf>> {
        Ok(match self {
            Self::Numbered(numbered) => {
                let number =
                    input.number.ok_or_else(|| anyhow!("it has no number for the names of results"))?;
                Some(numbered.path(number))
            }
            Self::Standard => None,
            Self::File(path) => Some(path.clone()),
            Self::Folder(folder) => Some(folder.join(&input.below).join(name)),
            Self::Beside => {
                Some(input.path.as_deref().map_or_else(|| name.into(), |path| path.with_file_name(name)))
            }
        })
    }

    /// The folder that results go to, if they go to one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Numbered(numbered) => Some(numbered.folder()),
            _ => None,
        }
    }
}

impl Claims {
    pub(crate) fn new(policy: IfExists, inputs: HashSet<PathBuf>) -> Self {
        Self { policy, inputs, results: HashMap::new() }
    }

    /// Whether a file that is there may be replaced.
    pub(crate) fn replace(&self) -> bool {
        self.policy == IfExists::Overwrite
    }

    /// The file to write to if an input wishes for `path`; `None` if it is there and stays.
    pub(crate) fn claim(&mut self, path: &Path, input: &Input) -> Result<Option<PathBuf>> {
        let shown = path.display();
        let numbered = (1..).map(|n| if n == 1 { path.to_owned() } else { renamed(path, n) });
        for path in numbered {
            let place = place(&path);
            let owner = self.results.get(&place);
            match (self.policy, owner) {
                (IfExists::Rename, _) if owner.is_some() || path.exists() => continue,
                (_, Some(owner)) => {
                    return Err(Taken { path: shown.to_string(), owner: owner.name() }.into());
                }
                _ if path.is_dir() => bail!("{shown} is a folder"),
                _ if inputs::is_special(&path) => {
                    bail!("{shown} is a device or a pipe, and no file; -o - writes to standard output")
                }
                (IfExists::Skip, _) if path.exists() => {
                    self.results.insert(place, input.clone());
                    return Ok(None);
                }
                _ if self.inputs.contains(&place) => {
                    bail!("the result would replace {shown}, which is an input")
                }
                (IfExists::Fail, _) if path.exists() => {
                    bail!("{shown} exists; --if-exists can say overwrite, rename or skip")
                }
                _ => {
                    self.results.insert(place, input.clone());
                    return Ok(Some(path));
                }
            }
        }
        Err(anyhow!("{shown} exists"))
    }

    /// An input has no result after all.
    pub(crate) fn release(&mut self, input: &Input) {
        self.results.retain(|_, owner| owner != input);
    }
}

fn ends_in_separator(path: &Path) -> bool {
    path.to_string_lossy().ends_with(std::path::is_separator)
}

/// The one name of a file, whether it and its folders exist already or not.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(place), _, _) => place,
        (Err(_), Some(folder), Some(name)) => place(folder).join(name),
        _ => path,
    }
}

/// `photo_4x.png` as `photo_4x-2.png`.
fn renamed(path: &Path, number: u32) -> PathBuf {
    let mut stem: OsString = path.file_stem().unwrap_or_default().into();
    stem.push(format!("-{number}"));
    with_stem(path, stem)
}

/// `photo_4x-2.png` as `photo_4x.png`.
pub(crate) fn before_renaming(path: &Path) -> Option<PathBuf> {
    let (stem, number) = path.file_stem()?.to_str()?.rsplit_once('-')?;
    let before = with_stem(path, stem.into());
    (renamed(&before, number.parse().ok()?) == path).then_some(before)
}

/// The path with another stem, and the same extension.
fn with_stem(path: &Path, mut stem: OsString) -> PathBuf {
    if let Some(extension) = path.extension() {
        stem.push(".");
        stem.push(extension);
    }
    path.with_file_name(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_file_or_a_folder() {
        let means = |output: &str, inputs: &[&str]| {
            let inputs: Vec<_> = inputs.iter().map(PathBuf::from).collect();
            Destination::new(Some(Path::new(output)), &inputs, false).ok()
        };
        assert_eq!(means("b.png", &["a.png"]), Some(Destination::File("b.png".into())));
        assert_eq!(means("new/", &["a.png"]), Some(Destination::Folder("new/".into())));
        assert_eq!(means("new", &["a.png"]), None);
        assert_eq!(means("new", &["a.png", "b.png"]), Some(Destination::Folder("new".into())));
        assert_eq!(means("new", &["*.png"]), Some(Destination::Folder("new".into())));
        assert_eq!(means("b.png", &["a.png", "b.png"]), None);
        assert_eq!(means("-", &["a.png"]), Some(Destination::Standard));
        assert_eq!(means("-", &["a.png", "b.png"]), None);
    }

    fn input(name: &str) -> Input {
        Input { path: Some(name.into()), below: PathBuf::new(), number: None }
    }

    #[test]
    fn results_never_meet() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.png");
        let [first, second] = [input("a.png"), input("a.jpg")];
        let mut claims = Claims::new(IfExists::Overwrite, HashSet::new());
        assert_eq!(claims.claim(&path, &first).expect("free"), Some(path.clone()));
        assert!(claims.claim(&path, &second).is_err_and(|error| error.is::<Taken>()));
        claims.release(&first);
        assert_eq!(claims.claim(&path, &second).expect("free"), Some(path.clone()));
        std::fs::write(&path, "").expect("a file");
        let mut claims = Claims::new(IfExists::Rename, HashSet::new());
        assert_eq!(claims.claim(&path, &first).expect("free"), Some(folder.path().join("a-2.png")));
        assert_eq!(claims.claim(&path, &second).expect("free"), Some(folder.path().join("a-3.png")));
        let mut claims = Claims::new(IfExists::Skip, HashSet::new());
        assert_eq!(claims.claim(&path, &first).expect("there"), None);
        assert!(claims.claim(&path, &second).is_err_and(|error| error.is::<Taken>()));
        let mut claims =
            Claims::new(IfExists::Overwrite, HashSet::from([path.canonicalize().expect("a place")]));
        assert!(claims.claim(&path, &first).is_err());
    }

    #[test]
    fn renamed_results_are_known_by_their_names() {
        let before = |name: &str| before_renaming(Path::new(name));
        assert_eq!(before("in/a_4x-2.png"), Some("in/a_4x.png".into()));
        assert_eq!(before("in/a-b_4x-10.png"), Some("in/a-b_4x.png".into()));
        for none in ["a_4x.png", "a_4x-02.png", "a_4x-b.png", "a-.png"] {
            assert_eq!(before(none), None, "{none}");
        }
    }
}
