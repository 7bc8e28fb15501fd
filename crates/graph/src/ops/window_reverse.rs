use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Windows of tokens put back into a picture, the inverse of [`WindowPartition`](super::WindowPartition).
///
/// Inputs: the windows `[n * h / wh * w / ww, wh * ww, c]` and a template picture `[n, any, h, w]`, of which only the size
/// counts. Result `[n, c, h, w]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowReverse {
    /// Height and width of a window, which divide the picture's.
    pub window: [usize; 2],
}

impl Primitive for WindowReverse {
    const NAME: &'static str = "window_reverse";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [windows, like] = take(Self::NAME, inputs)?;
        let picture = like.as_image(Self::NAME)?;
        let [wh, ww] = self.window;
        if let &[count, tokens, channels] = &windows[..]
            && wh != 0
            && ww != 0
            && picture.height % wh == 0
            && picture.width % ww == 0
            && Some(tokens) == wh.checked_mul(ww)
            && count == picture.batch.saturating_mul(picture.height / wh).saturating_mul(picture.width / ww)
        {
            return Ok(Shape::image(picture.batch, channels, picture.height, picture.width));
        }
        let what = format!("{windows} are not the windows of {wh} by {ww} pixels of {like}");
        Err(Error::shape(Self::NAME, what))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let [wh, ww] = self.window;
        let (rows, columns) = (shape[2] / wh, shape[3] / ww);
        Tensor::from_fn(shape, |at| {
            let window = (at[0] * rows + at[2] / wh) * columns + at[3] / ww;
            inputs[0].at(&[window, at[2] % wh * ww + at[3] % ww, at[1]])
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::Whole
    }
}
