//! What an input is, found from its content and never from its name: each kind is read, made larger and written in a way of
//! its own, which is a file in `batch/`.

use anyhow::Result;

use crate::inputs::Input;

/// What an input is, with as much of it as finding that out has read.
pub(crate) enum Kind {
    /// One picture: the bytes of its file. What nothing else recognises is taken for a picture too, whose reader then says what
    /// is wrong with it.
    Picture(Vec<u8>),
}

impl Kind {
    /// The kind of an input, from its first bytes where they are enough.
    pub(crate) fn of(input: &Input) -> Result<Self> {
        let opened = input.open()?;
        Ok(Self::Picture(opened.bytes()?))
    }
}
