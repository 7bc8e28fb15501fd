use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Exponentials along an axis, divided by their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// The axis, counted from the front.
    pub axis: usize,
}

impl Primitive for Softmax {
    const NAME: &'static str = "softmax";
    const TOLERANCE: f32 = 1e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        if self.axis >= x.rank() {
            return Err(Error::shape(Self::NAME, format!("{x} has no axis {}", self.axis)));
        }
        Ok((*x).clone())
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0].data();
        let size = shape[self.axis];
        let step = shape.strides()[self.axis];
        let mut result = Tensor::zeros(shape);
        // The first element of each line along the axis.
        for start in (0..x.len()).filter(|i| (i / step).is_multiple_of(size)) {
            let line = || (0..size).map(|i| start + i * step);
            // Subtracting the largest changes nothing but that no exponential overflows.
            let largest = line().map(|i| x[i]).fold(f32::NEG_INFINITY, f32::max);
            let exponential = |i: usize| f64::from(x[i] - largest).exp();
            let total: f64 = line().map(exponential).sum();
            for i in line() {
                result.data_mut()[i] = (exponential(i) / total) as f32;
            }
        }
        result
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // The last two axes are a picture's.
        if self.axis + 2 < inputs[0].rank() { Spread::POINT } else { Spread::Whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_to_one_along_its_axis() {
        let x = Tensor::new(Shape::new([2, 2]), vec![1000.0, 0.0, 1000.0, 3f32.ln()]).expect("four numbers");
        let y = Softmax { axis: 0 }.reference(&[&x], x.shape().clone());
        for (got, expected) in y.data().iter().zip([0.5, 0.25, 0.5, 0.75]) {
            assert!((got - expected).abs() < 1e-6);
        }
    }
}
