//! What an input is, found from its content and never from its name: each kind is read, made larger and written in a way of
//! its own, which is a file in `batch/`.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};

use amplio::media::animations::{self, Limits};
use amplio::media::pages::Pages;
use amplio::media::{archives, images};
use anyhow::Result;

use crate::inputs::{Input, explained};

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
