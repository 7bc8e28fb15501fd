use std::sync::Arc;

use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Elements along one axis brought to mean 0 and variance 1, `(x - mean) / sqrt(variance + epsilon) * weight + bias` (Ba
/// et al. 2016, arXiv 1607.06450), or, not centred, divided by their root mean square (Zhang and Sennrich 2019, arXiv
/// 1910.07467).
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// The axis, counted from the front: the last of tokens `[n, l, c]`, axis 1 of pictures.
    pub axis: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether the mean is subtracted (layer norm) or counts as zero (RMS norm).
    pub centred: bool,
    /// A factor for each place along the axis.
    pub weight: Option<Arc<Tensor>>,
    /// A summand for each place along the axis.
    pub bias: Option<Arc<Tensor>>,
}

impl Primitive for LayerNorm {
    const NAME: &'static str = "layer_norm";
    const TOLERANCE: f32 = 2e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let Some(&size) = x.get(self.axis) else { return fail(format!("{x} has no axis {}", self.axis)) };
        for parameter in [&self.weight, &self.bias].into_iter().flatten() {
            if parameter.shape().elements() != size {
                return fail(format!(
                    "weight or bias {} does not fit axis {} of {x}",
                    parameter.shape(),
                    self.axis
                ));
            }
        }
        Ok((*x).clone())
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0];
        let size = shape[self.axis];
        let step = shape.strides()[self.axis];
        let mut result = Tensor::zeros(shape);
        // The first element of each line along the axis.
        let starts = (0..x.data().len()).filter(|i| (i / step).is_multiple_of(size));
        for start in starts {
            let line = || (0..size).map(|i| start + i * step);
            let average = |f: &dyn Fn(f64) -> f64| -> f64 {
                line().map(|i| f(f64::from(x.data()[i]))).sum::<f64>() / size as f64
            };
            let mean = if self.centred { average(&|x| x) } else { 0.0 };
            let variance = average(&|x| (x - mean).powi(2));
            let factor = 1.0 / (variance + f64::from(self.epsilon)).sqrt();
            for (i, place) in line().enumerate() {
                let weight = self.weight.as_ref().map_or(1.0, |w| f64::from(w.data()[i]));
                let bias = self.bias.as_ref().map_or(0.0, |b| f64::from(b.data()[i]));
                let normal = (f64::from(x.data()[place]) - mean) * factor;
                result.data_mut()[place] = (normal * weight + bias) as f32;
            }
        }
        result
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // The last two axes are a picture's; along the last one of tokens nothing moves either.
        let rank = inputs[0].rank();
        let tokens = rank == 3 && self.axis == 2;
        if tokens || self.axis + 2 < rank { Spread::POINT } else { Spread::Whole }
    }

    fn learned(&self) -> Vec<&Tensor> {
        [&self.weight, &self.bias].into_iter().flatten().map(|tensor| &**tensor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_along_its_axis() {
        let x = Tensor::new(Shape::new([2, 2]), vec![1.0, 10.0, 3.0, 30.0]).expect("four numbers");
        let mut op = LayerNorm {
            axis: 0,
            epsilon: 0.0,
            centred: true,
            weight: Some(Arc::new(Tensor::vector(vec![1.0, 2.0]))),
            bias: Some(Arc::new(Tensor::vector(vec![0.0, 5.0]))),
        };
        assert_eq!(op.reference(&[&x], x.shape().clone()).data(), [-1.0, -1.0, 7.0, 7.0]);
        op.centred = false;
        let rms = op.reference(&[&x], x.shape().clone());
        // 1 / sqrt((1 + 9) / 2)
        assert!((rms.data()[0] - 0.447_213_6).abs() < 1e-6);
    }
}
