use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// The axes in another order: axis `i` of the result is axis `axes[i]` of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transpose {
    /// Each of the input's axes, counted from the front, once.
    pub axes: Vec<usize>,
}

impl Primitive for Transpose {
    const NAME: &'static str = "transpose";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..x.rank()) {
            return Err(Error::shape(
                Self::NAME,
                format!("{:?} is not an order of the axes of {x}", self.axes),
            ));
        }
        Ok(Shape::new(self.axes.iter().map(|&axis| x[axis]).collect::<Vec<_>>()))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let mut from = vec![0; shape.rank()];
        Tensor::from_fn(shape, |at| {
            for (&axis, &place) in self.axes.iter().zip(at) {
                from[axis] = place;
            }
            inputs[0].at(&from)
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        // The last two axes are the picture's; the others may change places.
        let picture = self.axes.len().saturating_sub(2);
        if self.axes.iter().zip(0..).skip(picture).all(|(&axis, i)| axis == i) {
            Spread::POINT
        } else {
            Spread::Whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_say_where_each_result_axis_comes_from() {
        let x = Tensor::from_fn(Shape::new([2, 3, 4]), |at| (100 * at[0] + 10 * at[1] + at[2]) as f32);
        let op = Transpose { axes: vec![1, 2, 0] };
        let shape = op.shape(&[x.shape()]).expect("fits");
        assert_eq!(shape, Shape::new([3, 4, 2]));
        assert_eq!(op.reference(&[&x], shape).at(&[2, 3, 1]), x.at(&[1, 2, 3]));
        for axes in [vec![0, 1], vec![0, 1, 1], vec![0, 1, 3]] {
            assert!(Transpose { axes }.shape(&[x.shape()]).is_err());
        }
    }
}
