use super::Primitive;
use crate::receptive::{Ratio, Spread};
use crate::{Error, Result, Shape, Tensor};

/// A picture sampled on another grid of pixels, as PyTorch's `interpolate` does it. Beyond the picture its outermost
/// pixels continue.
///
/// Inputs: the picture `[n, c, h, w]` and, for [`Target::LikeSecond`], a second picture that sets the size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resize {
    /// How values between the input's pixels are found.
    pub filter: Filter,
    /// The size of the result.
    pub target: Target,
    /// Where the result's pixels lie among the input's.
    pub coordinates: Coordinates,
    /// Whether the filter becomes wider with the distance of the result's pixels where the picture becomes smaller. Only
    /// for [`Filter::Bilinear`] and [`Filter::Bicubic`] with [`Coordinates::HalfPixel`].
    pub antialias: bool,
}

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filter {
    /// The nearest pixel, of two equally near the latter; with [`Coordinates::Asymmetric`] the last one not after the
    /// position.
    Nearest,
    /// Linear between neighbours.
    Bilinear,
    /// The cubic convolution of Keys 1981 with this slope at distance 1: -0.75 in PyTorch and OpenCV, -0.5 in Pillow and
    /// in PyTorch's antialiased form. [`Filter::BICUBIC`] is the usual one.
    Bicubic(f32),
}

/// The size of a [`Resize`]'s result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The input's height and width times these factors, rounded down. Factors that miss a whole number, or the
    /// reciprocal of one, by no more than the rounding of an `f32` count as it.
    Scale([f64; 2]),
    /// This height and width.
    Size([usize; 2]),
    /// The height and width of the second input.
    LikeSecond,
}

/// Where the pixels of a [`Resize`]'s result lie among those of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// The outer edges of both pictures coincide (`align_corners=False`).
    HalfPixel,
    /// The centres of both pictures' corner pixels coincide (`align_corners=True`).
    AlignCorners,
    /// Pixel `i` of the result lies at `i / factor`.
    Asymmetric,
}

impl Filter {
    /// Bicubic as PyTorch has it.
    pub const BICUBIC: Self = Self::Bicubic(-0.75);

    /// The farthest distance, in pixels, at which the filter sees.
    fn radius(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic(_) => 2.0,
        }
    }

    /// The filter's weight of a pixel at a distance.
    pub(super) fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Nearest => f64::from(x <= 0.5),
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic(a) => {
                let a = f64::from(a);
                match x {
                    x if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
                    x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
                    _ => 0.0,
                }
            }
        }
    }
}

impl Resize {
    /// Each pixel becomes a block of `r` by `r` equal ones.
    pub fn nearest(r: usize) -> Self {
        Self {
            filter: Filter::Nearest,
            target: Target::Scale([r as f64; 2]),
            coordinates: Coordinates::Asymmetric,
            antialias: false,
        }
    }

    /// The factor, if each pixel becomes a block of equal ones, as many along both axes.
    pub fn nearest_factor(&self) -> Option<usize> {
        let blocks = self.filter == Filter::Nearest && self.coordinates != Coordinates::AlignCorners;
        match self.target {
            Target::Scale([v, h]) if blocks && v == h && v >= 1.0 && v.fract() == 0.0 => Some(v as usize),
            _ => None,
        }
    }

    /// What each of `output` places along an axis (0 vertical, 1 horizontal) sees of `input` places (at least one):
    /// distinct places in ascending order with their weights, whose sum is 1.
    pub fn taps(&self, axis: usize, input: usize, output: usize) -> Vec<Vec<(usize, f64)>> {
        let (up, down) = self.factor(axis, input, output);
        (0..output).map(|at| self.taps_at((at as f64, up, down), (input, output))).collect()
    }

    /// The factor of an axis as a ratio.
    fn factor(&self, axis: usize, input: usize, output: usize) -> (f64, f64) {
        match self.target {
            Target::Scale(factors) => match whole(factors[axis]) {
                Some(factor) => (factor, 1.0),
                None => match whole(1.0 / factors[axis]) {
                    Some(divisor) => (1.0, divisor),
                    None => (factors[axis], 1.0),
                },
            },
            _ => (output as f64, input as f64),
        }
    }

