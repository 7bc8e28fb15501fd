//! Resampling: for each row of the result first vertically, then horizontally.

use amplio_graph::ops;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::vectors::add_scaled;

/// What a place of the result sees along an axis: places of the input with their weights.
type Seen = Vec<(usize, f32)>;

/// A resampling, ready to run.
#[derive(Debug)]
pub(crate) struct Resize {
    /// Height and width of the input.
    input: [usize; 2],
    rows: Vec<Seen>,
    columns: Vec<Seen>,
}

impl Resize {
    pub(crate) fn new(step: &Step, op: &ops::Resize) -> Result<Self> {
        let (from, to) = (&step.inputs[0].shape, &step.result);
        let taps = |axis: usize| -> Vec<Seen> {
            let taps = op.taps(axis, from[2 + axis], to[2 + axis]).into_iter();
            taps.map(|seen| seen.into_iter().map(|(place, weight)| (place, weight as f32)).collect())
                .collect()
        };
        Ok(Self { input: [from[2], from[3]], rows: taps(0), columns: taps(1) })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.columns.len()
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let row = first / self.columns.len();
        let (picture, seen) = (row / self.rows.len(), &self.rows[row % self.rows.len()]);
        let [height, width] = self.input;
        let input = |y: usize| {
            let start = (picture * height + y) * width;
            inputs[0].slice(start..start + width)
        };
        // A row that is one of the input's needs no sums.
        if let &[(y, 1.0)] = &seen[..] {
            self.horizontal(isa, input(y), pixels);
            return;
        }
        let channels = pixels.channels();
        let mut sums = vec![0.0; width * channels];
        for &(y, weight) in seen {
            let from = input(y);
            match from.as_slice() {
                Some(from) => add_scaled(isa, &mut sums, from, weight),
                None => {
                    for (x, sums) in sums.chunks_exact_mut(channels.max(1)).enumerate() {
                        add_scaled(isa, sums, from.pixel(x), weight);
                    }
                }
            }
        }
        self.horizontal(isa, PixelsRef::dense(&sums, channels), pixels);
    }

    #[inline(always)]
    fn horizontal<I: Isa>(&self, isa: I, from: PixelsRef, pixels: &mut PixelsMut) {
        for (x, seen) in self.columns.iter().enumerate() {
            let to = pixels.pixel(x);
            if let &[(column, 1.0)] = &seen[..] {
                to.copy_from_slice(from.pixel(column));
                continue;
            }
            to.fill(0.0);
            for &(column, weight) in seen {
                add_scaled(isa, to, from.pixel(column), weight);
            }
        }
    }
}
