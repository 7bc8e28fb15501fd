//! The canvas of an animation: frames are parts that are laid on it, and taken away again in their own ways.

use crate::{Header, Samples};

/// A part of a canvas, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// How a part meets what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blend {
    /// It takes the place.
    Source,
    /// It is laid over.
    Over,
}

/// What becomes of a part before the next one is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Dispose {
    /// It stays.
    #[default]
    Keep,
    /// Its place becomes transparent.
    Background,
    /// What was there before it comes back.
    Previous,
}

/// One part with its samples, which have the channels of the canvas.
pub(super) struct Part<'a, T> {
    pub(super) rect: Rect,
    pub(super) samples: &'a [T],
    pub(super) blend: Blend,
    pub(super) dispose: Dispose,
}

/// A type of samples that can be blended.
pub(super) trait Level: Copy + Default + PartialEq + Into<u64> + Send {
    /// White, or opaque.
    const MOST: Self;
    fn of(value: u64) -> Self;
    fn samples(pixels: Vec<Self>) -> Samples;
    fn of_samples(samples: &Samples) -> Option<&[Self]>;
}

impl Level for u8 {
    const MOST: u8 = u8::MAX;
    fn of(value: u64) -> u8 {
        value as u8
    }
    fn samples(pixels: Vec<u8>) -> Samples {
        Samples::U8(pixels)
    }
    fn of_samples(samples: &Samples) -> Option<&[u8]> {
        match samples {
            Samples::U8(v) => Some(v),
            _ => None,
        }
    }
}

impl Level for u16 {
    const MOST: u16 = u16::MAX;
    fn of(value: u64) -> u16 {
        value as u16
    }
    fn samples(pixels: Vec<u16>) -> Samples {
        Samples::U16(pixels)
    }
    fn of_samples(samples: &Samples) -> Option<&[u16]> {
        match samples {
            Samples::U16(v) => Some(v),
            _ => None,
        }
    }
}

/// The canvas: pixels with straight alpha, transparent at first.
pub(super) struct Canvas<T> {
    width: usize,
    height: usize,
    /// The samples of a pixel, 2 or 4; the last is alpha.
    count: usize,
    pixels: Vec<T>,
    /// How the part that is shown goes away: its place, and what to put there if not transparency.
    pending: Option<(Rect, Option<Vec<T>>)>,
}

impl<T: Level> Canvas<T> {
    /// A canvas of this size and these colours; alpha it has in any case.
    pub(super) fn new(header: &Header) -> Self {
        let (width, height) = (header.width as usize, header.height as usize);
        let count = header.channels.colours() + 1;
        Canvas { width, height, count, pixels: vec![T::default(); width * height * count], pending: None }
    }

    /// Takes the last part away as it asked for, and lays the next one on the canvas. What lies outside is cut off.
    pub(super) fn show(&mut self, part: &Part<T>) {
        match self.pending.take() {
            Some((rect, Some(before))) => self.lay(rect, &before, Blend::Source),
            Some((rect, None)) => self.clear(rect),
            None => {}
        }
        self.pending = match part.dispose {
            Dispose::Keep => None,
            Dispose::Background => Some((part.rect, None)),
            Dispose::Previous => {
                let rect = self.clipped(part.rect);
                Some((rect, Some(self.copy(rect))))
            }
        };
        self.lay(part.rect, part.samples, part.blend);
    }

    /// What the canvas shows, with alpha.
    pub(super) fn samples(&self) -> Samples {
        T::samples(self.pixels.clone())
    }

    fn clipped(&self, rect: Rect) -> Rect {
        let end =
            |from: u32, length: u32, most: usize| (u64::from(from) + u64::from(length)).min(most as u64);
        let (right, bottom) = (end(rect.x, rect.width, self.width), end(rect.y, rect.height, self.height));
        let width = right.saturating_sub(rect.x.into()) as u32;
        let height = bottom.saturating_sub(rect.y.into()) as u32;
        if width == 0 || height == 0 { Rect::default() } else { Rect { width, height, ..rect } }
    }

    /// The samples of row `y` from `x` on.
    fn row(&self, rect: Rect, y: u32) -> std::ops::Range<usize> {
        let start = ((rect.y + y) as usize * self.width + rect.x as usize) * self.count;
        start..start + rect.width as usize * self.count
    }

    fn clear(&mut self, rect: Rect) {
        let rect = self.clipped(rect);
        for y in 0..rect.height {
            let row = self.row(rect, y);
            self.pixels[row].fill(T::default());
        }
    }

    fn copy(&self, rect: Rect) -> Vec<T> {
        (0..rect.height).flat_map(|y| &self.pixels[self.row(rect, y)]).copied().collect()
    }

