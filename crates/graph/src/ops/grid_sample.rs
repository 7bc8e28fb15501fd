use super::{Filter, Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// A picture sampled at places that another tensor says, as PyTorch's `grid_sample` does it.
///
/// Inputs: the picture `[n, c, h, w]` and the grid `[n, h', w', 2]` of horizontal and vertical positions, from -1 (left,
/// top) to 1 (right, bottom). Result `[n, c, h', w']`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridSample {
    /// How values between pixels are found; [`Filter::Nearest`] takes of two equally near pixels the even one.
    pub filter: Filter,
    /// What lies beyond the picture.
    pub padding: GridPadding,
    /// Whether -1 and 1 are the centres of the outermost pixels, not their outer edges.
    pub align_corners: bool,
}

/// What lies beyond the picture of a [`GridSample`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridPadding {
    /// Zeros.
    Zeros,
    /// The outermost pixels.
    Border,
    /// The picture, mirrored at its edges (with `align_corners`, at the centres of its outermost pixels).
    Reflection,
}

impl GridSample {
    /// The pixels that a position from -1 to 1 sees along a side of `size` pixels, with their weights; `None` for zeros
    /// and for places in the list that the filter does not need. In `f32`, as PyTorch has it, so that every device
    /// rounds to the same pixel.
    pub fn taps(&self, position: f32, size: usize) -> [Option<(usize, f32)>; 4] {
        let place = match self.align_corners {
            true => (position + 1.0) / 2.0 * (size as f32 - 1.0),
            false => ((position + 1.0) * size as f32 - 1.0) / 2.0,
        };
        let tap = |pixel: f32, weight: f32| Some((self.pixel(pixel, size)?, weight));
        match self.filter {
            Filter::Nearest => [tap(self.inside(place, size).round_ties_even(), 1.0), None, None, None],
            Filter::Bilinear => {
                let place = self.inside(place, size);
                let first = place.floor();
                let beyond = place - first;
                [tap(first, 1.0 - beyond), tap(first + 1.0, beyond), None, None]
            }
            Filter::Bicubic(_) => {
                let first = place.floor();
                [-1.0, 0.0, 1.0, 2.0].map(|step: f32| {
                    let weight = self.filter.weight(f64::from(step - (place - first))) as f32;
                    tap(self.inside(first + step, size), weight)
                })
            }
        }
    }

    /// The place that continues the picture at a place beyond it.
    fn inside(&self, place: f32, size: usize) -> f32 {
        let last = size as f32 - 1.0;
        match self.padding {
            GridPadding::Zeros => place,
            GridPadding::Border => place.clamp(0.0, last),
            GridPadding::Reflection => {
                let (low, span) = if self.align_corners { (0.0, last) } else { (-0.5, last + 1.0) };
                if span == 0.0 {
                    return 0.0;
                }
                let from = (place - low).abs();
                let extra = from % span;
                let even = (from / span).floor() % 2.0 == 0.0;
                (if even { extra + low } else { span - extra + low }).clamp(0.0, last)
            }
        }
    }

    fn pixel(&self, place: f32, size: usize) -> Option<usize> {
        (place >= 0.0 && place < size as f32).then_some(place as usize)
    }
}

