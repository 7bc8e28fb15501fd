//! Sampling at given places.

use amplio_graph::ops;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::vectors::add_scaled;

/// A sampling, ready to run.
#[derive(Debug)]
pub(crate) struct GridSample {
    op: ops::GridSample,
    /// Height and width of the picture.
    input: [usize; 2],
    /// Height and width of the result.
    output: [usize; 2],
}

impl GridSample {
    pub(crate) fn new(step: &Step, op: &ops::GridSample) -> Result<Self> {
        let (from, to) = (&step.inputs[0].shape, &step.result);
        Ok(Self { op: *op, input: [from[2], from[3]], output: [to[2], to[3]] })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.output[1]
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let [picture, grid] = [inputs[0], inputs[1]];
        let ([height, width], [rows, columns]) = (self.input, self.output);
        let (n, y) = (first / columns / rows, first / columns % rows);
        for x in 0..columns {
            // The rows of the grid are its axis 1, which are channels in memory.
            let position = |side: usize| grid.pixel((n * columns + x) * 2 + side)[y];
            let horizontal = self.op.taps(position(0), width);
            let to = pixels.pixel(x);
            to.fill(0.0);
            for (row, vertical) in self.op.taps(position(1), height).into_iter().flatten() {
                for (column, horizontal) in horizontal.into_iter().flatten() {
                    let from = picture.pixel((n * height + row) * width + column);
                    add_scaled(isa, to, from, vertical * horizontal);
                }
            }
        }
    }
}
