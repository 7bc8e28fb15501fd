use super::Primitive;
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// The same elements, in the same row-major order, under other dimensions.
///
/// A second input, if given, is only a template of sizes; see [`Dim::Like`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// The dimensions of the result, outermost first; at most one is [`Dim::Infer`].
    pub dims: Vec<Dim>,
}

/// One dimension of a [`Reshape`]'s result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim {
    /// This size.
    Fixed(usize),
    /// The size of this axis of the first input.
    Keep(usize),
    /// The size of this axis of the second input.
    Like(usize),
    /// What the other dimensions leave.
    Infer,
}

impl Primitive for Reshape {
    const NAME: &'static str = "reshape";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let (&[x] | &[x, _]) = inputs else {
            return fail(format!("takes a tensor and perhaps a template, and has {} inputs", inputs.len()));
        };
        let misfit = || fail(format!("{x} does not become {:?}", self.dims));
        let mut dims = Vec::with_capacity(self.dims.len());
        let mut open = None;
        for (i, dim) in self.dims.iter().enumerate() {
            let size = match *dim {
                Dim::Fixed(size) => Some(size),
                Dim::Keep(axis) => x.get(axis).copied(),
                Dim::Like(axis) => inputs.get(1).and_then(|like| like.get(axis)).copied(),
                Dim::Infer if open.replace(i).is_some() => None,
                Dim::Infer => Some(1),
            };
            let Some(size) = size else { return misfit() };
            dims.push(size);
        }
        let mut result = Shape::new(dims);
        if let Some(open) = open {
            match x.elements().checked_div(result.elements()) {
                Some(size) => result = result.with(open, size),
                None => return misfit(),
            }
        }
        if result.elements() == x.elements() { Ok(result) } else { misfit() }
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let mut result = Tensor::zeros(shape);
        result.data_mut().copy_from_slice(inputs[0].data());
        result
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // The last two axes are the picture's; the others may be cut and joined.
        let picture = |shape: &[usize]| shape.last_chunk::<2>().copied();
        match self.shape(inputs) {
            Ok(shape) if picture(&shape).is_some() && picture(&shape) == picture(inputs[0]) => Spread::POINT,
            _ => Spread::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_kept_copied_and_inferred() {
        let x = Shape::new([2, 12, 5]);
        let like = Shape::new([7, 3]);
        let shape = |dims: &[Dim]| Reshape { dims: dims.to_vec() }.shape(&[&x, &like]);
        let split = shape(&[Dim::Keep(0), Dim::Like(1), Dim::Infer, Dim::Keep(2)]);
        assert_eq!(split.expect("fits"), Shape::new([2, 3, 4, 5]));
        assert_eq!(shape(&[Dim::Infer]).expect("fits"), Shape::new([120]));
        for dims in [
            &[Dim::Fixed(7), Dim::Infer][..],
            &[Dim::Fixed(0), Dim::Infer],
            &[Dim::Infer, Dim::Infer],
            &[Dim::Keep(3)],
            &[Dim::Like(2)],
            &[Dim::Fixed(usize::MAX), Dim::Fixed(2), Dim::Infer],
            &[],
        ] {
            assert!(shape(dims).is_err(), "{dims:?}");
        }
    }
}
