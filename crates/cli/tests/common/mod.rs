//! Runs the command in a folder of its own.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod server;

use std::ffi::OsStr;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use amplio::media::images::{self, Limits, WriteOptions};
use amplio::media::{Channels, Depth, Header, Image, Metadata, Samples};

/// Says why a test does nothing.
#[expect(clippy::print_stderr, reason = "there is no other way to tell")]
pub(crate) fn note(what: &str) {
    eprintln!("{what}");
}

/// A folder that disappears with the test.
pub(crate) struct Folder(tempfile::TempDir);

/// What a run of the command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Writes a small picture with slopes and texture, in the format that the name says.
    pub(crate) fn picture(&self, name: &str, header: Header, metadata: Metadata) -> Image {
        let mut image = picture(header);
        image.metadata = metadata;
        self.write(name, &encoded(&image, name));
        image
    }

    pub(crate) fn rgb(&self, name: &str) -> Image {
        self.picture(name, Header::new(24, 16, Channels::Rgb, Depth::U8), Metadata::default())
    }

    pub(crate) fn read(&self, name: &str) -> Image {
        let bytes = std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        images::read(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The names of all files, in order, with slashes.
    pub(crate) fn files(&self) -> Vec<String> {
        let walk = walkdir::WalkDir::new(self.0.path()).sort_by_file_name();
        let files = walk
            .into_iter()
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.file_type().is_file());
        files.map(|entry| relative(entry.path(), self.0.path())).collect()
    }

    /// Runs the command in this folder.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        self.fed(arguments, &[])
    }

    /// Runs the command in this folder, with bytes on its standard input.
    pub(crate) fn fed<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
        let mut child = self.start(arguments);
        // A command that does not read its input closes it.
        let _ = child.stdin.take().expect("standard input").write_all(input);
        ended(child)
    }

    pub(crate) fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Child {
        self.start_with(&[], arguments)
    }

    /// Starts the command in this folder, with variables in its environment. Without them it keeps off the net, and its
    /// models are in this folder.
    pub(crate) fn start_with<S: AsRef<OsStr>>(
        &self,
        variables: &[(&str, &str)],
        arguments: impl IntoIterator<Item = S>,
    ) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplio"));
        command.args(arguments).current_dir(self.0.path());
        command.env("AMPLIO_MODELS", self.path("models")).env("AMPLIO_OFFLINE", "1");
        command.envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the command starts")
    }
}

pub(crate) fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().expect("the command ends");
    let err = String::from_utf8(output.stderr).expect("text");
    Ran { code: output.status.code().unwrap_or(-1), out: output.stdout, err }
}

impl Ran {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("text")
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }

    /// It ended with this code and said one sentence that holds `what`.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, what: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(what), "{:?} does not say {what:?}", self.err);
        assert!(!self.err.contains("panicked") && !self.err.contains("Error {"), "{}", self.err);
        self
    }
}

/// A picture with slopes and texture.
pub(crate) fn picture(header: Header) -> Image {
    let count = header.channels.count();
    let values = (0..header.pixels() as usize * count).map(|i| {
        let (c, x, y) = (i % count, i / count % header.width as usize, i / count / header.width as usize);
        ((x * 9 + y * 5 + c * 31 + (x * y) % 7) % 256) as u8
    });
    let samples = match header.depth {
        Depth::U8 => Samples::U8(values.collect()),
        Depth::U16 => Samples::U16(values.map(|v| u16::from(v) * 256 + 3).collect()),
        Depth::F32 => Samples::F32(values.map(|v| f32::from(v) / 255.0).collect()),
    };
    Image::new(header, samples).expect("a picture")
}

/// The bytes of a file of the format that the name says.
pub(crate) fn encoded(image: &Image, name: &str) -> Vec<u8> {
    let extension = Path::new(name).extension().and_then(OsStr::to_str).expect("an extension");
    let format = images::by_extension(extension).expect("a format");
    let options = WriteOptions { metadata: image.metadata.clone(), ..WriteOptions::default() };
    let sink = Shared::default();
    let mut writer =
        images::writer(format, &image.header(), &options, Box::new(sink.clone())).expect("a writer");
    writer.write_rows(&image.samples).expect("rows");
    writer.finish().expect("a file");
    sink.bytes()
}

/// A sink whose bytes can still be seen after it was given away.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Shared {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic").get_ref().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Seek for Shared {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.lock().expect("no panic").seek(to)
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).expect("below the folder").to_string_lossy().replace('\\', "/")
}
