//! The largest or the average pixel of each window.

use std::ops::Range;

use amplio_graph::ops::{self, PoolKind};
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::vectors::{add, scale, take_max};

/// Pooling, ready to run.
#[derive(Debug)]
pub(crate) struct Pool {
    kind: PoolKind,
    /// Pixels of a window, those beyond the picture included.
    window: usize,
    /// Height and width of the input.
    input: [usize; 2],
    /// For each row of the result, the rows of the input.
    rows: Vec<Range<usize>>,
    /// For each column of the result, the columns of the input.
    columns: Vec<Range<usize>>,
}

impl Pool {
    pub(crate) fn new(step: &Step, op: &ops::Pool) -> Result<Self> {
        let from = &step.inputs[0].shape;
        let ranges = |axis: usize| {
            let place = |at: usize| at.saturating_sub(op.padding[axis]).min(from[2 + axis]);
            let starts = (0..step.result[2 + axis]).map(|at| at * op.stride[axis]);
            starts.map(|start| place(start)..place(start + op.kernel[axis])).collect()
        };
        let window = op.kernel[0] * op.kernel[1];
        Ok(Self { kind: op.kind, window, input: [from[2], from[3]], rows: ranges(0), columns: ranges(1) })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.columns.len()
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let row = first / self.columns.len();
        let (picture, rows) = (row / self.rows.len(), &self.rows[row % self.rows.len()]);
        for (x, columns) in self.columns.iter().enumerate() {
            let to = pixels.pixel(x);
            to.fill(if self.kind == PoolKind::Max { f32::NEG_INFINITY } else { 0.0 });
            for y in rows.clone() {
                let start = (picture * self.input[0] + y) * self.input[1];
                for from in columns.clone().map(|column| inputs[0].pixel(start + column)) {
                    match self.kind {
                        PoolKind::Max => take_max(isa, to, from),
                        PoolKind::Average { .. } => add(isa, to, from),
                    }
                }
            }
            if let PoolKind::Average { count_padding } = self.kind {
                let count = if count_padding { self.window } else { rows.len() * columns.len() };
                scale(isa, to, 1.0 / count as f32);
            }
        }
    }
}
