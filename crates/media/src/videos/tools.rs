//! The programs `ffmpeg` and `ffprobe`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Restraint;
use super::process::Process;
use crate::{Error, Result};

/// The oldest version whose options are used here.
const OLDEST: (u32, u32) = (5, 1);

/// What a program may say about itself.
const MOST: u64 = 4 << 20;

/// The programs, found.
///
/// What they say about themselves is asked once, for all clones: to start one takes about as long as to make a small frame larger.
#[derive(Clone, Debug)]
pub struct Tools {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
    version: String,
    encoders: Arc<BTreeSet<String>>,
    /// For each encoder that was asked for, the pixel formats that it takes.
    pixel_formats: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    restraint: Option<Restraint>,
}

impl Tools {
    /// Finds the programs: where programs are found (`PATH`), or `ffmpeg` as given (the program, or the folder that it is
    /// in) and `ffprobe` beside it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if one is missing, with how to install them, or too old.
    pub fn find(given: Option<&Path>) -> Result<Self> {
        let [ffmpeg, ffprobe] = match given {
            None => ["ffmpeg", "ffprobe"].map(PathBuf::from),
            Some(folder) if folder.is_dir() => ["ffmpeg", "ffprobe"].map(|name| folder.join(name)),
            Some(program) => {
                let mut probe = OsString::from("ffprobe");
                if let Some(extension) = program.extension().filter(|e| e.eq_ignore_ascii_case("exe")) {
                    probe.push(".");
                    probe.push(extension);
                }
                [program.to_owned(), program.with_file_name(probe)]
            }
        };
        let (probe, version, encoders) = thread::scope(|scope| {
            let probe = scope.spawn(|| version(&ffprobe, "ffprobe"));
            let encoders = scope.spawn(|| names(quiet(Command::new(&ffmpeg)), "-encoders"));
            (said(probe), version(&ffmpeg, "ffmpeg"), said(encoders))
        });
        probe?;
        let version = version?;
        if is_older(&version) {
            let (major, minor) = OLDEST;
            let what = format!("ffmpeg {version} is too old; videos need {major}.{minor} or later");
            return Err(Error::unsupported(what));
        }
        let (encoders, pixel_formats) = (Arc::new(encoders?), Arc::default());
        Ok(Self { ffmpeg, ffprobe, version, encoders, pixel_formats, restraint: None })
    }

    /// The same, held back wherever the system can do that.
    pub fn restrained(self, restraint: Restraint) -> Self {
        Self { restraint: Restraint::is_available().then_some(restraint), ..self }
    }

    fn command(&self, program: &Path) -> Command {
        self.restraint.map_or_else(|| Command::new(program), |restraint| restraint.command(program))
    }

    /// The version of ffmpeg, as it says it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The names of the encoders that ffmpeg has.
    pub fn encoders(&self) -> &BTreeSet<String> {
        &self.encoders
    }

    /// The names of the decoders that ffmpeg has.
    ///
    /// # Errors
    /// [`Error::Program`] if it does not say.
    pub fn decoders(&self) -> Result<BTreeSet<String>> {
        names(self.ffmpeg(), "-decoders")
    }

    /// The pixel formats that an encoder takes; empty if it does not say.
    ///
    /// # Errors
    /// [`Error::Program`] if ffmpeg fails.
    pub fn pixel_formats(&self, encoder: &str) -> Result<Vec<String>> {
        let known = || self.pixel_formats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(formats) = known().get(encoder) {
            return Ok(formats.clone());
        }
        let mut command = self.ffmpeg();
        command.arg("-h").arg(format!("encoder={encoder}")).stdin(Stdio::null()).stdout(Stdio::piped());
        let help = Process::start("ffmpeg", command)?.output(MOST)?;
        let help = String::from_utf8_lossy(&help).into_owned();
        let list = help.lines().find_map(|line| line.trim().strip_prefix("Supported pixel formats:"));
        let formats: Vec<_> = list.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        known().insert(encoder.to_owned(), formats.clone());
        Ok(formats)
    }

