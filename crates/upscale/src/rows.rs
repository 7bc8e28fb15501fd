//! A picture as it flows: rows, asked for from top to bottom, made when they are needed.
//!
//! Each stage asks the one before it for the rows that it needs, which may overlap those it has asked for before, but
//! never begins above them. So memory holds bands of the picture, and never all of it.

pub(crate) mod crop;
mod join;
pub(crate) mod network;
pub(crate) mod resampled;
mod rolling;
pub(crate) mod source;

use std::ops::Range;

use crate::Result;

pub(crate) use rolling::Rolling;

/// Width and height in pixels, and the samples of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
}

impl Frame {
    /// Samples in a row.
    pub(crate) fn row(self) -> usize {
        self.width * self.channels
    }
}

/// A stage of the flow. Samples are interleaved, as encoded, 0 black and 1 white.
pub(crate) trait Rows {
    /// The size of the picture.
    fn frame(&self) -> Frame;

    /// The samples of these rows. The first row is never above that of an earlier call.
    fn read(&mut self, rows: Range<usize>) -> Result<&[f32]>;
}
