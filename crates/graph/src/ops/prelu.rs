use std::sync::Arc;

use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Leaky ReLU with learned slopes, over axis 1: `x` if positive, else `slope * x` (He et al. 2015, arXiv 1502.01852).
#[derive(Clone, Debug)]
pub struct Prelu {
    /// One slope for each channel, or a single one for all.
    pub slopes: Arc<Tensor>,
}

impl Primitive for Prelu {
    const NAME: &'static str = "prelu";
    const TOLERANCE: f32 = 1e-6;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let slopes = self.slopes.shape().elements();
        if x.rank() < 2 || (slopes != 1 && slopes != x[1]) {
            return Err(Error::shape(Self::NAME, format!("{slopes} slopes do not fit {x}")));
        }
        Ok(x.clone())
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let slopes = self.slopes.data();
        Tensor::from_fn(shape, |at| {
            let x = inputs[0].at(at);
            if x > 0.0 { x } else { x * slopes[at[1] % slopes.len()] }
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::POINT
    }

    fn learned(&self) -> Vec<&Tensor> {
        vec![&self.slopes]
    }
}
