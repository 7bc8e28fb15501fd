//! Whether two tensors agree, and where they do not.

use amplio_graph::Tensor;

/// How far apart two tensors of one shape are.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The largest absolute difference of two elements; infinite where only one of them is a finite number.
    pub largest: f32,
    /// The multi-index of that element.
    pub at: Vec<usize>,
    /// The element there in the tensor under test.
    pub got: f32,
    /// The element there in the reference.
    pub expected: f32,
    /// The largest magnitude in the reference.
    pub magnitude: f32,
}

impl Difference {
    /// The largest difference as a fraction of the largest magnitude in the reference; 0 where there is no difference.
    pub fn relative(&self) -> f32 {
        if self.largest == 0.0 { 0.0 } else { self.largest / self.magnitude }
    }
}

/// How far `got` is from `expected`, which has the same shape (a panic tells otherwise) and at least one element.
pub fn difference(got: &Tensor, expected: &Tensor) -> Difference {
    let shape = expected.shape();
    assert_eq!(got.shape(), shape, "shapes differ");
    let apart = |got: f32, expected: f32| match got == expected || (got.is_nan() && expected.is_nan()) {
        true => 0.0,
        false if got.is_finite() && expected.is_finite() => (got - expected).abs(),
        false => f32::INFINITY,
    };
    let pairs = || got.data().iter().copied().zip(expected.data().iter().copied());
    let worst = pairs().map(|(a, b)| apart(a, b)).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    let (place, largest) = worst.expect("tensors have elements");
    let at = shape.strides().iter().zip(shape.iter()).map(|(stride, size)| place / stride % size).collect();
    let finite = expected.data().iter().filter(|v| v.is_finite());
    let magnitude = finite.fold(0.0, |most: f32, v| most.max(v.abs()));
    Difference { largest, at, got: got.data()[place], expected: expected.data()[place], magnitude }
}

/// Whether `got` is `expected`, give or take `tolerance` times the largest magnitude in `expected`.
///
/// # Errors
/// A sentence that says where they differ most, and by how much; or that their shapes differ.
pub fn compare(got: &Tensor, expected: &Tensor, tolerance: f32) -> Result<(), String> {
    if got.shape() != expected.shape() {
        return Err(format!("the shape is {} and should be {}", got.shape(), expected.shape()));
    }
    let found = difference(got, expected);
    if found.largest <= tolerance * found.magnitude {
        return Ok(());
    }
    let Difference { largest, at, got: value, expected: should, magnitude } = &found;
    let over = got.data().iter().zip(expected.data()).filter(|(a, b)| {
        let fine = a == b || (a.is_nan() && b.is_nan()) || (*a - *b).abs() <= tolerance * magnitude;
        !fine
    });
    Err(format!(
        "off by {largest:e} at {at:?} of {}: {value:e} and not {should:e}; that is {:.2e} of the largest magnitude \
         {magnitude:e}, and {tolerance:.2e} are allowed; {} of {} elements are too far off",
        expected.shape(),
        found.relative(),
        over.count(),
        expected.data().len(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplio_graph::Shape;

    #[test]
    fn says_where_and_how_much() {
        let expected = Tensor::from_fn(Shape::new([2, 3]), |at| (at[0] * 3 + at[1]) as f32);
        let mut got = expected.clone();
        assert_eq!(compare(&got, &expected, 0.0), Ok(()));
        got.data_mut()[4] = 4.5;
        let found = difference(&got, &expected);
        assert_eq!((found.largest, found.at.as_slice(), found.relative()), (0.5, &[1, 1][..], 0.1));
        assert!(compare(&got, &expected, 0.11).is_ok());
        assert!(compare(&got, &expected, 0.09).is_err_and(|what| what.contains("[1, 1] of 2x3")));
    }

    #[test]
    fn numbers_that_are_none_agree_only_with_each_other() {
        let nan = Tensor::vector(vec![1.0, f32::NAN]);
        assert!(compare(&nan, &nan, 0.0).is_ok());
        assert!(compare(&nan, &Tensor::vector(vec![1.0, 2.0]), 9.0).is_err());
        assert!(compare(&Tensor::vector(vec![1.0, f32::INFINITY]), &nan, 9.0).is_err());
    }
}
