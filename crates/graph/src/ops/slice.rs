use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// A range of an axis, as in Python: the places `start`, `start + step`, … below `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The axis, counted from the front.
    pub axis: usize,
    /// The first place; negative from the end, clamped to the axis.
    pub start: isize,
    /// The place after the last; negative from the end, clamped to the axis. [`isize::MAX`] for all that remain.
    pub end: isize,
    /// From one place to the next; not zero.
    pub step: usize,
}

impl Slice {
    /// The places taken of an axis of `size` places: the first, and how many.
    pub fn range(&self, size: usize) -> (usize, usize) {
        let clamped = |place: isize| match usize::try_from(place) {
            Ok(place) => place.min(size),
            Err(_) => size.saturating_sub(place.unsigned_abs()),
        };
        let start = clamped(self.start);
        (start, clamped(self.end).saturating_sub(start).div_ceil(self.step))
    }
}

impl Primitive for Slice {
    const NAME: &'static str = "slice";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let Some(&size) = x.get(self.axis) else { return fail(format!("{x} has no axis {}", self.axis)) };
        if self.step == 0 {
            return fail(format!("steps of zero along axis {} of {x}", self.axis));
        }
        let (_, length) = self.range(size);
        if length == 0 {
            return fail(format!(
                "{} to {} takes nothing of axis {} of {x}",
                self.start, self.end, self.axis
            ));
        }
        Ok(x.with(self.axis, length))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let (start, _) = self.range(inputs[0].shape()[self.axis]);
        Tensor::from_fn(shape, |at| {
            let mut from = at.to_vec();
            from[self.axis] = start + at[self.axis] * self.step;
            inputs[0].at(&from)
        })
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // The last two axes are the picture's. A range that is counted from one end only moves pixels by a fixed distance.
        let Some(side) = (self.axis + 2).checked_sub(inputs[0].rank()) else { return Spread::POINT };
        let open = self.end < 0 || self.end == isize::MAX;
        match usize::try_from(self.start) {
            Ok(start) if open => {
                let (mut reach, mut by) = ([[0; 2]; 2], [1; 2]);
                reach[side][1] = start;
                by[side] = self.step;
                Spread::window(reach).reduced(by)
            }
            _ => Spread::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_python() {
        let range = |start, end, step| Slice { axis: 0, start, end, step }.range(10);
        assert_eq!(range(0, isize::MAX, 1), (0, 10));
        assert_eq!(range(-3, isize::MAX, 1), (7, 3));
        assert_eq!(range(2, -1, 3), (2, 3));
        assert_eq!(range(-99, 99, 4), (0, 3));
        assert_eq!(range(isize::MIN, isize::MIN, 1), (0, 0));
        assert_eq!(range(7, 3, 1), (7, 0));
        assert_eq!(range(9, isize::MAX, usize::MAX), (9, 1));
    }
}
