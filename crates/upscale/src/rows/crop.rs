use std::ops::Range;

use super::{Frame, Rows};
use crate::Result;

/// A part of a picture.
pub(crate) struct Crop<'a> {
    source: Box<dyn Rows + 'a>,
    columns: Range<usize>,
    rows: Range<usize>,
    band: Vec<f32>,
}

impl<'a> Crop<'a> {
    pub(crate) fn new(source: Box<dyn Rows + 'a>, columns: Range<usize>, rows: Range<usize>) -> Self {
        Self { source, columns, rows, band: Vec::new() }
    }
}

impl Rows for Crop<'_> {
    fn frame(&self) -> Frame {
        Frame { width: self.columns.len(), height: self.rows.len(), ..self.source.frame() }
    }

    fn read(&mut self, rows: Range<usize>) -> Result<&[f32]> {
        let Frame { channels, .. } = self.source.frame();
        let row = self.source.frame().row();
        let (left, right) = (self.columns.start * channels, self.columns.end * channels);
        let whole = self.source.read(self.rows.start + rows.start..self.rows.start + rows.end)?;
        self.band.clear();
        for row in whole.chunks_exact(row) {
            self.band.extend_from_slice(&row[left..right]);
        }
        Ok(&self.band)
    }
}