    fn taps_at(&self, (at, up, down): (f64, f64, f64), (input, output): (usize, usize)) -> Vec<(usize, f64)> {
        // Products before quotients: a position that is a whole number comes out as one.
        let position = match self.coordinates {
            Coordinates::HalfPixel => (at + 0.5) * down / up - 0.5,
            Coordinates::AlignCorners if output == 1 => 0.0,
            Coordinates::AlignCorners => at * (input - 1) as f64 / (output - 1) as f64,
            Coordinates::Asymmetric => at * down / up,
        };
        let last = (input - 1) as f64;
        let clamped = |place: f64| place.clamp(0.0, last) as usize;
        if self.filter == Filter::Nearest {
            let beyond = if self.coordinates == Coordinates::Asymmetric { 0.0 } else { 0.5 };
            return vec![(clamped((position + beyond).floor()), 1.0)];
        }
        // Where the picture becomes smaller, an antialiasing filter is wider, and ends at the picture's edges.
        let width = if self.antialias { (down / up).max(1.0) } else { 1.0 };
        let reach = self.filter.radius() * width;
        let (mut from, mut to) = ((position - reach).ceil(), (position + reach).floor());
        if self.antialias {
            (from, to) = (from.max(0.0), to.min(last));
        }
        let mut taps: Vec<(usize, f64)> = Vec::new();
        for step in 0..=(to - from) as usize {
            let place = from + step as f64;
            let weight = self.filter.weight((place - position) / width);
            match taps.last_mut() {
                Some((before, sum)) if *before == clamped(place) => *sum += weight,
                _ => taps.push((clamped(place), weight)),
            }
        }
        let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
        taps.retain(|&(_, weight)| weight != 0.0);
        taps.iter_mut().for_each(|(_, weight)| *weight /= total);
        taps
    }

    /// The result's height and width.
    fn size(&self, [height, width]: [usize; 2], second: Option<[usize; 2]>) -> [usize; 2] {
        let scaled = |size: usize, axis: usize| {
            let (up, down) = self.factor(axis, size, 0);
            // A product that misses a whole number by the rounding of an f32 factor is meant to be it.
            (size as f64 * up / down * (1.0 + f64::from(f32::EPSILON))).floor() as usize
        };
        match self.target {
            Target::Scale(_) => [scaled(height, 0), scaled(width, 1)],
            Target::Size(size) => size,
            Target::LikeSecond => second.unwrap_or([0, 0]),
        }
    }

    /// The window of an axis where the factor `up / down` is whole or the reciprocal of a whole number.
    fn window(&self, axis: usize, up: usize, down: usize) -> [f64; 2] {
        // Far from the edges the taps repeat: the middle block of a picture says it all.
        const BLOCKS: usize = 13;
        let (input, output) = (BLOCKS * down, BLOCKS * up);
        let example = Self { target: Target::Size([output; 2]), ..*self };
        let taps = example.taps(axis, input, output);
        let pixel = down as f64 / up as f64;
        let middle = BLOCKS / 2 * up..(BLOCKS / 2 + 1) * up;
        middle.fold([0.0; 2], |[before, after], at| {
            let own = [at as f64 * pixel, (at + 1) as f64 * pixel];
            let first = taps[at].first().map_or(own[0], |&(place, _)| place as f64);
            let last = taps[at].last().map_or(own[1], |&(place, _)| (place + 1) as f64);
            [before.max(own[0] - first), after.max(last - own[1])]
        })
    }
}