impl Primitive for GridSample {
    const NAME: &'static str = "grid_sample";
    const TOLERANCE: f32 = 2e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x, grid] = take(Self::NAME, inputs)?;
        let picture = x.as_image(Self::NAME)?;
        match grid[..] {
            [n, height, width, 2] if n == picture.batch && picture.height > 0 && picture.width > 0 => {
                Ok(Shape::image(n, picture.channels, height, width))
            }
            _ => Err(Error::shape(Self::NAME, format!("grid {grid} does not fit picture {x}"))),
        }
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let [x, grid] = [inputs[0], inputs[1]];
        Tensor::from_fn(shape, |at| {
            let position = |side: usize| grid.at(&[at[0], at[2], at[3], side]);
            let rows = self.taps(position(1), x.shape()[2]);
            let columns = self.taps(position(0), x.shape()[3]);
            let mut sum = 0.0;
            for (row, vertical) in rows.into_iter().flatten() {
                for (column, horizontal) in columns.into_iter().flatten() {
                    let weight = f64::from(vertical) * f64::from(horizontal);
                    sum += weight * f64::from(x.at(&[at[0], at[1], row, column]));
                }
            }
            sum as f32
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row 1, 5, 2, 8, 3 sampled at these positions; expectations are PyTorch's.
    fn sampled(filter: Filter, padding: GridPadding, align_corners: bool, expected: [f32; 7]) {
        const POSITIONS: [f32; 7] = [-1.0, -1.6, -0.35, 0.21, 0.95, 1.3, 2.9];
        let x = Tensor::new(Shape::image(1, 1, 1, 5), vec![1.0, 5.0, 2.0, 8.0, 3.0]).expect("five numbers");
        let grid =
            Tensor::from_fn(Shape::new([1, 1, 7, 2]), |at| if at[3] == 0 { POSITIONS[at[2]] } else { 0.0 });
        let op = GridSample { filter, padding, align_corners };
        let y = op.reference(&[&x, &grid], op.shape(&[x.shape(), grid.shape()]).expect("fits"));
        let off = y.data().iter().zip(expected).any(|(a, b)| (a - b).abs() > 5e-6);
        assert!(!off, "{op:?} gives {:?} and not {expected:?}", y.data());
    }

    #[test]
    fn edges() {
        use Filter::{Bilinear, Nearest};
        use GridPadding::{Border, Reflection, Zeros};
        sampled(Nearest, Zeros, false, [1.0, 0.0, 5.0, 8.0, 3.0, 0.0, 0.0]);
        sampled(Bilinear, Zeros, false, [0.5, 0.0, 4.625, 5.15, 1.875, 0.0, 0.0]);
        sampled(Nearest, Border, false, [1.0, 1.0, 5.0, 8.0, 3.0, 3.0, 3.0]);
        sampled(Bilinear, Border, false, [1.0, 1.0, 4.625, 5.15, 3.0, 3.0, 3.0]);
        sampled(Nearest, Reflection, false, [1.0, 5.0, 5.0, 8.0, 3.0, 3.0, 1.0]);
        sampled(Bilinear, Reflection, false, [1.0, 5.0, 4.625, 5.15, 3.0, 4.25, 1.0]);
    }

    #[test]
    fn centres() {
        use Filter::{Bilinear, Nearest};
        use GridPadding::{Border, Reflection, Zeros};
        sampled(Nearest, Zeros, true, [1.0, 0.0, 5.0, 2.0, 3.0, 0.0, 0.0]);
        sampled(Bilinear, Zeros, true, [1.0, 0.0, 4.1, 4.52, 3.5, 1.2, 0.0]);
        sampled(Bilinear, Border, true, [1.0, 1.0, 4.1, 4.52, 3.5, 3.0, 3.0]);
        sampled(Nearest, Reflection, true, [1.0, 5.0, 5.0, 2.0, 3.0, 8.0, 1.0]);
        sampled(Bilinear, Reflection, true, [1.0, 4.4, 4.1, 4.52, 3.5, 6.0, 1.8]);
    }

    #[test]
    fn bicubic() {
        use GridPadding::{Border, Reflection, Zeros};
        let cubic = Filter::BICUBIC;
        sampled(cubic, Zeros, false, [0.125, 0.0, 4.912109, 5.39314, 1.369629, -0.316406, 0.0]);
        sampled(cubic, Border, false, [0.625, 1.0, 4.912109, 5.39314, 2.450684, 3.0, 3.0]);
        sampled(cubic, Reflection, false, [0.25, 5.0, 4.912109, 5.39314, 2.121094, 4.34375, 0.4375]);
        sampled(cubic, Zeros, true, [1.0, -0.096, 4.3205, 4.527308, 3.632749, 0.804, 0.0]);
        sampled(cubic, Border, true, [1.0, 1.0, 4.3205, 4.527308, 3.4505, 2.64, 3.0]);
        sampled(cubic, Reflection, true, [1.0, 4.712, 4.3205, 4.527308, 3.146751, 6.348, 1.392]);
    }

    #[test]
    fn no_position_is_too_wild() {
        for filter in [Filter::Nearest, Filter::Bilinear, Filter::BICUBIC] {
            for padding in [GridPadding::Zeros, GridPadding::Border, GridPadding::Reflection] {
                for position in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -1e30] {
                    let taps = GridSample { filter, padding, align_corners: false }.taps(position, 1);
                    assert!(taps.into_iter().flatten().all(|(place, _)| place == 0));
                }
            }
        }
    }
}