    /// A command of ffmpeg that reads no keys and says only what went wrong.
    pub(super) fn ffmpeg(&self) -> Command {
        quiet(self.command(&self.ffmpeg))
    }

    /// A command of ffprobe that says only what went wrong.
    pub(super) fn ffprobe(&self) -> Command {
        let mut command = self.command(&self.ffprobe);
        command.args(["-hide_banner", "-loglevel", "error"]).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }
}

/// The arguments that name an input: a file, and nothing that the file may fetch from elsewhere than files and pipes.
pub(super) fn input(path: &Path) -> [OsString; 4] {
    ["-protocol_whitelist".into(), "file,pipe".into(), "-i".into(), file(path)]
}

/// A path as a name that is never an option, a protocol or a pattern.
pub(super) fn file(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(OsStr::new(path));
    name
}

/// A command of ffmpeg that reads no keys and says only what went wrong.
fn quiet(mut ffmpeg: Command) -> Command {
    ffmpeg.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
    ffmpeg
}

/// What a thread has found out.
fn said<T>(thread: thread::ScopedJoinHandle<Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The names in one of ffmpeg's lists.
fn names(mut ffmpeg: Command, list: &str) -> Result<BTreeSet<String>> {
    ffmpeg.arg(list).stdin(Stdio::null()).stdout(Stdio::piped());
    let list = Process::start("ffmpeg", ffmpeg)?.output(MOST)?;
    let list = String::from_utf8_lossy(&list).into_owned();
    // After a line of dashes: six flags, the name, what it is.
    let rows = list.lines().skip_while(|line| !line.trim_start().starts_with("---")).skip(1);
    Ok(rows.filter_map(|row| row.split_whitespace().nth(1)).map(str::to_owned).collect())
}

/// What a program says its version is.
fn version(program: &Path, name: &'static str) -> Result<String> {
    let mut command = Command::new(program);
    command.arg("-version").stdin(Stdio::null()).stdout(Stdio::piped());
    let said = Process::start(name, command).map_err(|_| missing(program, name))?.output(MOST)?;
    let said = String::from_utf8_lossy(&said);
    let mut words = said.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(first), Some("version"), Some(version)) if first == name => Ok(version.to_owned()),
        _ => Err(Error::unsupported(format!("{} is no {name}", program.display()))),
    }
}

fn missing(program: &Path, name: &str) -> Error {
    let place =
        if program.components().count() > 1 { format!(" at {}", program.display()) } else { String::new() };
    Error::unsupported(format!(
        "videos need {name}, which was not found{place}; install ffmpeg (Debian, Ubuntu: apt install ffmpeg; Fedora: dnf \
         install ffmpeg; macOS: brew install ffmpeg; Windows: winget install ffmpeg)"
    ))
}

/// Whether a version is too old. What is no number is built from the sources of some day, and new enough.
fn is_older(version: &str) -> bool {
    let digits = version.trim_start_matches('n');
    let mut numbers = digits.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), minor) if major < 1000 => (major, minor.and_then(|m| m.ok()).unwrap_or(0)) < OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for old in ["4.4.2-0ubuntu0.22.04.1", "5.0", "n5.0.1", "3"] {
            assert!(is_older(old), "{old}");
        }
        for new in
            ["5.1.9-0+deb12u1", "6.0", "n7.1", "10.0", "N-115000-gabcdef", "git-2024", "2024-01-01-git"]
        {
            assert!(!is_older(new), "{new}");
        }
    }

    #[test]
    fn what_is_missing_is_said_with_its_cure() {
        let error = Tools::find(Some(Path::new("/no/such/ffmpeg"))).unwrap_err().to_string();
        assert!(error.contains("/no/such/ffprobe") && error.contains("apt install ffmpeg"), "{error}");
    }
}