impl Primitive for Resize {
    const NAME: &'static str = "resize";
    const TOLERANCE: f32 = 1e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let (x, second) = match (inputs, self.target) {
            (&[x, second], Target::LikeSecond) => (x, Some(second.as_image(Self::NAME)?)),
            (&[x], Target::Scale(_) | Target::Size(_)) => (x, None),
            _ => return fail(format!("{} inputs do not fit {:?}", inputs.len(), self.target)),
        };
        let x = x.as_image(Self::NAME)?;
        if self.antialias && (self.filter == Filter::Nearest || self.coordinates != Coordinates::HalfPixel) {
            return fail(format!("no antialiasing of {:?} with {:?}", self.filter, self.coordinates));
        }
        if let Target::Scale(factors) = self.target
            && !factors.iter().all(|factor| factor.is_finite() && *factor > 0.0)
        {
            return fail(format!("a picture cannot become {factors:?} times larger"));
        }
        let [height, width] = self.size([x.height, x.width], second.map(|s| [s.height, s.width]));
        if [x.height, x.width, height, width].contains(&0) {
            return fail(format!("{} cannot become {height} by {width} pixels", Shape::from(x)));
        }
        Ok(Shape::image(x.batch, x.channels, height, width))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0];
        let [rows, columns] = [0, 1].map(|axis| self.taps(axis, x.shape()[2 + axis], shape[2 + axis]));
        Tensor::from_fn(shape, |at| {
            let mut sum = 0.0;
            for &(row, vertical) in &rows[at[2]] {
                for &(column, horizontal) in &columns[at[3]] {
                    sum += vertical * horizontal * f64::from(x.at(&[at[0], at[1], row, column]));
                }
            }
            sum as f32
        })
    }

    fn spread(&self, inputs: &[&Shape]) -> Spread {
        // Larger factors are not worth the example that `window` makes.
        const LARGEST: usize = 64;
        let Ok(output) = self.shape(inputs) else { return Spread::Whole };
        if self.coordinates == Coordinates::AlignCorners || matches!(self.target, Target::Size(_)) {
            return Spread::Whole;
        }
        let mut spread = ([[0.0; 2]; 2], [Ratio::ONE; 2]);
        for axis in 0..2 {
            let (up, down) = self.factor(axis, inputs[0][2 + axis], output[2 + axis]);
            let ratio = match (whole(up / down), whole(down / up)) {
                (Some(factor), _) if factor <= LARGEST as f64 => Ratio::new(factor as usize, 1),
                (_, Some(divisor)) if divisor <= LARGEST as f64 => Ratio::new(1, divisor as usize),
                _ => return Spread::Whole,
            };
            spread.0[axis] = self.window(axis, ratio.up, ratio.down);
            spread.1[axis] = ratio;
            // The pixels of both inputs together are those of the larger one; see `Footprint`.
            if self.target == Target::LikeSecond && ratio.up > 1 {
                spread.0[axis] = spread.0[axis].map(|reach| reach * ratio.up as f64);
                spread.1[axis] = Ratio::ONE;
            }
        }
        Spread::Window { reach: spread.0, scale: spread.1 }
    }
}

