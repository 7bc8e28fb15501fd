//! The picture of a cover, as Matroska has it: an attached file. As a stream it would be a video there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Stream;
use super::process::Process;
use super::tools::{self, Tools};
use crate::{Error, Result};

/// The largest picture that is taken.
const MOST: u64 = 256 << 20;

/// A picture in a file that disappears with this.
pub(super) struct Cover {
    path: PathBuf,
    /// What the attached file is called, and its MIME type.
    name: String,
    mime: String,
}

impl Cover {
    /// Takes a stream of a file for a cover; `path` is written.
    ///
    /// # Errors
    /// [`Error::Program`] if ffmpeg fails, [`Error::Io`] if the picture cannot be written.
    pub(super) fn take(
        tools: &Tools,
        input: &Path,
        (index, stream): (usize, &Stream),
        path: PathBuf,
    ) -> Result<Self> {
        let mut command = tools.ffmpeg();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).args(tools::input(input));
        command.args(["-map", &format!("0:{index}"), "-c", "copy", "-frames:v", "1"]);
        command.args(["-f", "image2pipe", "pipe:1"]);
        let picture = Process::start("ffmpeg", command)?.output(MOST)?;
        let (extension, mime) = match stream.codec.as_str() {
            "mjpeg" => ("jpg", "image/jpeg"),
            codec => (codec, &*format!("image/{codec}")),
        };
        let tag = |name: &str| stream.tags.get(name).cloned();
        let name = tag("filename").unwrap_or_else(|| format!("cover.{extension}"));
        let cover = Self { path, name, mime: tag("mimetype").unwrap_or_else(|| mime.into()) };
        let written = fs::write(&cover.path, picture);
        written.map_err(|source| Error::Io { path: Some(cover.path.clone()), source })?;
        Ok(cover)
    }

    /// Attaches it, as the stream of this number.
    pub(super) fn attach(&self, command: &mut Command, place: usize) {
        let tags = format!("-metadata:s:{place}");
        command.arg("-attach").arg(tools::file(&self.path));
        command.args([&tags, &format!("filename={}", self.name)]);
        command.args([&tags, &format!("mimetype={}", self.mime)]);
    }
}

impl Drop for Cover {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
