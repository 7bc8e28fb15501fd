use super::Primitive;
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Tensors one after the other along an axis; the other dimensions must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat {
    /// The axis, counted from the front.
    pub axis: usize,
}

impl Primitive for Concat {
    const NAME: &'static str = "concat";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let Some(first) = inputs.first() else { return fail("takes at least one input".into()) };
        if self.axis >= first.rank() {
            return fail(format!("{first} has no axis {}", self.axis));
        }
        let mut size = 0;
        for shape in inputs {
            if shape.rank() != first.rank() || shape.with(self.axis, 0) != first.with(self.axis, 0) {
                return fail(format!("{first} and {shape} do not meet along axis {}", self.axis));
            }
            size += shape[self.axis];
        }
        Ok(first.with(self.axis, size))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let owner: Vec<(usize, usize)> = inputs
            .iter()
            .enumerate()
            .flat_map(|(i, tensor)| (0..tensor.shape()[self.axis]).map(move |place| (i, place)))
            .collect();
        Tensor::from_fn(shape, |at| {
            let (input, place) = owner[at[self.axis]];
            let mut own = at.to_vec();
            own[self.axis] = place;
            inputs[input].at(&own)
        })
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // Along rows or columns it moves pixels far from their place.
        if inputs[0].rank() == 4 && self.axis < 2 { Spread::POINT } else { Spread::Whole }
    }
}
