use std::fmt;

use crate::{Error, Result, Shape};

/// How many elements are shown for people who look for mistakes.
const SHOWN: usize = 64;

/// A dense array of `f32` in row-major order (pictures: planar, `batch x channels x height x width`).
#[derive(Clone, PartialEq)]
pub struct Tensor {
    shape: Shape,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor over `data`, row-major.
    ///
    /// # Errors
    /// If the number of elements is not what the shape says.
    pub fn new(shape: Shape, data: Vec<f32>) -> Result<Self> {
        if shape.elements() != data.len() {
            let what = format!("{shape} holds {} elements, and {} were given", shape.elements(), data.len());
            return Err(Error::shape("tensor", what));
        }
        Ok(Self { shape, data })
    }

    /// A tensor of zeros.
    pub fn zeros(shape: Shape) -> Self {
        let data = vec![0.0; shape.elements()];
        Self { shape, data }
    }

    /// A tensor of rank 1.
    pub fn vector(data: Vec<f32>) -> Self {
        Self { shape: Shape::new([data.len()]), data }
    }

    /// A single number (rank 0).
    pub fn scalar(value: f32) -> Self {
        Self { shape: Shape::new([]), data: vec![value] }
    }

    /// The tensor whose element at each multi-index is `f(index)`.
    pub fn from_fn(shape: Shape, mut f: impl FnMut(&[usize]) -> f32) -> Self {
        let mut data = Vec::with_capacity(shape.elements());
        let mut index = vec![0; shape.rank()];
        for _ in 0..shape.elements() {
            data.push(f(&index));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Self { shape, data }
    }

    /// Its dimensions.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its elements, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Its elements, row-major, to be changed.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Its elements, row-major, without the shape.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The element at a multi-index. Panics outside the shape.
    pub fn at(&self, index: &[usize]) -> f32 {
        self.data[offset(&self.shape, index)]
    }

    /// The element that the multi-index `index` of a larger shape reads when this tensor is broadcast to it. Panics
    /// outside the shape.
    pub fn at_broadcast(&self, index: &[usize]) -> f32 {
        let own = &index[index.len() - self.shape.rank()..];
        let offset =
            own.iter().zip(self.shape.iter()).fold(0, |o, (&i, &d)| o * d + if d == 1 { 0 } else { i });
        self.data[offset]
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// If the number of elements differs.
    pub fn reshaped(self, shape: Shape) -> Result<Self> {
        Self::new(shape, self.data)
    }

    /// Each element replaced by `f` of it.
    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.data.iter_mut().for_each(|v| *v = f(*v));
        self
    }
}

/// The shape and the first elements: a network's weights are millions.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.data[..self.data.len().min(SHOWN)];
        f.debug_struct("Tensor").field("shape", &self.shape).field("data", &shown).finish_non_exhaustive()
    }
}

fn offset(shape: &Shape, index: &[usize]) -> usize {
    assert_eq!(index.len(), shape.rank(), "an index of another rank than {shape}");
    index.iter().zip(shape.iter()).fold(0, |offset, (&i, &d)| {
        assert!(i < d, "index {index:?} outside {shape}");
        offset * d + i
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_row_major() {
        let t = Tensor::from_fn(Shape::new([2, 3]), |i| (10 * i[0] + i[1]) as f32);
        assert_eq!(t.data(), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
        assert_eq!(t.at(&[1, 2]), 12.0);
        assert!(Tensor::new(Shape::new([2, 2]), vec![0.0; 3]).is_err());
    }

    #[test]
    fn broadcast_reads_repeat_ones() {
        let slopes = Tensor::new(Shape::new([2, 1, 1]), vec![5.0, 6.0]).expect("two slopes");
        assert_eq!(slopes.at_broadcast(&[0, 1, 7, 9]), 6.0);
    }
}
