//! Which pictures are read: files, the pictures in folders, what a pattern matches, standard input.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use amplio::media::{archives, images, videos};
use anyhow::{Error, Result, anyhow};
use glob::MatchOptions;
use walkdir::{DirEntry, WalkDir};

use crate::formats::{self, Container};
use crate::numbering::{self, Numbered};
use crate::stop;

/// Where a picture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// The file; standard input if `None`.
    pub(crate) path: Option<PathBuf>,
    /// The folder that it lies in, below the folder that was asked for; empty if it was asked for itself.
    pub(crate) below: PathBuf,
    /// The number in its name, if it is one of numbered files.
    pub(crate) number: Option<u64>,
}

/// An input of which the first bytes were read.
pub(crate) struct Opened {
    first: Vec<u8>,
    rest: Box<dyn Read>,
}

/// All that the inputs on the command line mean.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// The pictures, each once.
    pub(crate) found: Vec<Input>,
    /// What cannot be read at all, by name.
    pub(crate) missing: Vec<(String, Error)>,
    /// What people should know about inputs, by name.
    pub(crate) remarks: Vec<(String, String)>,
    /// Files in folders that are no pictures.
    pub(crate) others: usize,
    /// Files in folders that are results of an earlier run.
    pub(crate) results: usize,
    /// The places of all found files.
    pub(crate) places: HashSet<PathBuf>,
}

/// What is passed over in folders.
pub(crate) struct Except<'a> {
    /// The stem of the file of which this one would be the result, if its name is like that of a result. If there is
    /// such a file, it is from an earlier run.
    pub(crate) results: &'a dyn Fn(&Path) -> Option<String>,
    /// Whether results go beside their inputs.
    pub(crate) beside: bool,
    /// The folder that results go to.
    pub(crate) folder: Option<&'a Path>,
    /// Of numbered files, those below this number.
    pub(crate) before: Option<u64>,
}

/// The bytes by which formats are recognised.
const FIRST_BYTES: u64 = 256;

/// Files that systems leave in folders, beside those whose names begin with a dot.
const CLUTTER: [&str; 3] = ["Thumbs.db", "ehthumbs.db", "desktop.ini"];

/// Finds the pictures that are meant.
pub(crate) fn gather(typed: &[PathBuf], except: &Except) -> Inputs {
    let mut inputs = Inputs::default();
    if let [folder] = typed
        && folder.is_dir()
    {
        // Its pictures are meant even if results go to the same folder.
        inputs.walk(folder, except);
        return inputs;
    }
    for path in typed {
        if is_standard(path) {
            inputs.found.push(Input { path: None, below: PathBuf::new(), number: None });
        } else {
            inputs.add(path, except);
        }
    }
    inputs
}

/// Whether an argument stands for standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether what was typed means exactly one picture.
pub(crate) fn is_one(typed: &[PathBuf]) -> bool {
    matches!(typed, [path] if is_standard(path) || !path.is_dir() && pattern(path).is_none() && numbered(path).is_none())
}

impl Except<'_> {
    /// Whether a folder is the one that results go to.
    fn is_folder(&self, folder: &Path) -> bool {
        let place = |folder: &Path| folder.canonicalize().ok();
        self.folder
            .is_some_and(|results| place(results).is_some_and(|results| place(folder) == Some(results)))
    }
}

impl Inputs {
    fn add(&mut self, path: &Path, except: &Except) {
        if path.is_dir() {
            return self.enter(path, except);
        }
        if let Some(numbered) = numbered(path) {
            return self.count(path, &numbered, except.before);
        }
        let Some(pattern) = pattern(path) else { return self.push(path.into(), PathBuf::new(), None) };
        match matches(pattern) {
            Ok(paths) if paths.is_empty() => self.miss(path, anyhow!("no file matches this pattern")),
            Ok(paths) => paths.iter().for_each(|path| match path.is_dir() {
                true => self.enter(path, except),
                false => self.push(path.into(), PathBuf::new(), None),
            }),
            Err(error) => self.miss(path, error),
        }
    }

    /// Adds what is in one of several folders that were asked for, unless it is there for the results of the other inputs.
    fn enter(&mut self, folder: &Path, except: &Except) {
        if except.is_folder(folder) {
            let what = "results go to this folder: what is in it is passed over".into();
            return self.remarks.push((folder.display().to_string(), what));
        }
        self.walk(folder, except);
    }

