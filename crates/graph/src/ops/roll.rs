use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Elements moved along an axis, those that leave at one end entering at the other: input place `i` becomes result place
/// `i + shift`, modulo the axis's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roll {
    /// The axis, counted from the front.
    pub axis: usize,
    /// By how many places; negative towards the front.
    pub shift: isize,
}

impl Roll {
    /// The shift as a number from 0 to below `size`, with the same effect on an axis of that size (which is not zero).
    pub fn forward(&self, size: usize) -> usize {
        let steps = self.shift.unsigned_abs() % size;
        if self.shift < 0 { (size - steps) % size } else { steps }
    }
}

impl Primitive for Roll {
    const NAME: &'static str = "roll";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        if self.axis >= x.rank() {
            return Err(Error::shape(Self::NAME, format!("{x} has no axis {}", self.axis)));
        }
        Ok((*x).clone())
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let size = shape[self.axis];
        Tensor::from_fn(shape, |at| {
            let mut from = at.to_vec();
            from[self.axis] = (at[self.axis] + size - self.forward(size)) % size;
            inputs[0].at(&from)
        })
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // The last two axes are the picture's.
        if self.axis + 2 < inputs[0].rank() { Spread::POINT } else { Spread::Whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_leave_at_one_end_and_enter_at_the_other() {
        let rolled = |shift| {
            let x = Tensor::vector(vec![0.0, 1.0, 2.0, 3.0, 4.0]);
            Roll { axis: 0, shift }.reference(&[&x], x.shape().clone()).into_data()
        };
        assert_eq!(rolled(2), [3.0, 4.0, 0.0, 1.0, 2.0]);
        assert_eq!(rolled(-1), [1.0, 2.0, 3.0, 4.0, 0.0]);
        assert_eq!(rolled(-10), [0.0, 1.0, 2.0, 3.0, 4.0]);
        // The smallest isize is -2^63, and 2^63 leaves 3 when divided by 5.
        assert_eq!(rolled(isize::MIN), rolled(-3));
    }
}
