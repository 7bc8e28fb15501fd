use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// A picture cut into windows of tokens, in the order of Swin (Liu et al. 2021, arXiv 2103.14030): `[n, c, h, w]` becomes
/// `[n * h / wh * w / ww, wh * ww, c]`, windows and the pixels inside them row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowPartition {
    /// Height and width of a window, which divide the picture's.
    pub window: [usize; 2],
}

impl Primitive for WindowPartition {
    const NAME: &'static str = "window_partition";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let x = x.as_image(Self::NAME)?;
        let [wh, ww] = self.window;
        if wh == 0 || ww == 0 || x.height % wh != 0 || x.width % ww != 0 {
            let what = format!("{} is not made of windows of {wh} by {ww} pixels", Shape::from(x));
            return Err(Error::shape(Self::NAME, what));
        }
        // Saturating: a picture without rows or columns may claim any size of the others.
        let windows = x.batch.saturating_mul(x.height / wh).saturating_mul(x.width / ww);
        Ok(Shape::new([windows, wh.saturating_mul(ww), x.channels]))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let [wh, ww] = self.window;
        let (rows, columns) = (inputs[0].shape()[2] / wh, inputs[0].shape()[3] / ww);
        Tensor::from_fn(shape, |at| {
            let (picture, row, column) = (at[0] / columns / rows, at[0] / columns % rows, at[0] % columns);
            let (y, x) = (row * wh + at[1] / ww, column * ww + at[1] % ww);
            inputs[0].at(&[picture, at[2], y, x])
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::super::WindowReverse;
    use super::*;

    #[test]
    fn windows_are_cut_row_by_row_and_put_back() {
        let x = Tensor::from_fn(Shape::image(2, 3, 4, 6), |at| {
            (1000 * at[0] + 100 * at[1] + 10 * at[2] + at[3]) as f32
        });
        let cut = WindowPartition { window: [2, 3] };
        let shape = cut.shape(&[x.shape()]).expect("fits");
        assert_eq!(shape, Shape::new([8, 6, 3]));
        let windows = cut.reference(&[&x], shape);
        // Window 3 of the first picture is the lower right one; its token 4 is row 1, column 1.
        assert_eq!(windows.at(&[3, 4, 1]), x.at(&[0, 1, 3, 4]));
        let back = WindowReverse { window: [2, 3] };
        let shape = back.shape(&[windows.shape(), x.shape()]).expect("fits");
        assert_eq!(back.reference(&[&windows, &x], shape), x);
    }
}
