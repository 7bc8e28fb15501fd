//! How large the result is to be.

use std::ops::Range;

use crate::{Error, Result};

/// The size that the result is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Target {
    /// What was asked for; the network's own scale if nothing was.
    pub size: Option<Size>,
    /// The most pixels that the result may have; a larger one is made smaller, its shape kept.
    pub max_pixels: Option<u64>,
}

/// A size, said in one of the ways in which people say it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// So many times the width and the height.
    Scale(f64),
    /// This width; the height follows.
    Width(u32),
    /// This height; the width follows.
    Height(u32),
    /// The longer side; the other follows.
    LongSide(u32),
    /// The shorter side; the other follows.
    ShortSide(u32),
    /// This width and height.
    Exact {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// What happens where the shapes differ.
        fit: Fit,
    },
}

/// What happens where a picture and the size asked for differ in shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// The whole picture, as large as fits inside.
    #[default]
    Contain,
    /// The whole size, covered by the middle of the picture.
    Cover,
    /// The whole picture in the whole size, its shape changed.
    Stretch,
}

/// The size of the result: the whole picture is scaled, and then a part of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Width and height to which the whole picture is scaled.
    pub scaled: (u32, u32),
    /// The columns that are kept.
    pub columns: Range<u32>,
    /// The rows that are kept.
    pub rows: Range<u32>,
}

impl Target {
    /// The result's size for a picture of this width and height; `natural` is the scale if no size was asked for.
    ///
    /// # Errors
    /// If a scale would make a side zero, a size asked for is zero, or a side would be beyond what 32 bits count.
    pub fn extent(&self, width: u32, height: u32, natural: f64) -> Result<Extent> {
        let (w, h) = (f64::from(width), f64::from(height));
        let (across, down) = match self.size.unwrap_or(Size::Scale(natural)) {
            Size::Scale(scale) => (scale, scale),
            Size::Width(to) => both(f64::from(to) / w),
            Size::Height(to) => both(f64::from(to) / h),
            Size::LongSide(to) => both(f64::from(to) / w.max(h)),
            Size::ShortSide(to) => both(f64::from(to) / w.min(h)),
            Size::Exact { width, height, fit } => {
                let (across, down) = (f64::from(width) / w, f64::from(height) / h);
                match fit {
                    Fit::Contain => both(across.min(down)),
                    Fit::Cover => both(across.max(down)),
                    Fit::Stretch => (across, down),
                }
            }
        };
        let cover = match self.size {
            Some(Size::Exact { width, height, fit: Fit::Cover }) => Some((width, height)),
            _ => None,
        };
        let (kept_w, kept_h) = cover.map_or((w * across, h * down), |(w, h)| (f64::from(w), f64::from(h)));
        let shrink = self.max_pixels.map_or(1.0, |most| (most as f64 / (kept_w * kept_h)).sqrt().min(1.0));
        // A scale is meant for both sides; of a size, a narrow picture's other side may be less than half a pixel.
        let least = if matches!(self.size, Some(Size::Scale(_))) { 0.5 } else { 0.0 };
        let side = |size: f64| match size * shrink {
            s if size >= least && s > 0.0 && s < f64::from(u32::MAX) => {
                Ok((if shrink < 1.0 { s.floor() } else { s.round() }).max(1.0) as u32)
            }
            s => Err(Error::request(format!("{width}x{height} cannot be made {s} pixels wide or high"))),
        };
        let kept = self.within((side(kept_w)?, side(kept_h)?));
        let scaled = match cover {
            Some(_) => (side(w * across)?.max(kept.0), side(h * down)?.max(kept.1)),
            None => kept,
        };
        let middle = |whole: u32, part: u32| (whole - part) / 2..(whole - part) / 2 + part;
        Ok(Extent { scaled, columns: middle(scaled.0, kept.0), rows: middle(scaled.1, kept.1) })
    }

    /// Takes from the longer side what is too much because the other one cannot be less than a pixel.
    fn within(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let Some(most) = self.max_pixels else { return (width, height) };
        let beside = |side: u32| u32::try_from(most / u64::from(side)).unwrap_or(u32::MAX).max(1);
        let width = width.min(beside(height));
        (width, height.min(beside(width)))
    }
}

impl Extent {
    /// Width and height of the result.
    pub fn size(&self) -> (u32, u32) {
        (self.columns.end - self.columns.start, self.rows.end - self.rows.start)
    }
}

fn both(scale: f64) -> (f64, f64) {
    (scale, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(size: Size, from: (u32, u32)) -> (u32, u32) {
        Target { size: Some(size), max_pixels: None }.extent(from.0, from.1, 4.0).expect("a size").size()
    }

    #[test]
    fn sizes_are_what_was_asked_for() {
        assert_eq!(Target::default().extent(100, 50, 4.0).expect("a size").size(), (400, 200));
        assert_eq!(size(Size::Scale(3.5), (100, 51)), (350, 179));
        assert_eq!(size(Size::Width(3840), (1920, 1080)), (3840, 2160));
        assert_eq!(size(Size::Height(2160), (1920, 1080)), (3840, 2160));
        assert_eq!(size(Size::LongSide(1000), (30, 60)), (500, 1000));
        assert_eq!(size(Size::ShortSide(1000), (30, 60)), (1000, 2000));
    }

    #[test]
    fn fits_differ_in_what_happens_to_the_shape() {
        let exact =
            |fit| Target { size: Some(Size::Exact { width: 400, height: 400, fit }), max_pixels: None };
        let extent = |fit| exact(fit).extent(200, 100, 4.0).expect("a size");
        assert_eq!(extent(Fit::Contain).size(), (400, 200));
        assert_eq!(extent(Fit::Stretch).size(), (400, 400));
        let cover = extent(Fit::Cover);
        assert_eq!((cover.scaled, cover.columns, cover.rows), ((800, 400), 200..600, 0..400));
    }

    #[test]
    fn narrow_pictures_keep_a_pixel() {
        assert_eq!(size(Size::LongSide(100), (1000, 1)), (100, 1));
        assert_eq!(size(Size::Width(100), (1000, 1)), (100, 1));
        let contain = Size::Exact { width: 100, height: 100, fit: Fit::Contain };
        assert_eq!(size(contain, (1, 1000)), (1, 100));
        let limited = Target { size: Some(Size::Scale(2.0)), max_pixels: Some(100) };
        assert_eq!(limited.extent(1000, 1, 4.0).expect("a size").size(), (100, 1));
        for (size, max_pixels) in
            [(Size::Scale(0.1), None), (Size::Width(0), None), (Size::Width(9), Some(0))]
        {
            assert!(Target { size: Some(size), max_pixels }.extent(1000, 1, 4.0).is_err());
        }
    }

    #[test]
    fn the_most_pixels_bind_every_size() {
        let target = Target { size: Some(Size::Scale(4.0)), max_pixels: Some(1_000_000) };
        let (w, h) = target.extent(1000, 500, 4.0).expect("a size").size();
        assert!(u64::from(w) * u64::from(h) <= 1_000_000 && w > 1400 && h > 700);
        let narrow =
            |(w, h)| Target { size: None, max_pixels: Some(50) }.extent(w, h, 4.0).expect("a size").size();
        assert_eq!((narrow((100, 1)), narrow((1, 100)), narrow((5, 5))), ((50, 1), (1, 50), (7, 7)));
        assert!(Target { size: Some(Size::Scale(0.0)), max_pixels: None }.extent(10, 10, 4.0).is_err());
        assert!(Target { size: Some(Size::Scale(1e12)), max_pixels: None }.extent(10, 10, 4.0).is_err());
    }
}
