use std::ops::Range;

/// The rows of a picture that have been made and are still needed.
#[derive(Debug, Default)]
pub(crate) struct Rolling {
    first: usize,
    samples: Vec<f32>,
    /// Samples in a row.
    row: usize,
}

impl Rolling {
    pub(crate) fn new(row: usize) -> Self {
        Self { first: 0, samples: Vec::new(), row }
    }

    /// The row after the last one that has been made.
    pub(crate) fn end(&self) -> usize {
        self.first + self.samples.len() / self.row
    }

    /// Takes the next rows.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.samples.extend_from_slice(samples);
    }

    /// Forgets the rows above `row`.
    pub(crate) fn forget(&mut self, row: usize) {
        let gone = row.saturating_sub(self.first) * self.row;
        self.samples.drain(..gone.min(self.samples.len()));
        self.first = self.first.max(row);
    }

    /// Rows that have been made and not been forgotten.
    pub(crate) fn rows(&self, rows: Range<usize>) -> &[f32] {
        &self.samples[(rows.start - self.first) * self.row..(rows.end - self.first) * self.row]
    }
}
