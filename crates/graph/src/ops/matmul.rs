use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// The product of matrices `[..., m, k]` and `[..., k, n]`; leading dimensions broadcast, as in NumPy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatMul;

impl Primitive for MatMul {
    const NAME: &'static str = "matmul";
    const TOLERANCE: f32 = 2e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [a, b] = take(Self::NAME, inputs)?;
        let fail = || Err(Error::shape(Self::NAME, format!("{a} and {b} have no product")));
        let ([left @ .., m, k], [right @ .., rows, n]) = (&a[..], &b[..]) else { return fail() };
        if k != rows {
            return fail();
        }
        let batch = Shape::new(left).broadcast(&Shape::new(right), Self::NAME)?;
        Ok(Shape::new([&batch[..], &[*m, *n]].concat()))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let [a, b] = [inputs[0], inputs[1]];
        let last = shape.rank() - 1;
        let inner = a.shape()[a.shape().rank() - 1];
        Tensor::from_fn(shape, |at| {
            let (mut row, mut column) = (at.to_vec(), at.to_vec());
            let products = (0..inner).map(|k| {
                row[last] = k;
                column[last - 1] = k;
                f64::from(a.at_broadcast(&row)) * f64::from(b.at_broadcast(&column))
            });
            products.sum::<f64>() as f32
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::Whole
    }

    fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        let inner = inputs[0].last().copied().unwrap_or(0);
        output.elements().saturating_mul(inner) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_dimensions_broadcast() {
        let a = Tensor::from_fn(Shape::new([2, 1, 1, 2]), |at| (1 + 2 * at[0] + at[3]) as f32);
        let b = Tensor::from_fn(Shape::new([3, 2, 1]), |at| (10 * at[0] + at[1]) as f32);
        let shape = MatMul.shape(&[a.shape(), b.shape()]).expect("fits");
        assert_eq!(shape, Shape::new([2, 3, 1, 1]));
        // [1 2] and [3 4] times [0 1], [10 11] and [20 21]
        assert_eq!(MatMul.reference(&[&a, &b], shape).data(), [2.0, 32.0, 62.0, 4.0, 74.0, 144.0]);
        assert!(MatMul.shape(&[&Shape::new([2]), &Shape::new([2, 2])]).is_err());
        assert!(MatMul.shape(&[&Shape::new([2, 3]), &Shape::new([2, 3])]).is_err());
    }
}
