use std::sync::Arc;

use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Chosen places along an axis, in the order of a fixed list: result place `i` is input place `indices[i]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gather {
    /// The axis, counted from the front.
    pub axis: usize,
    /// The places to take, each below the axis's size; they may repeat.
    pub indices: Arc<[usize]>,
}

impl Primitive for Gather {
    const NAME: &'static str = "gather";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let Some(&size) = x.get(self.axis) else { return fail(format!("{x} has no axis {}", self.axis)) };
        if self.indices.is_empty() {
            return fail(format!("takes nothing of axis {} of {x}", self.axis));
        }
        if let Some(outside) = self.indices.iter().find(|&&index| index >= size) {
            return fail(format!("index {outside} lies outside axis {} of {x}", self.axis));
        }
        Ok(x.with(self.axis, self.indices.len()))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        Tensor::from_fn(shape, |at| {
            let mut from = at.to_vec();
            from[self.axis] = self.indices[at[self.axis]];
            inputs[0].at(&from)
        })
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // The last two axes are the picture's.
        if self.axis + 2 < inputs[0].rank() { Spread::POINT } else { Spread::Whole }
    }
}
