use std::ops::Range;

use amplio_media::Channels;
use amplio_media::resample::{Kernel, Resampler};

use super::{Frame, Rows};
use crate::Result;

/// A picture resampled to another size, as classical filters do it.
pub(crate) struct Resampled<'a> {
    source: Box<dyn Rows + 'a>,
    resampler: Resampler,
    frame: Frame,
    band: Vec<f32>,
}

impl<'a> Resampled<'a> {
    pub(crate) fn new(source: Box<dyn Rows + 'a>, channels: Channels, to: (u32, u32)) -> Result<Self> {
        let Frame { width, height, .. } = source.frame();
        let resampler = Resampler::new((width as u32, height as u32), to, channels, Kernel::default())?;
        let frame = Frame { width: to.0 as usize, height: to.1 as usize, channels: channels.count() };
        Ok(Self { source, resampler, frame, band: Vec::new() })
    }
}

impl Rows for Resampled<'_> {
    fn frame(&self) -> Frame {
        self.frame
    }

    fn read(&mut self, rows: Range<usize>) -> Result<&[f32]> {
        let rows = rows.start as u32..rows.end as u32;
        let needed = self.resampler.source_rows(rows.clone());
        let source = self.source.read(needed.start as usize..needed.end as usize)?;
        self.band = self.resampler.rows(source, rows)?;
        // Filters with negative lobes overshoot at edges.
        self.band.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        Ok(&self.band)
    }
}
