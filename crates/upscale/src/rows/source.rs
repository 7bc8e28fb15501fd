use std::ops::Range;

use amplio_media::{Depth, Header, Image, Samples, Transfer, convert};

use super::{Frame, Rows};
use crate::Result;

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

/// The largest encoded sample of a float picture, at least 1; integers never exceed 1.
fn peak(image: &Image) -> Result<f32> {
    if image.samples.depth() != Depth::F32 {
        return Ok(1.0);
    }
    let mut peak = 1.0_f32;
    for row in 0..image.height as usize {
        peak = encoded(image, row..row + 1)?.into_iter().filter(|v| v.is_finite()).fold(peak, f32::max);
    }
    Ok(peak)
}
