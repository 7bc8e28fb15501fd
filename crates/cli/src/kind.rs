//! What an input is, found from its content and never from its name: each kind is read, made larger and written in a way of
//! its own, which is a file in `batch/`.

use std::path::PathBuf;

use amplio::media::{images, videos};
use anyhow::Result;

use crate::inputs::Input;

/// What an input is, with as much of it as finding that out has read.
pub(crate) enum Kind {
    /// One picture: the bytes of its file. What nothing else recognises is taken for a picture too, whose reader then says what
    /// is wrong with it.
    Picture(Vec<u8>),
    /// A video: its file.
    Video(PathBuf),
}

impl Kind {
    /// The kind of an input, from its first bytes where they are enough.
    pub(crate) fn of(input: &Input) -> Result<Self> {
        let opened = input.open()?;
        let is_picture = images::detect(opened.first()).is_some_and(|format| format.name != "tga");
        if let Some(path) = input.path.as_ref().filter(|_| !is_picture)
            && (videos::is_video(opened.first()) || videos::is_video_name(path))
        {
            return Ok(Self::Video(path.clone()));
        }
        Ok(Self::Picture(opened.bytes()?))
    }
}
