//! How the result of a tile becomes part of a picture.

use std::ops::Range;

use amplio_graph::Pixels;

use crate::passes::Pass;
use crate::tiles::Span;
use crate::{Error, Result};

/// What a pass gives for a tile.
pub(crate) enum Output<'a> {
    /// Rows, and which row of the picture is the first of them.
    Rows(usize, Pixels<'a>),
    /// The same everywhere.
    Constant(f32),
}

/// Where the result of a tile goes.
pub(crate) struct Join<'a> {
    pub(crate) row: &'a Span,
    pub(crate) column: &'a Span,
    pub(crate) scale: usize,
    /// Samples of a pixel of the picture.
    pub(crate) channels: usize,
    /// Pixels in a row of the picture; a tile may compute more, beyond it.
    pub(crate) width: usize,
}

impl Join<'_> {
    /// Adds these rows of the tile's result, weighted by its window, to `results`, which begin with them.
    pub(crate) fn add(
        &self,
        rows: Range<usize>,
        pass: &Pass,
        output: &Output,
        results: &mut [f32],
    ) -> Result<()> {
        let Self { row, column, scale, channels, width } = *self;
        let columns = column.reach(scale);
        let columns = columns.start..columns.end.min(width);
        let windows: Vec<f32> = columns.clone().map(|x| column.weight(x, scale)).collect();
        let left = columns.start - column.input.start * scale;
        for y in rows.clone() {
            let to = &mut results[(y - rows.start) * width * channels..];
            let to = &mut to[columns.start * channels..columns.end * channels];
            let blend = Blend { pass, channels, row: row.weight(y, scale), columns: &windows };
            let unsound = match output {
                Output::Constant(value) => blend.constant(*value, to),
                Output::Rows(top, pixels) => {
                    let first = (y - top) * pixels.width() + left;
                    let from =
                        &pixels.data()[first * pixels.channels()..][..columns.len() * pixels.channels()];
                    blend.pixels(from, pixels.channels(), to)
                }
            };
            if let Some((x, what)) = unsound {
                return Err(Error::NotFinite { what, x: columns.start + x, y });
            }
        }
        Ok(())
    }
}

/// How a row of a tile's result adds to the picture.
struct Blend<'a> {
    pass: &'a Pass,
    channels: usize,
    /// The weight of the row, and that of each of its pixels.
    row: f32,
    columns: &'a [f32],
}

/// A pixel of a row, counted from its first, and what the network gave there that is no finite number.
type Unsound = Option<(usize, f32)>;

impl Blend<'_> {
    fn constant(&self, value: f32, to: &mut [f32]) -> Unsound {
        for (to, column) in to.chunks_exact_mut(self.channels).zip(self.columns) {
            for (channel, _) in &self.pass.outputs {
                to[*channel] += self.row * column * value.clamp(0.0, 1.0);
            }
        }
        (!value.is_finite()).then_some((0, value))
    }

    fn pixels(&self, from: &[f32], outputs: usize, to: &mut [f32]) -> Unsound {
        let whole = self.row == 1.0 && self.columns.iter().all(|&column| column == 1.0);
        let sound = match whole && outputs == self.channels && self.pass.is_plain(outputs) {
            true => copied(from, to),
            false => self.mixed(from, outputs, to),
        };
        let values = || from.iter().enumerate().find(|(_, value)| !value.is_finite());
        if sound { None } else { values().map(|(i, value)| (i / outputs, *value)) }
    }

    /// Says whether all numbers were finite.
    fn mixed(&self, from: &[f32], outputs: usize, to: &mut [f32]) -> bool {
        let mut sound = true;
        let pixels = from.chunks_exact(outputs).zip(to.chunks_exact_mut(self.channels));
        for ((from, to), column) in pixels.zip(self.columns) {
            for (channel, mix) in &self.pass.outputs {
                let value = mix.of(from);
                sound &= value.is_finite();
                let value = if self.pass.alpha { settled(value) } else { value.clamp(0.0, 1.0) };
                to[*channel] += self.row * column * value;
            }
        }
        sound
    }
}

/// Copies numbers as samples; says whether all were finite.
fn copied(from: &[f32], to: &mut [f32]) -> bool {
    let mut sound = true;
    for (to, value) in to.iter_mut().zip(from) {
        sound &= value.is_finite();
        *to = value.clamp(0.0, 1.0);
    }
    sound
}

/// Alpha with the last levels at both ends taken for the ends: networks miss flat black and white by a level, and what was
/// invisible must not show.
fn settled(alpha: f32) -> f32 {
    const LEVELS: f32 = 1.5 / 255.0;
    ((alpha - LEVELS) / (1.0 - 2.0 * LEVELS)).clamp(0.0, 1.0)
}
