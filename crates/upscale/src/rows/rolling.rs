use std::ops::Range;

/// The rows of a picture that are being made, or have been made and are still needed.
#[derive(Debug)]
pub(crate) struct Rolling {
    /// The first row that is still needed, and where it begins in `samples`.
    first: usize,
    start: usize,
    /// Complete rows from there on; rows in the making follow.
    complete: usize,
    samples: Vec<f32>,
    /// Samples in a row.
    row: usize,
}

impl Rolling {
    pub(crate) fn new(row: usize) -> Self {
        Self { first: 0, start: 0, complete: 0, samples: Vec::new(), row }
    }

    /// The row after the last complete one.
    pub(crate) fn end(&self) -> usize {
        self.first + self.complete
    }

    /// The next rows in the making; those that are new are zeros.
    pub(crate) fn making(&mut self, rows: usize) -> &mut [f32] {
        let (start, len) = (self.start + self.complete * self.row, rows * self.row);
        if self.samples.len() < start + len {
            self.samples.resize(start + len, 0.0);
        }
        &mut self.samples[start..start + len]
    }

    /// The rows in the making, as far as they have been touched.
    pub(crate) fn unfinished(&self) -> &[f32] {
        &self.samples[self.start + self.complete * self.row..]
    }

    /// Takes back what was made of the rows in the making; they were `before`.
    pub(crate) fn restore(&mut self, before: &[f32]) {
        self.samples.truncate(self.start + self.complete * self.row);
        self.samples.extend_from_slice(before);
    }

    /// So many of the rows in the making are complete.
    pub(crate) fn finish(&mut self, rows: usize) {
        self.complete += rows;
    }

    /// Forgets the complete rows above `row`.
    pub(crate) fn forget(&mut self, row: usize) {
        let gone = row.saturating_sub(self.first).min(self.complete);
        self.first += gone;
        self.start += gone * self.row;
        self.complete -= gone;
        // What is left moves only when it is less than what it moves over.
        if 2 * self.start >= self.samples.len() {
            self.samples.drain(..self.start);
            self.start = 0;
        }
    }

    /// Complete rows that have not been forgotten.
    pub(crate) fn rows(&self, rows: Range<usize>) -> &[f32] {
        let place = |row: usize| self.start + (row - self.first) * self.row;
        &self.samples[place(rows.start)..place(rows.end)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_completed_and_forgotten_in_order() {
        let mut rolling = Rolling::new(2);
        rolling.making(3).copy_from_slice(&[0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
        rolling.finish(2);
        assert_eq!((rolling.end(), rolling.rows(1..2)), (2, [1.0, 1.5].as_slice()));
        rolling.forget(9);
        assert_eq!(rolling.end(), 2, "rows that do not exist yet cannot be forgotten");
        assert_eq!(rolling.making(2), [2.0, 2.5, 0.0, 0.0]);
        let before = rolling.unfinished().to_vec();
        rolling.making(3).fill(9.0);
        rolling.restore(&before);
        rolling.finish(2);
        assert_eq!(rolling.rows(2..4), [2.0, 2.5, 0.0, 0.0]);
    }
}
