use std::fmt;
use std::ops::Deref;

use crate::{Error, Result};

/// The dimensions of a tensor, outermost first. Pictures are `[batch, channels, height, width]`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shape(Vec<usize>);

/// The dimensions of a picture-shaped (rank 4) tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageShape {
    /// Number of pictures.
    pub batch: usize,
    /// Channels of each picture.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl Shape {
    /// The shape with these dimensions, outermost first.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self(dims.into())
    }

    /// The shape of `batch` pictures.
    pub fn image(batch: usize, channels: usize, height: usize, width: usize) -> Self {
        Self(vec![batch, channels, height, width])
    }

    /// Number of elements; saturates instead of overflowing.
    pub fn elements(&self) -> usize {
        self.0.iter().fold(1, |n, &d| n.saturating_mul(d))
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// For each dimension, the distance in elements between neighbours along it, in row-major order.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// The shape as a picture's.
    ///
    /// # Errors
    /// A shape error of `op` if the rank is not 4.
    pub fn as_image(&self, op: &'static str) -> Result<ImageShape> {
        match self.0[..] {
            [batch, channels, height, width] => Ok(ImageShape { batch, channels, height, width }),
            _ => Err(Error::shape(op, format!("needs batch x channels x height x width, not {self}"))),
        }
    }

    /// The shape of `self` and `other` broadcast against each other: aligned at the last dimension, each pair equal or
    /// one of them 1.
    ///
    /// # Errors
    /// A shape error of `op` if a pair of dimensions differs and neither is 1.
    pub fn broadcast(&self, other: &Shape, op: &'static str) -> Result<Shape> {
        let rank = self.rank().max(other.rank());
        let dim = |shape: &Shape, axis: usize| match (axis + shape.rank()).checked_sub(rank) {
            Some(own) => shape.0[own],
            None => 1,
        };
        (0..rank)
            .map(|axis| match (dim(self, axis), dim(other, axis)) {
                (a, b) if a == b => Ok(a),
                (1, b) => Ok(b),
                (a, 1) => Ok(a),
                _ => Err(Error::shape(op, format!("{self} and {other} do not broadcast"))),
            })
            .collect::<Result<Vec<_>>>()
            .map(Shape)
    }

    /// `axis` counted from the front, where negative values count from the back.
    ///
    /// # Errors
    /// A shape error of `op` if there is no such dimension.
    pub fn axis(&self, axis: isize, op: &'static str) -> Result<usize> {
        let rank = self.rank() as isize;
        let counted = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&counted) {
            Ok(counted as usize)
        } else {
            Err(Error::shape(op, format!("{self} has no axis {axis}")))
        }
    }

    /// The same shape with `size` along `axis`.
    pub fn with(&self, axis: usize, size: usize) -> Shape {
        let mut dims = self.0.clone();
        dims[axis] = size;
        Shape(dims)
    }
}

impl ImageShape {
    /// Pixels of all pictures together.
    pub fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }
}

impl From<ImageShape> for Shape {
    fn from(s: ImageShape) -> Self {
        Shape::image(s.batch, s.channels, s.height, s.width)
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("scalar");
        }
        for (i, d) in self.0.iter().enumerate() {
            write!(f, "{}{d}", if i == 0 { "" } else { "x" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shape({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_aligns_at_the_last_dimension() {
        let picture = Shape::image(2, 3, 4, 5);
        assert_eq!(picture.broadcast(&Shape::new([3, 1, 1]), "add").expect("per channel"), picture);
        assert_eq!(Shape::new([]).broadcast(&picture, "add").expect("scalar"), picture);
        assert!(picture.broadcast(&Shape::new([4]), "add").is_err());
    }

    #[test]
    fn strides_are_row_major_and_sizes_saturate() {
        assert_eq!(Shape::new([2, 3, 4]).strides(), [12, 4, 1]);
        assert_eq!(Shape::new([usize::MAX, 2]).elements(), usize::MAX);
    }
}
