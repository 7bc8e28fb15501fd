//! Classical resampling in bands of rows, so that a large picture never has to exist as floats.

use std::ops::Range;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{F32, F32x2, F32x3, F32x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::{Channels, Error, Result};

/// The shape of the filter that weighs source pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// The mean of the pixels that an output pixel covers.
    Box,
    /// A triangle: linear interpolation, or its wider version for shrinking.
    Triangle,
    /// Cubic, a = -0.5 (Catmull-Rom).
    CatmullRom,
    /// Windowed sinc with three lobes: the sharpest.
    #[default]
    Lanczos3,
}

impl Kernel {
    /// Half the width of the filter, in pixels of the coarser of both grids.
    fn radius(self) -> f64 {
        match self {
            Kernel::Box => 0.5,
            Kernel::Triangle => 1.0,
            Kernel::CatmullRom => 2.0,
            Kernel::Lanczos3 => 3.0,
        }
    }

    fn filter(self) -> FilterType {
        match self {
            Kernel::Box => FilterType::Box,
            Kernel::Triangle => FilterType::Bilinear,
            Kernel::CatmullRom => FilterType::CatmullRom,
            Kernel::Lanczos3 => FilterType::Lanczos3,
        }
    }
}

/// Resamples pictures of one size to another, band by band. The result does not depend on the bands.
///
/// Samples are floats, interleaved. Channels are independent of each other: give invisible pixels sensible
/// colours first ([`alpha::bleed`](crate::alpha::bleed)).
#[derive(Clone, Debug)]
pub struct Resampler {
    from: (u32, u32),
    to: (u32, u32),
    channels: Channels,
    kernel: Kernel,
}

impl Resampler {
    /// From one width and height to another; both in pixels, and by any ratio.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] if a side is 0.
    pub fn new(from: (u32, u32), to: (u32, u32), channels: Channels, kernel: Kernel) -> Result<Self> {
        if [from.0, from.1, to.0, to.1].contains(&0) {
            return Err(Error::misuse(format!("cannot resample {}x{} to {}x{}", from.0, from.1, to.0, to.1)));
        }
        Ok(Resampler { from, to, channels, kernel })
    }

    /// Which source rows an output band needs. Empty for an empty band.
    pub fn source_rows(&self, out: Range<u32>) -> Range<u32> {
        if out.is_empty() {
            return 0..0;
        }
        let ratio = f64::from(self.from.1) / f64::from(self.to.1);
        // One row more than the filter reaches, against rounding.
        let reach = self.kernel.radius() * ratio.max(1.0) + 1.0;
        let first = (f64::from(out.start) * ratio - reach).floor().max(0.0);
        let last = (f64::from(out.end) * ratio + reach).ceil().min(f64::from(self.from.1));
        first as u32..last as u32
    }

    /// The output rows `out`, from exactly the source rows `source_rows(out)`.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] if `out` reaches beyond the picture or `source` has another number of samples.
    pub fn rows(&self, source: &[f32], out: Range<u32>) -> Result<Vec<f32>> {
        let count = self.channels.count();
        let needed = self.source_rows(out.clone());
        if out.end > self.to.1 || source.len() != needed.len() * self.from.0 as usize * count {
            return Err(Error::misuse(format!(
                "rows {out:?} of {} need the {} source rows {needed:?}, got {} samples",
                self.to.1,
                needed.len(),
                source.len()
            )));
        }
        let mut target = vec![0.0f32; out.len() * self.to.0 as usize * count];
        if out.is_empty() {
            return Ok(target);
        }
        let ratio = f64::from(self.from.1) / f64::from(self.to.1);
        let top = f64::from(out.start) * ratio - f64::from(needed.start);
        let height = (out.len() as f64 * ratio).min(needed.len() as f64 - top);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(self.kernel.filter()))
            .crop(0.0, top, f64::from(self.from.0), height)
            .use_alpha(false);
        // For pixels of known types: the library's own choice would compile it for all that it knows.
        let resize = match self.channels {
            Channels::Grey => resize::<F32>,
            Channels::GreyAlpha => resize::<F32x2>,
            Channels::Rgb => resize::<F32x3>,
            Channels::Rgba => resize::<F32x4>,
        };
        let (from, to) = ((self.from.0, needed.len() as u32), (self.to.0, out.len() as u32));
        resize(from, source, to, &mut target, &options)?;
        Ok(target)
    }
}

/// From the samples of pixels `P`, of this width and height, to those of another picture.
fn resize<P: PixelTrait>(
    from: (u32, u32),
    source: &[f32],
    to: (u32, u32),
    target: &mut [f32],
    options: &ResizeOptions,
) -> Result<()> {
    let broken = |e: &dyn std::fmt::Display| Error::misuse(format!("resampling: {e}"));
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, bytemuck::cast_slice(source))
        .map_err(|e| broken(&e))?;
    let mut target =
        TypedImage::<P>::from_buffer(to.0, to.1, bytemuck::cast_slice_mut(target)).map_err(|e| broken(&e))?;
    Resizer::new().resize_typed(&source, &mut target, options).map_err(|e| broken(&e))
}

#[cfg(test)]
mod tests {
    use super::{Kernel, Resampler};
    use crate::Channels;

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32
            })
            .collect()
    }

    #[test]
    fn bands_make_the_whole() {
        let kernels = [Kernel::Box, Kernel::Triangle, Kernel::CatmullRom, Kernel::Lanczos3];
        for (from, to) in [
            ((13, 17), (29, 40)),
            ((31, 64), (7, 9)),
            ((10, 10), (10, 10)),
            ((5, 300), (5, 7)),
            ((3, 1), (9, 5)),
        ] {
            for channels in Channels::ALL {
                for kernel in kernels {
                    let n = channels.count();
                    let r = Resampler::new(from, to, channels, kernel).unwrap();
                    let source = noise((from.0 * from.1) as usize * n);
                    assert_eq!(r.source_rows(0..to.1), 0..from.1);
                    let whole = r.rows(&source, 0..to.1).unwrap();
                    for band in [1, 2, 5] {
                        let mut banded = Vec::new();
                        for start in (0..to.1).step_by(band) {
                            let out = start..(start + band as u32).min(to.1);
                            let rows = r.source_rows(out.clone());
                            let row = from.0 as usize * n;
                            let part = &source[rows.start as usize * row..rows.end as usize * row];
                            banded.extend(r.rows(part, out).unwrap());
                        }
                        let worst = whole.iter().zip(&banded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                        assert!(
                            whole.len() == banded.len() && worst < 1e-6,
                            "{from:?} {to:?} {kernel:?}: {worst}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn constants_stay_and_misuse_is_refused() {
        let r = Resampler::new((8, 8), (20, 3), Channels::Rgb, Kernel::Lanczos3).unwrap();
        let out = r.rows(&vec![0.25; 8 * 8 * 3], 0..3).unwrap();
        assert!(out.iter().all(|v| (v - 0.25).abs() < 1e-6));
        assert!(r.rows(&[0.0; 3], 0..3).is_err());
        assert!(r.rows(&[0.0; 3], 0..4).is_err());
        assert!(Resampler::new((0, 1), (1, 1), Channels::Grey, Kernel::Box).is_err());
    }
}
