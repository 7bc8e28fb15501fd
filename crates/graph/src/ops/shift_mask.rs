use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// The bias that keeps tokens of a shifted window apart that do not lie together in the picture: Swin's `calculate_mask`
/// (Liu et al. 2021, arXiv 2103.14030).
///
/// Input: a template picture `[n, any, h, w]`, of which only height and width count. Result `[h / wh * w / ww, 1, l, l]`
/// for `l = wh * ww` tokens: 0 for pairs that belong together, else -100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShiftMask {
    /// Height and width of a window, which divide the picture's.
    pub window: [usize; 2],
    /// Rows and columns by which the picture was rolled up and to the left; fewer than the window has.
    pub shift: [usize; 2],
}

impl ShiftMask {
    /// Which part of the picture a place along a side (0 vertical, 1 horizontal) of `size` pixels of the rolled picture
    /// belongs to.
    fn part(&self, place: usize, side: usize, size: usize) -> usize {
        match self.shift[side] {
            0 => 0,
            shift if place >= size - shift => 2,
            _ => usize::from(place >= size - self.window[side]),
        }
    }
}

impl Primitive for ShiftMask {
    const NAME: &'static str = "shift_mask";
    const TOLERANCE: f32 = 0.0;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [like] = take(Self::NAME, inputs)?;
        let picture = like.as_image(Self::NAME)?;
        let ([wh, ww], [sh, sw]) = (self.window, self.shift);
        if sh >= wh || sw >= ww {
            return Err(Error::shape(
                Self::NAME,
                format!("windows of {wh} by {ww} pixels shifted by {sh} by {sw}"),
            ));
        }
        if picture.height % wh != 0 || picture.width % ww != 0 {
            let what = format!("{like} is not made of windows of {wh} by {ww} pixels");
            return Err(Error::shape(Self::NAME, what));
        }
        let windows = (picture.height / wh).saturating_mul(picture.width / ww);
        let tokens = wh.saturating_mul(ww);
        Ok(Shape::new([windows, 1, tokens, tokens]))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let [wh, ww] = self.window;
        let (height, width) = (inputs[0].shape()[2], inputs[0].shape()[3]);
        let part = |window: usize, token: usize| {
            let y = window / (width / ww) * wh + token / ww;
            let x = window % (width / ww) * ww + token % ww;
            [self.part(y, 0, height), self.part(x, 1, width)]
        };
        Tensor::from_fn(shape, |at| if part(at[0], at[2]) == part(at[0], at[3]) { 0.0 } else { -100.0 })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mask of each window, a string for each token: `#` where it does not belong to the other.
    fn masks(window: [usize; 2], shift: [usize; 2], height: usize, width: usize) -> Vec<Vec<String>> {
        let op = ShiftMask { window, shift };
        let like = Tensor::zeros(Shape::image(1, 1, height, width));
        let mask = op.reference(&[&like], op.shape(&[like.shape()]).expect("fits"));
        let tokens = mask.shape()[3];
        let line = |line: &[f32]| line.iter().map(|&v| if v == -100.0 { '#' } else { '.' }).collect();
        mask.data().chunks(tokens * tokens).map(|window| window.chunks(tokens).map(line).collect()).collect()
    }

    #[test]
    fn tokens_from_different_edges_are_kept_apart() {
        // Swin's calculate_mask for 4 by 6 pixels, windows of 2, shifted by 1
        let free = ["....", "....", "....", "...."];
        let sides = [".#.#", "#.#.", ".#.#", "#.#."];
        let ends = ["..##", "..##", "##..", "##.."];
        let corner = [".###", "#.##", "##.#", "###."];
        assert_eq!(masks([2, 2], [1, 1], 4, 6), [free, free, sides, ends, ends, corner]);
        assert_eq!(masks([2, 2], [1, 1], 2, 2), [corner]);
        assert_eq!(masks([2, 2], [0, 1], 2, 4), [free, sides]);
    }

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        let like = Shape::image(1, 3, 4, 6);
        for (window, shift) in
            [([3, 3], [1, 1]), ([2, 2], [2, 1]), ([0, 2], [0, 0]), ([usize::MAX; 2], [1, 1])]
        {
            assert!(ShiftMask { window, shift }.shape(&[&like]).is_err());
        }
    }
}
