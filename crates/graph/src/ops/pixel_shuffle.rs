use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Channels to pixels (depth to space): `[n, c * r * r, h, w]` becomes `[n, c, h * r, w * r]`, where input channel
/// `c * r * r + i * r + j` is the pixel in row `i` and column `j` of each block (Shi et al. 2016, arXiv 1609.05158).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelShuffle {
    /// Side of the block of pixels.
    pub r: usize,
}

impl Primitive for PixelShuffle {
    const NAME: &'static str = "pixel_shuffle";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let x = x.as_image(Self::NAME)?;
        let r = self.r;
        let block = r.checked_mul(r).filter(|&block| block != 0 && x.channels % block == 0);
        match (block, x.height.checked_mul(r), x.width.checked_mul(r)) {
            (Some(block), Some(height), Some(width)) => {
                Ok(Shape::image(x.batch, x.channels / block, height, width))
            }
            _ => {
                let what = format!("{} channels are not blocks of {r} by {r}", x.channels);
                Err(Error::shape(Self::NAME, what))
            }
        }
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let r = self.r;
        Tensor::from_fn(shape, |at| {
            let channel = (at[1] * r + at[2] % r) * r + at[3] % r;
            inputs[0].at(&[at[0], channel, at[2] / r, at[3] / r])
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::POINT.enlarged([self.r, self.r])
    }
}
