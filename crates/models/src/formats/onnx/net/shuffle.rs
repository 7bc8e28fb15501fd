//! Pixels to channels and back, which exporters write as a reshape, a transposition and a reshape. As what they are they
//! cost less, and it stays known which pixels they see.

use amplio_graph::ops::{PixelShuffle, PixelUnshuffle, Transpose};
use amplio_graph::{Op, Value};

use super::{Item, Made, Net};
use crate::Result;
use crate::formats::onnx::probes::PROBES;

impl Net {
    /// The value that equals `value`, where that is a reshape, a transposition and a reshape that mean a shuffle.
    pub(super) fn unshuffled(&mut self, value: Value) -> Result<Value> {
        let Some(shuffle) = self.shuffle(value) else { return Ok(value) };
        let (op, from) = shuffle;
        self.apply(op, &[Item::Value(from)]).and_then(|item| self.value(&item))
    }

    /// What one or more reshapes in a row are made of.
    fn before_reshapes(&self, mut value: Value) -> Value {
        while let Some(Made::Of(Op::Reshape(_), from)) = self.made.get(&value) {
            value = from[0];
        }
        value
    }

    fn shuffle(&self, value: Value) -> Option<(Op, Value)> {
        let transposed = self.before_reshapes(value);
        let Made::Of(Op::Transpose(Transpose { axes }), cut) = self.made.get(&transposed)? else {
            return None;
        };
        let cut = *cut.first()?;
        let from = self.before_reshapes(cut);
        let r = *match axes[..] {
            [0, 1, 4, 2, 5, 3] => self.shapes(cut)[0].get(2),
            [0, 1, 3, 5, 2, 4] => self.shapes(cut)[0].get(3),
            _ => None,
        }?;
        let all = |fits: Fits| {
            (0..PROBES).all(|p| fits(r, &self.shapes(from)[p], &self.shapes(cut)[p], &self.shapes(value)[p]))
        };
        match axes[1..] {
            [1, 4, ..] if all(larger) => Some((PixelShuffle { r }.into(), from)),
            [1, 3, ..] if all(smaller) => Some((PixelUnshuffle { r }.into(), from)),
            _ => None,
        }
    }
}

/// Whether a picture, cut into these axes and put together as this picture, is shuffled by blocks of `r` by `r` pixels.
type Fits = fn(r: usize, x: &[usize], cut: &[usize], y: &[usize]) -> bool;

fn larger(r: usize, x: &[usize], cut: &[usize], y: &[usize]) -> bool {
    match (x, cut, y) {
        (&[n, c, h, w], &[_, o, r1, r2, h1, w1], y) => {
            [r1, r2] == [r; 2] && [h1, w1] == [h, w] && *y == [n, o, h * r, w * r] && c == o * r * r
        }
        _ => false,
    }
}

fn smaller(r: usize, x: &[usize], cut: &[usize], y: &[usize]) -> bool {
    match (x, cut, y) {
        (&[n, c, h, w], &[_, c1, h1, r1, w1, r2], y) => {
            [r1, r2] == [r; 2] && [h1 * r, w1 * r] == [h, w] && *y == [n, c * r * r, h1, w1] && c1 == c
        }
        _ => false,
    }
}
