//! What an input is, found from its content and never from its name: each kind is read, made larger and written in a way of
//! its own, which is a file in `batch/`.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::PathBuf;

use amplio::media::animations::{self, Limits};
use amplio::media::pages::Pages;
use amplio::media::{archives, images, videos};
use anyhow::Result;

use crate::inputs::{Input, Opened, explained};

/// What an input is, with as much of it as finding that out has read.
pub(crate) enum Kind {
    /// One picture: the bytes of its file. What nothing else recognises is taken for a picture too, whose reader then says what
    /// is wrong with it.
    Picture(Vec<u8>),
    /// Pictures that are shown one after the other: the bytes of their file.
    Animation(Vec<u8>),
    /// Several pages in one file.
    Pages(Pages),
    /// An archive of pictures and other files.
    Archive(Box<dyn ReadSeek>),
    /// A video: its file.
    Video(PathBuf),
    /// A video that comes through a pipe.
    Piped(Opened),
}

/// A file, or bytes in memory.
pub(crate) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl Kind {
    /// The kind of an input, from its first bytes where they are enough.
    pub(crate) fn of(input: &Input) -> Result<Self> {
        let opened = input.open()?;
        if archives::detect(opened.first()) {
            return Ok(Self::Archive(match &input.path {
                Some(path) => Box::new(BufReader::new(File::open(path).map_err(|error| explained(&error))?)),
                None => Box::new(Cursor::new(opened.bytes()?)),
            }));
        }
        let is_picture = images::detect(opened.first()).is_some_and(|format| format.name != "tga");
        if let Some(path) = input.path.as_ref().filter(|_| !is_picture)
            && (videos::is_video(opened.first()) || videos::is_video_name(path))
        {
            return Ok(Self::Video(path.clone()));
        }
        if input.path.is_none() && !is_picture && videos::is_video(opened.first()) {
            return Ok(Self::Piped(opened));
        }
        let known = images::detect(opened.first()).is_some();
        let bytes = opened.bytes()?;
        if known && animations::moves(&bytes, &Limits::default())? {
            return Ok(Self::Animation(bytes));
        }
        Ok(match Pages::open(bytes)? {
            Ok(pages) => Self::Pages(pages),
            Err(bytes) => Self::Picture(bytes),
        })
    }
}
