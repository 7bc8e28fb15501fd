use std::borrow::Cow;
use std::ops::Range;

use crate::{Error, Result, Shape, Tensor};

/// A picture as it is stored: rows from top to bottom, pixels from left to right, the channels of a pixel together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels<'a> {
    height: usize,
    width: usize,
    channels: usize,
    data: Cow<'a, [f32]>,
}

impl<'a> Pixels<'a> {
    /// A picture over `data`.
    ///
    /// # Errors
    /// If the number of elements is not `height x width x channels`.
    pub fn new(
        height: usize,
        width: usize,
        channels: usize,
        data: impl Into<Cow<'a, [f32]>>,
    ) -> Result<Self> {
        let data = data.into();
        if Some(data.len()) != height.checked_mul(width).and_then(|n| n.checked_mul(channels)) {
            let what = format!("{height} x {width} x {channels} elements are not the {} given", data.len());
            return Err(Error::shape("pixels", what));
        }
        Ok(Self { height, width, channels, data })
    }

    /// The only picture of a tensor of `1 x channels x height x width`.
    ///
    /// # Errors
    /// If the tensor has another shape.
    pub fn from_tensor(tensor: &Tensor) -> Result<Pixels<'static>> {
        let [1, channels, height, width] = tensor.shape()[..] else {
            return Err(Error::shape("pixels", format!("{} is not one picture", tensor.shape())));
        };
        let mut data = vec![0.0; tensor.data().len()];
        for (c, plane) in tensor.data().chunks_exact((height * width).max(1)).enumerate() {
            for (to, from) in data[c..].iter_mut().step_by(channels).zip(plane) {
                *to = *from;
            }
        }
        Pixels::new(height, width, channels, data)
    }

    /// The picture, if it is over memory of its own.
    pub fn own(self) -> Option<Pixels<'static>> {
        let Self { height, width, channels, data } = self;
        match data {
            Cow::Owned(data) => Some(Pixels { height, width, channels, data: Cow::Owned(data) }),
            Cow::Borrowed(_) => None,
        }
    }

    /// The picture as a tensor of `1 x channels x height x width`.
    pub fn to_tensor(&self) -> Tensor {
        Tensor::from_fn(self.shape(), |at| self.data[(at[2] * self.width + at[3]) * self.channels + at[1]])
    }

    /// The shape of the tensor that it is: `1 x channels x height x width`.
    pub fn shape(&self) -> Shape {
        Shape::image(1, self.channels, self.height, self.width)
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Pixels of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Numbers of a pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Some of the rows.
    pub fn rows(&self, rows: Range<usize>) -> Pixels<'_> {
        let row = self.width * self.channels;
        let data = Cow::Borrowed(&self.data[rows.start * row..rows.end * row]);
        Pixels { height: rows.len(), data, ..*self }
    }

    /// The numbers.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The numbers, in memory of their own.
    pub fn into_data(self) -> Vec<f32> {
        self.data.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_and_its_pixels_hold_the_same() {
        let tensor =
            Tensor::from_fn(Shape::image(1, 3, 2, 5), |at| (at[1] * 100 + at[2] * 10 + at[3]) as f32);
        let pixels = Pixels::from_tensor(&tensor).expect("a picture");
        assert_eq!(pixels.data()[..6], [0.0, 100.0, 200.0, 1.0, 101.0, 201.0]);
        assert_eq!(pixels.to_tensor(), tensor);
        assert_eq!(pixels.rows(1..2).data(), &pixels.data()[15..]);
        assert!(Pixels::from_tensor(&Tensor::scalar(1.0)).is_err());
        assert!(Pixels::new(2, 2, 3, vec![0.0; 11]).is_err());
    }
}
