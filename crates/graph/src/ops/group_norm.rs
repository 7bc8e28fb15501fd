use std::sync::Arc;

use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Groups of channels brought to mean 0 and variance 1 over all their pixels, for each picture alone: `(x - mean) /
/// sqrt(variance + epsilon) * weight + bias` (Wu and He 2018, arXiv 1803.08494). With as many groups as channels it is
/// instance norm.
///
/// Input `[n, channels, ...]`.
#[derive(Clone, Debug)]
pub struct GroupNorm {
    /// Number of groups; divides the channels.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// A factor for each channel.
    pub weight: Option<Arc<Tensor>>,
    /// A summand for each channel.
    pub bias: Option<Arc<Tensor>>,
}

impl Primitive for GroupNorm {
    const NAME: &'static str = "group_norm";
    const TOLERANCE: f32 = 5e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let Some(&channels) = x.get(1) else { return fail(format!("{x} has no channels")) };
        if self.groups == 0 || channels % self.groups != 0 {
            return fail(format!("the channels of {x} do not make {} groups", self.groups));
        }
        for parameter in [&self.weight, &self.bias].into_iter().flatten() {
            if parameter.shape().elements() != channels {
                return fail(format!(
                    "weight or bias {} does not fit the channels of {x}",
                    parameter.shape()
                ));
            }
        }
        Ok((*x).clone())
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0].data();
        let channels = shape[1];
        let pixels: usize = shape[2..].iter().product();
        let mut result = Tensor::zeros(shape);
        // One group of one picture lies in one piece.
        let size = channels / self.groups * pixels;
        for start in (0..x.len()).step_by(size.max(1)) {
            let group = &x[start..start + size];
            let average =
                |f: &dyn Fn(f64) -> f64| group.iter().map(|&x| f(f64::from(x))).sum::<f64>() / size as f64;
            let mean = average(&|x| x);
            let variance = average(&|x| (x - mean).powi(2));
            let factor = 1.0 / (variance + f64::from(self.epsilon)).sqrt();
            for (i, x) in group.iter().enumerate() {
                let place = start + i;
                let channel = place / pixels % channels;
                let weight = self.weight.as_ref().map_or(1.0, |w| f64::from(w.data()[channel]));
                let bias = self.bias.as_ref().map_or(0.0, |b| f64::from(b.data()[channel]));
                result.data_mut()[place] = ((f64::from(*x) - mean) * factor * weight + bias) as f32;
            }
        }
        result
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::Whole
    }

    fn learned(&self) -> Vec<&Tensor> {
        [&self.weight, &self.bias].into_iter().flatten().map(|tensor| &**tensor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_normalised_alone() {
        let x = Tensor::new(Shape::new([1, 4, 1]), vec![1.0, 3.0, 10.0, 30.0]).expect("four numbers");
        let op = GroupNorm {
            groups: 2,
            epsilon: 0.0,
            weight: Some(Arc::new(Tensor::vector(vec![1.0, 2.0, 3.0, 4.0]))),
            bias: None,
        };
        assert_eq!(op.reference(&[&x], x.shape().clone()).data(), [-1.0, 2.0, -3.0, 4.0]);
        assert!(GroupNorm { groups: 3, ..op.clone() }.shape(&[x.shape()]).is_err());
        assert!(GroupNorm { groups: 0, ..op }.shape(&[x.shape()]).is_err());
    }
}