/// The whole number that `x` is, but for the rounding of an `f32`.
fn whole(x: f64) -> Option<f64> {
    let nearest = x.round();
    (nearest >= 1.0 && (x - nearest).abs() <= f64::from(f32::EPSILON) * x).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BILINEAR: Filter = Filter::Bilinear;
    const HALF_PIXEL: Coordinates = Coordinates::HalfPixel;

    fn resize(filter: Filter, target: Target, coordinates: Coordinates) -> Resize {
        Resize { filter, target, coordinates, antialias: false }
    }

    /// The row 1, 5, 2, 8, 3 resized; expectations below are PyTorch's.
    fn row(op: Resize, expected: &[f32]) {
        let x = Tensor::new(Shape::image(1, 1, 1, 5), vec![1.0, 5.0, 2.0, 8.0, 3.0]).expect("five numbers");
        let y = op.reference(&[&x], op.shape(&[x.shape()]).expect("fits"));
        assert_eq!(y.data().len(), expected.len(), "{op:?}");
        let off = y.data().iter().zip(expected).any(|(a, b)| (a - b).abs() > 2e-6);
        assert!(!off, "{op:?} gives {:?} and not {expected:?}", y.data());
    }

    #[test]
    fn nearest() {
        let by = |factor, coordinates| resize(Filter::Nearest, Target::Scale([1.0, factor]), coordinates);
        row(by(1.5, Coordinates::Asymmetric), &[1.0, 1.0, 5.0, 2.0, 2.0, 8.0, 3.0]);
        row(by(1.5, HALF_PIXEL), &[1.0, 5.0, 5.0, 2.0, 8.0, 8.0, 3.0]);
        row(resize(Filter::Nearest, Target::Size([1, 3]), Coordinates::Asymmetric), &[1.0, 5.0, 8.0]);
    }

    #[test]
    fn bilinear() {
        let by = |factor| resize(BILINEAR, Target::Scale([1.0, factor]), HALF_PIXEL);
        row(by(2.0), &[1.0, 2.0, 4.0, 4.25, 2.75, 3.5, 6.5, 6.75, 4.25, 3.0]);
        row(by(1.5), &[1.0, 3.0, 4.5, 2.5, 5.0, 7.166667, 3.833333]);
        row(by(0.5), &[3.0, 5.0]);
        let to = resize(BILINEAR, Target::Size([1, 7]), HALF_PIXEL);
        row(to, &[1.0, 3.285714, 4.142857, 2.0, 6.285714, 5.857143, 3.0]);
    }

    #[test]
    fn bicubic() {
        let double = resize(Filter::BICUBIC, Target::Scale([1.0, 2.0]), HALF_PIXEL);
        let expected =
            [0.578125, 2.011719, 4.410156, 4.53125, 2.1875, 3.21875, 7.0625, 7.5, 4.34375, 2.472656];
        row(double, &expected);
        let aligned = resize(Filter::BICUBIC, Target::Size([1, 7]), Coordinates::AlignCorners);
        row(aligned, &[1.0, 4.074074, 4.166667, 2.0, 6.5, 7.092593, 3.0]);
    }

    #[test]
    fn antialiased() {
        let to = |filter, width| Resize {
            antialias: true,
            ..resize(filter, Target::Size([1, width]), HALF_PIXEL)
        };
        row(to(BILINEAR, 2), &[3.181818, 4.909091]);
        row(to(Filter::Bicubic(-0.5), 2), &[3.043413, 4.959566]);
        row(to(Filter::Bicubic(-0.5), 7), &[0.76699, 3.437673, 4.390671, 2.0, 6.825073, 6.196676, 2.708738]);
    }

    #[test]
    fn factors_are_read_through_their_rounding() {
        let size = |factor: f64, size| {
            let op = resize(BILINEAR, Target::Scale([factor; 2]), HALF_PIXEL);
            op.shape(&[&Shape::image(1, 1, size, size)]).map_or(0, |shape| shape[3])
        };
        assert_eq!(size(1.0 / 49.0, 49), 1);
        assert_eq!(size(f64::from(0.7f32), 10), 7);
        assert_eq!(size(2.0000001, 1000), 2000);
        assert_eq!(size(0.99, 100), 99);
        assert_eq!(size(0.1, 9), 0);
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(|factor| size(factor, 9)), [0; 4]);
    }

    #[test]
    fn windows_hold_what_the_filter_sees() {
        let reach = |filter, factor: f64| {
            let op = resize(filter, Target::Scale([factor; 2]), HALF_PIXEL);
            match op.spread(&[&Shape::image(1, 1, 60, 60)]) {
                Spread::Window { reach, scale } => (reach[1], scale[1]),
                Spread::Whole => ([f64::INFINITY; 2], Ratio::ONE),
            }
        };
        assert_eq!(reach(Filter::Nearest, 4.0), ([0.75, 0.75], Ratio::new(4, 1)));
        assert_eq!(reach(BILINEAR, 2.0), ([1.0, 1.0], Ratio::new(2, 1)));
        assert_eq!(reach(Filter::BICUBIC, 2.0), ([2.0, 2.0], Ratio::new(2, 1)));
        assert_eq!(reach(BILINEAR, 0.25), ([0.0, 0.0], Ratio::new(1, 4)));
        assert_eq!(reach(BILINEAR, 1.5).0, [f64::INFINITY; 2]);
    }
}
