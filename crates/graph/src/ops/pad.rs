use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Rows and columns added around the last two axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad {
    /// What they hold.
    pub mode: PadMode,
    /// How many: top, left, bottom, right.
    pub amounts: [usize; 4],
}

/// What a [`Pad`] adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// A number.
    Constant(f32),
    /// The picture mirrored at its outermost pixels, which are not repeated; fewer rows or columns than the picture has.
    Reflect,
    /// The outermost pixels, repeated.
    Replicate,
    /// The picture again, as tiles; at most as many rows or columns as it has.
    Wrap,
}

impl Pad {
    /// The place along a side (0 vertical, 1 horizontal) of `size` pixels that result place `at` repeats; `None` where the
    /// result holds the constant.
    pub fn source(&self, at: usize, side: usize, size: usize) -> Option<usize> {
        let before = self.amounts[side];
        match (at.checked_sub(before), self.mode) {
            (Some(inside), _) if inside < size => Some(inside),
            (_, PadMode::Constant(_)) => None,
            (None, PadMode::Reflect) => Some(before - at),
            (Some(past), PadMode::Reflect) => Some(2 * size - 2 - past),
            (None, PadMode::Replicate) => Some(0),
            (Some(_), PadMode::Replicate) => Some(size - 1),
            (None, PadMode::Wrap) => Some(size + at - before),
            (Some(past), PadMode::Wrap) => Some(past - size),
        }
    }
}

impl Primitive for Pad {
    const NAME: &'static str = "pad";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let Some(first) = x.rank().checked_sub(2) else {
            return fail(format!("{x} has no rows and columns"));
        };
        let mut padded = (*x).clone();
        for side in 0..2 {
            let size = x[first + side];
            let (before, after) = (self.amounts[side], self.amounts[side + 2]);
            let most = match self.mode {
                PadMode::Constant(_) => usize::MAX,
                PadMode::Replicate => {
                    if size == 0 {
                        0
                    } else {
                        usize::MAX
                    }
                }
                PadMode::Reflect => size.saturating_sub(1),
                PadMode::Wrap => size,
            };
            let sum = before.checked_add(after).and_then(|more| more.checked_add(size));
            match sum {
                Some(sum) if before <= most && after <= most => padded = padded.with(first + side, sum),
                _ => return fail(format!("{x} cannot be padded by {:?} ({:?})", self.amounts, self.mode)),
            }
        }
        Ok(padded)
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0];
        let first = shape.rank() - 2;
        let constant = if let PadMode::Constant(value) = self.mode { value } else { 0.0 };
        Tensor::from_fn(shape, |at| {
            let mut from = at.to_vec();
            for side in 0..2 {
                match self.source(at[first + side], side, x.shape()[first + side]) {
                    Some(place) => from[first + side] = place,
                    None => return constant,
                }
            }
            x.at(&from)
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        let [top, left, bottom, right] = self.amounts;
        // Every pixel moves by what is added before it; those that are added look back at what they repeat.
        let reach = [[top, bottom], [left, right]].map(|[before, after]| match self.mode {
            PadMode::Constant(_) => [before, 0],
            PadMode::Replicate => [before.saturating_add(after), 0],
            PadMode::Reflect => [before.saturating_add(after.saturating_mul(2)), before],
            PadMode::Wrap => [0, 0],
        });
        if self.mode == PadMode::Wrap && self.amounts != [0; 4] {
            Spread::Whole
        } else {
            Spread::window(reach)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(mode: PadMode, left: usize, right: usize) -> Vec<f32> {
        let x = Tensor::new(Shape::new([1, 3]), vec![1.0, 2.0, 3.0]).expect("three numbers");
        let op = Pad { mode, amounts: [0, left, 0, right] };
        op.reference(&[&x], op.shape(&[x.shape()]).expect("fits")).into_data()
    }

    #[test]
    fn modes() {
        assert_eq!(padded(PadMode::Constant(9.0), 1, 2), [9.0, 1.0, 2.0, 3.0, 9.0, 9.0]);
        assert_eq!(padded(PadMode::Reflect, 2, 2), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
        assert_eq!(padded(PadMode::Replicate, 2, 4), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
        assert_eq!(padded(PadMode::Wrap, 2, 3), [2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn too_much_is_refused() {
        let x = Shape::new([3, 3]);
        for (mode, amount) in
            [(PadMode::Reflect, 3), (PadMode::Wrap, 4), (PadMode::Constant(0.0), usize::MAX)]
        {
            assert!(Pad { mode, amounts: [0, 0, amount, 0] }.shape(&[&x]).is_err());
        }
    }
}