    fn lay(&mut self, rect: Rect, samples: &[T], blend: Blend) {
        let (seen, stride, count) = (self.clipped(rect), rect.width as usize * self.count, self.count);
        if seen.width == 0 {
            return;
        }
        for (y, from) in (0..seen.height).zip(samples.chunks_exact(stride)) {
            let row = self.row(seen, y);
            let (to, from) = (&mut self.pixels[row], &from[..seen.width as usize * count]);
            match blend {
                Blend::Source => to.copy_from_slice(from),
                Blend::Over => {
                    for (below, above) in to.chunks_exact_mut(count).zip(from.chunks_exact(count)) {
                        over(below, above);
                    }
                }
            }
        }
    }
}

/// Lays a pixel with straight alpha over another one, rounded to nearest.
fn over<T: Level>(below: &mut [T], above: &[T]) {
    let last = above.len() - 1;
    let (most, alpha, under): (u64, u64, u64) = (T::MOST.into(), above[last].into(), below[last].into());
    if alpha == 0 {
        return;
    }
    if alpha == most || under == 0 {
        below.copy_from_slice(above);
        return;
    }
    // Both weights, and their sum, are alphas times `most`.
    let (weight, rest) = (alpha * most, under * (most - alpha));
    let whole = weight + rest;
    for (b, a) in below[..last].iter_mut().zip(above) {
        *b = T::of(((*a).into() * weight + (*b).into() * rest + whole / 2) / whole);
    }
    below[last] = T::of((whole + most / 2) / most);
}

#[cfg(test)]
mod tests {
    use super::{Blend, Canvas, Dispose, Part, Rect, over};
    use crate::{Channels, Depth, Header, Samples};

    fn shown(canvas: &Canvas<u8>) -> Vec<u8> {
        match canvas.samples() {
            Samples::U8(v) => v.chunks_exact(2).map(|p| if p[1] == 0 { 0 } else { p[0] }).collect(),
            _ => panic!("8 bits"),
        }
    }

    fn show(canvas: &mut Canvas<u8>, x: u32, colours: &[u8], dispose: Dispose) -> Vec<u8> {
        let samples: Vec<u8> = colours.iter().flat_map(|&c| [c, if c == 0 { 0 } else { 255 }]).collect();
        let rect = Rect { x, y: 0, width: colours.len() as u32, height: 1 };
        canvas.show(&Part { rect, samples: &samples, blend: Blend::Over, dispose });
        shown(canvas)
    }

    #[test]
    fn parts_go_away_as_they_ask_for() {
        let mut canvas = Canvas::<u8>::new(&Header::new(4, 1, Channels::Grey, Depth::U8));
        assert_eq!(show(&mut canvas, 0, &[1, 2, 3, 4], Dispose::Keep), [1, 2, 3, 4]);
        assert_eq!(show(&mut canvas, 1, &[5, 0], Dispose::Background), [1, 5, 3, 4]);
        assert_eq!(show(&mut canvas, 3, &[6], Dispose::Previous), [1, 0, 0, 6]);
        assert_eq!(show(&mut canvas, 1, &[7], Dispose::Previous), [1, 7, 0, 4]);
        assert_eq!(show(&mut canvas, 0, &[0], Dispose::Keep), [1, 0, 0, 4]);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut canvas = Canvas::<u8>::new(&Header::new(2, 1, Channels::Grey, Depth::U8));
        assert_eq!(show(&mut canvas, 1, &[8, 9, 9], Dispose::Previous), [0, 8]);
        assert_eq!(show(&mut canvas, 9, &[9], Dispose::Background), [0, 0]);
        assert_eq!(show(&mut canvas, u32::MAX, &[9], Dispose::Keep), [0, 0]);
    }

    #[test]
    fn laying_over_is_rounded_mixing() {
        for (a, b) in [(0u8, 255u8), (255, 0), (128, 255), (100, 60), (1, 254), (254, 1)] {
            let mut below = [200u8, b];
            over(&mut below, &[10, a]);
            let (x, y) = (f64::from(a) / 255.0, f64::from(b) / 255.0);
            let alpha = x + y * (1.0 - x);
            let colour = (10.0 * x + 200.0 * y * (1.0 - x)) / alpha;
            let wanted = [if b == 0 { 10.0 } else { colour }, alpha * 255.0].map(|v| v.round() as u8);
            assert_eq!(below, wanted, "{a} over {b}");
        }
        let mut below = [60_000u16, 30_000];
        over(&mut below, &[10_000, 40_000]);
        assert_eq!(below, [21_307, 51_689]);
    }
}
