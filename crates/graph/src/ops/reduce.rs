use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// One number for all elements along some axes. The mean over axes 2 and 3 of a picture is global average pooling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduce {
    /// What is taken of the elements.
    pub kind: ReduceKind,
    /// The axes, counted from the front, each once.
    pub axes: Vec<usize>,
    /// Whether the axes stay, with size 1.
    pub keep: bool,
}

/// What a [`Reduce`] takes of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReduceKind {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl Primitive for Reduce {
    const NAME: &'static str = "reduce";
    const TOLERANCE: f32 = 2e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let repeated = (1..self.axes.len()).any(|i| self.axes[..i].contains(&self.axes[i]));
        if self.axes.is_empty() || repeated || self.axes.iter().any(|&axis| axis >= x.rank()) {
            return fail(format!("{:?} are not axes of {x}", self.axes));
        }
        if self.axes.iter().any(|&axis| x[axis] == 0) {
            return fail(format!("{x} has no elements along {:?}", self.axes));
        }
        let dims = x.iter().zip(0..).filter_map(|(&size, axis)| match self.axes.contains(&axis) {
            true => self.keep.then_some(1),
            false => Some(size),
        });
        Ok(Shape::new(dims.collect::<Vec<_>>()))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0];
        let sizes: Vec<usize> = self.axes.iter().map(|&axis| x.shape()[axis]).collect();
        let count: usize = sizes.iter().product();
        Tensor::from_fn(shape, |at| {
            let mut kept = at.iter();
            let mut from: Vec<usize> = (0..x.shape().rank())
                .map(|axis| match self.keep || !self.axes.contains(&axis) {
                    true => kept.next().copied().unwrap_or(0),
                    false => 0,
                })
                .collect();
            let elements = (0..count).map(|mut rest| {
                for (&axis, &size) in self.axes.iter().zip(&sizes) {
                    from[axis] = rest % size;
                    rest /= size;
                }
                f64::from(x.at(&from))
            });
            let value = match self.kind {
                ReduceKind::Mean => elements.sum::<f64>() / count as f64,
                ReduceKind::Sum => elements.sum(),
                ReduceKind::Max => elements.fold(f64::NEG_INFINITY, f64::max),
                ReduceKind::Min => elements.fold(f64::INFINITY, f64::min),
            };
            value as f32
        })
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // The last two axes are a picture's.
        let picture = inputs[0].rank().saturating_sub(2);
        if self.axes.iter().all(|&axis| axis < picture) { Spread::POINT } else { Spread::Whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduces_the_axes_it_is_told() {
        let x = Tensor::from_fn(Shape::new([2, 3, 2]), |at| (100 * at[0] + 10 * at[1] + at[2]) as f32);
        let reduced = |kind, axes: &[usize], keep| {
            let op = Reduce { kind, axes: axes.to_vec(), keep };
            op.reference(&[&x], op.shape(&[x.shape()]).expect("fits"))
        };
        assert_eq!(reduced(ReduceKind::Mean, &[0, 2], true).shape(), &Shape::new([1, 3, 1]));
        assert_eq!(reduced(ReduceKind::Mean, &[0, 2], true).data(), [50.5, 60.5, 70.5]);
        assert_eq!(reduced(ReduceKind::Sum, &[1], false).data(), [30.0, 33.0, 330.0, 333.0]);
        assert_eq!(reduced(ReduceKind::Max, &[2, 1], false).data(), [21.0, 121.0]);
        assert_eq!(reduced(ReduceKind::Min, &[0, 1, 2], false).shape(), &Shape::new([]));
        for axes in [vec![], vec![3], vec![1, 1]] {
            assert!(Reduce { kind: ReduceKind::Sum, axes, keep: true }.shape(&[x.shape()]).is_err());
        }
    }
}