    /// Adds the pictures in a folder and in those below it, in the order of their names; what links lead to comes last.
    fn walk(&mut self, folder: &Path, except: &Except) {
        let enter = |entry: &DirEntry| {
            let is_folder = entry.file_type().is_dir();
            entry.depth() == 0 || !(is_clutter(entry) || is_folder && except.is_folder(entry.path()))
        };
        let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
        let mut files = Vec::new();
        for entry in walk.into_iter().filter_entry(enter).take_while(|_| !stop::asked()) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
                Ok(entry) if entry.file_type().is_dir() => {}
                // Whoever opens a pipe waits for someone who writes to it.
                Ok(_) => self.others += 1,
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    let cause = error.io_error().map_or_else(|| anyhow!("{error}"), explained);
                    self.miss(&path, cause);
                }
            }
        }
        // The same file is taken where it lies, not where a link to it lies.
        let root = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        files.sort_by_cached_key(|path| {
            let place = path.strip_prefix(folder).map(|below| root.join(below));
            path.canonicalize().ok() != place.ok()
        });
        let stems: HashSet<PathBuf> = files.iter().map(|path| path.with_extension("")).collect();
        let holds_results = except.beside || except.is_folder(folder);
        let is_result = |path: &Path| {
            let stem = if holds_results { (except.results)(path) } else { None };
            stem.is_some_and(|stem| stems.contains(&path.with_file_name(stem)))
        };
        let before = self.found.len() + self.results;
        for path in files.into_iter().take_while(|_| !stop::asked()) {
            if !is_picture(&path) {
                self.others += 1;
            } else if is_result(&path) {
                self.results += 1;
            } else {
                let below = path.parent().and_then(|parent| parent.strip_prefix(folder).ok());
                let below = below.unwrap_or(Path::new("")).to_owned();
                self.push(path, below, None);
            }
        }
        if self.found.len() + self.results == before && !stop::asked() {
            self.miss(folder, anyhow!("there is no picture in this folder"));
        }
    }

    /// Adds numbered files, in the order of their numbers.
    fn count(&mut self, path: &Path, numbered: &Numbered, start: Option<u64>) {
        let numbers = match numbered.find(start) {
            Ok(numbers) => numbers,
            Err(error) => return self.miss(path, error),
        };
        let gaps = numbering::gaps(&numbers);
        if !gaps.is_empty() {
            let what = format!("these numbers are missing: {}", numbering::show(&gaps));
            self.remarks.push((path.display().to_string(), what));
        }
        for number in numbers {
            self.push(numbered.path(number), PathBuf::new(), Some(number));
        }
    }

    fn push(&mut self, path: PathBuf, below: PathBuf, number: Option<u64>) {
        match path.canonicalize() {
            Ok(place) => {
                if self.places.insert(place) {
                    self.found.push(Input { path: Some(path), below, number });
                }
            }
            Err(error) => self.miss(&path, explained(&error)),
        }
    }

    fn miss(&mut self, path: &Path, error: Error) {
        self.missing.push((path.display().to_string(), error));
    }
}

impl Input {
    /// What people call it.
    pub(crate) fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "standard input".into(), |path| path.display().to_string())
    }

    /// Begins to read it.
    pub(crate) fn open(&self) -> Result<Opened> {
        let mut rest: Box<dyn Read> = match &self.path {
            Some(path) => Box::new(File::open(path).map_err(|error| explained(&error))?),
            None => Box::new(io::stdin()),
        };
        let mut first = Vec::new();
        rest.by_ref().take(FIRST_BYTES).read_to_end(&mut first).map_err(|error| explained(&error))?;
        if first.is_empty() {
            return Err(anyhow!("it is empty"));
        }
        Ok(Opened { first, rest })
    }
}

impl Opened {
    /// The first bytes, at most [`FIRST_BYTES`] of them.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }

    /// All bytes, one after the other.
    pub(crate) fn reader(self) -> impl Read {
        io::Cursor::new(self.first).chain(self.rest)
    }

    /// All bytes.
    pub(crate) fn bytes(mut self) -> Result<Vec<u8>> {
        self.rest.read_to_end(&mut self.first).map_err(|error| explained(&error))?;
        Ok(self.first)
    }
}

/// Whether a path is that of a device, a pipe or the like: neither of a file nor of a folder.
pub(crate) fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// What the system says, without its error numbers.
pub(crate) fn explained(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => anyhow!("there is no such file"),
        io::ErrorKind::IsADirectory => anyhow!("it is a folder"),
        io::ErrorKind::AlreadyExists => anyhow!("it exists already"),
        _ => {
            let text = error.to_string();
            let plain = text.split(" (os error").next().unwrap_or_default();
            let mut letters = plain.chars();
            anyhow!("{}{}", letters.next().unwrap_or_default().to_lowercase(), letters.as_str())
        }
    }
}

/// The numbered files that an argument stands for, if it is no file.
pub(crate) fn numbered(path: &Path) -> Option<Numbered> {
    Numbered::parse(path).filter(|_| !path.exists())
}

/// The pattern that an argument is, if it is no file.
fn pattern(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    (text.contains(['*', '?', '[']) && !path.exists()).then_some(text)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>> {
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let paths = glob::glob_with(pattern, options).map_err(|error| anyhow!("not a pattern: {}", error.msg))?;
    Ok(paths.filter_map(Result::ok).filter(|path| !is_special(path)).collect())
}

fn is_clutter(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    name.starts_with('.') || CLUTTER.iter().any(|clutter| clutter.eq_ignore_ascii_case(&name))
}

/// Whether a file in a folder begins like a picture. One that cannot be read is said to be one, so that the error is told.
/// So is an empty or broken file whose name says that it should be one.
fn is_picture(path: &Path) -> bool {
    let named = path.extension().and_then(|e| e.to_str()).and_then(images::by_extension);
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FIRST_BYTES).read_to_end(&mut first));
    let archive = formats::container(path) == Some(Container::Archive);
    match images::detect(&first) {
        _ if read.is_err() => true,
        // Many files are archives, of documents or of programs: the name has to say that this one is of pictures.
        _ if archive => archives::detect(&first),
        // TGA has no signature: much that is no picture looks like one.
        Some(format) if format.name == "tga" => named == Some(format),
        Some(_) => true,
        None => is_named(path, &first),
    }
}

/// Whether a file that begins like no format should be a picture or a video by its name, and not something else of such a name:
/// a template of Visio (.vst) or a program in TypeScript (.ts, .mts).
fn is_named(path: &Path, first: &[u8]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    match (images::by_extension(extension), videos::Container::of(path)) {
        (Some(format), _) if format.name == "tga" => extension.eq_ignore_ascii_case(format.name),
        (_, Some(container)) if container.muxer == "mpegts" => videos::is_transport_stream(first),
        (format, _) => format.is_some() || videos::is_video_name(path),
    }
}
