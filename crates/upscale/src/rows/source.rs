use std::ops::Range;

use amplio_media::{Depth, Header, Image, Samples, Transfer, convert};

use super::{Frame, Rows};
use crate::{Error, Result};

/// A decoded picture as the first stage of the flow.
pub(crate) struct Source<'a> {
    image: &'a Image,
    /// What samples are divided by: the brightest of a picture that is brighter than white.
    peak: f32,
    band: Vec<f32>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(image: &'a Image) -> Result<Self> {
        Ok(Self { image, peak: peak(image)?, band: Vec::new() })
    }

    /// What the samples of the result are to be multiplied with.
    pub(crate) fn peak(&self) -> f32 {
        self.peak
    }
}

impl Rows for Source<'_> {
    fn frame(&self) -> Frame {
        let Image { width, height, channels, .. } = self.image;
        Frame { width: *width as usize, height: *height as usize, channels: channels.count() }
    }

    fn read(&mut self, rows: Range<usize>) -> Result<&[f32]> {
        self.band = encoded(self.image, rows)?;
        if self.peak != 1.0 {
            let scale = 1.0 / self.peak;
            self.band.iter_mut().for_each(|v| *v = (*v * scale).clamp(0.0, 1.0));
        }
        Ok(&self.band)
    }
}

/// Rows of a picture as encoded floats, 1 for white.
fn encoded(image: &Image, rows: Range<usize>) -> Result<Vec<f32>> {
    let from = image.header();
    let to = Header { depth: Depth::F32, transfer: Transfer::Encoded, ..from };
    let row = from.row_samples();
    match convert(&image.samples.slice(rows.start * row..rows.end * row), &from, &to)? {
        Samples::F32(samples) => Ok(samples),
        other => Ok(vec![0.0; other.len()]),
    }
}

/// Refuses a float picture with a sample that is no finite number, but for the colours of pixels that nobody sees.
///
/// # Errors
/// [`Error::Request`] with the pixel.
pub(crate) fn check_numbers(image: &Image) -> Result<()> {
    let Samples::F32(samples) = &image.samples else { return Ok(()) };
    let seen = |pixel: &[f32]| !image.channels.has_alpha() || pixel.last() != Some(&0.0);
    for (at, pixel) in samples.chunks_exact(image.channels.count()).enumerate() {
        if let Some(sample) = pixel.iter().find(|sample| !sample.is_finite() && seen(pixel)) {
            let (x, y) = (at % image.width as usize, at / image.width as usize);
            return Err(Error::request(format!("the picture has {sample} at pixel {x}, {y}")));
        }
    }
    Ok(())
}

/// The largest encoded sample of a float picture, at least 1; integers never exceed 1.
fn peak(image: &Image) -> Result<f32> {
    if image.samples.depth() != Depth::F32 {
        return Ok(1.0);
    }
    let mut peak = 1.0_f32;
    for row in 0..image.height as usize {
        peak = encoded(image, row..row + 1)?.into_iter().fold(peak, f32::max);
    }
    Ok(peak)
}
