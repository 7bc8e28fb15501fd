use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Pixels to channels (space to depth), the inverse of [`PixelShuffle`](super::PixelShuffle): `[n, c, h * r, w * r]`
/// becomes `[n, c * r * r, h, w]`, where result channel `c * r * r + i * r + j` is the pixel in row `i` and column `j` of
/// each block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelUnshuffle {
    /// Side of the block of pixels.
    pub r: usize,
}

impl Primitive for PixelUnshuffle {
    const NAME: &'static str = "pixel_unshuffle";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let x = x.as_image(Self::NAME)?;
        let r = self.r;
        if r == 0 || x.height % r != 0 || x.width % r != 0 {
            let what = format!("{} is not made of blocks of {r} by {r} pixels", Shape::from(x));
            return Err(Error::shape(Self::NAME, what));
        }
        let channels = r.checked_mul(r).and_then(|block| block.checked_mul(x.channels)).ok_or_else(|| {
            Error::shape(
                Self::NAME,
                format!("blocks of {r} by {r} of {} are too many channels", Shape::from(x)),
            )
        })?;
        Ok(Shape::image(x.batch, channels, x.height / r, x.width / r))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let r = self.r;
        Tensor::from_fn(shape, |at| {
            let (channel, row, column) = (at[1] / (r * r), at[1] / r % r, at[1] % r);
            inputs[0].at(&[at[0], channel, at[2] * r + row, at[3] * r + column])
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::POINT.reduced([self.r, self.r])
    }
}

#[cfg(test)]
mod tests {
    use super::super::PixelShuffle;
    use super::*;

    #[test]
    fn undoes_a_shuffle() {
        let x = Tensor::from_fn(Shape::image(2, 18, 2, 3), |at| {
            (at[0] * 1000 + at[1] * 100 + at[2] * 10 + at[3]) as f32
        });
        let shuffle = PixelShuffle { r: 3 };
        let large = shuffle.reference(&[&x], shuffle.shape(&[x.shape()]).expect("fits"));
        let back = PixelUnshuffle { r: 3 };
        assert_eq!(back.reference(&[&large], back.shape(&[large.shape()]).expect("fits")), x);
    }

    #[test]
    fn refuses_ragged_pictures() {
        assert!(PixelUnshuffle { r: 2 }.shape(&[&Shape::image(1, 3, 4, 5)]).is_err());
        assert!(PixelUnshuffle { r: 0 }.shape(&[&Shape::image(1, 3, 4, 4)]).is_err());
    }
}
