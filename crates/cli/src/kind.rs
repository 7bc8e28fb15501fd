//! What an input is, found from its content and never from its name: each kind is read, made larger and written in a way of
//! its own, which is a file in `batch/`.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::PathBuf;

use amplio::media;
use amplio::media::animations::Limits;
use amplio::media::pages::Pages;
use anyhow::{Result, anyhow};

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
        let path = input.path.as_ref();
        match (media::Kind::of_first(opened.first(), path.map(PathBuf::as_path)), path) {
            (Some(media::Kind::Archive), Some(path)) => {
                let file = File::open(path).map_err(|error| explained(&error))?;
                return Ok(Self::Archive(Box::new(BufReader::new(file))));
            }
            (Some(media::Kind::Archive), None) => {
                return Ok(Self::Archive(Box::new(Cursor::new(opened.bytes()?))));
            }
            (Some(media::Kind::Video), Some(path)) => return Ok(Self::Video(path.clone())),
            (Some(media::Kind::Video), None) => return Ok(Self::Piped(opened)),
            _ => {}
        }
        let bytes = opened.bytes()?;
        Ok(match media::Kind::of_bytes(&bytes, &Limits::default())? {
            media::Kind::Animation => Self::Animation(bytes),
            media::Kind::Pages => {
                Self::Pages(Pages::open(bytes)?.map_err(|_| anyhow!("it has only one page"))?)
            }
            _ => Self::Picture(bytes),
        })
    }
}
