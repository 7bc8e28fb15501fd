//! Matrix products.

use amplio_graph::plan::Step;
use amplio_graph::{Error, Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::panels::Panels;
use crate::layout::{Walk, walks};

/// Rows of the result that are computed at once, for which the second matrix is packed once.
const ROWS: usize = 128;

/// A matrix product, ready to run.
#[derive(Debug)]
pub(crate) struct MatMul {
    rows: usize,
    depth: usize,
    columns: usize,
    left: Operand,
    right: Operand,
    /// The result's axes before those of its matrices, which number them.
    batch: Vec<usize>,
    /// Matrices that lie side by side, one in each channel of the result's pixels; 0 if a pixel is a row.
    heads: usize,
}

/// Where the matrices of an operand are.
#[derive(Debug)]
struct Operand {
    /// For each axis of [`MatMul::batch`] what a step on it means; nothing where the operand is broadcast.
    batch: Vec<Option<Walk>>,
    row: Walk,
    column: Walk,
}

impl MatMul {
    pub(crate) fn new(step: &Step) -> Result<Self> {
        let [a, b] = [&step.inputs[0].shape, &step.inputs[1].shape];
        let result = &step.result;
        let rank = result.rank();
        if result.contains(&0) || a.contains(&0) {
            return Err(Error::Unsupported { what: format!("the product of {a} and {b}") });
        }
        let operand = |shape: &Shape| {
            let walked = walks(shape);
            let walk = |axis: usize| {
                let own = (axis + shape.rank()).checked_sub(rank)?;
                (shape[own] > 1).then_some(walked[own])
            };
            let [row, column] = [2, 1].map(|back| walked[shape.rank() - back]);
            Operand { batch: (0..rank - 2).map(walk).collect(), row, column }
        };
        let (heads, batch) = (if rank == 4 { result[1] } else { 0 }, result[..rank - 2].to_vec());
        let (left, right) = (operand(a), operand(b));
        let (rows, columns, depth) = (result[rank - 2], result[rank - 1], a[a.rank() - 1]);
        Ok(Self { rows, depth, columns, left, right, batch, heads })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        let rows = self.rows.min(ROWS);
        if self.heads == 0 { rows } else { rows * self.columns }
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let each = if self.heads == 0 { 1 } else { self.columns };
        let (first, rows) = (first / each, pixels.pixels() / each);
        let mut rest = pixels.reborrow();
        let mut done = 0;
        while done < rows {
            let (matrix, row) = ((first + done) / self.rows, (first + done) % self.rows);
            let count = (rows - done).min(self.rows - row);
            let (mut part, tail) = rest.split_at(count * each);
            for head in 0..self.heads.max(1) {
                self.part(isa, inputs, [matrix * self.heads.max(1), head, row], &mut part);
            }
            rest = tail;
            done += count;
        }
    }

    /// The rows from `row` on of one matrix.
    #[inline(always)]
    fn part<I: Isa>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        [matrix, head, row]: [usize; 3],
        pixels: &mut PixelsMut,
    ) {
        let left = self.left.start(&self.batch, matrix + head);
        let right = self.right.start(&self.batch, matrix + head);
        let panels =
            Panels::new(isa, self.depth, self.columns, |k, n| self.right.number(inputs[1], right, k, n));
        if self.heads == 0 {
            let Walk::Pixels(step) = self.left.row else { return };
            let start = left.0 + row * step;
            match (self.left.column, step) {
                (Walk::Channels, 1) => {
                    let rows = inputs[0].slice(start..start + pixels.pixels());
                    panels.multiply(I::LEVEL, rows, pixels);
                }
                _ => {
                    let rows = self.gather(inputs[0], left, row, pixels.pixels());
                    panels.multiply(I::LEVEL, PixelsRef::dense(&rows, self.depth), pixels);
                }
            }
            return;
        }
        let count = pixels.pixels() / self.columns;
        let rows = self.gather(inputs[0], left, row, count);
        let mut products = vec![0.0; count * self.columns];
        let mut result = PixelsMut::dense(&mut products, self.columns);
        panels.multiply(I::LEVEL, PixelsRef::dense(&rows, self.depth), &mut result);
        for (i, product) in products.into_iter().enumerate() {
            pixels.pixel(i)[head] = product;
        }
    }

    /// `count` rows of the left matrix, one after the other.
    #[inline(always)]
    fn gather(&self, from: PixelsRef, start: (usize, usize), row: usize, count: usize) -> Vec<f32> {
        let numbers = (0..count * self.depth).map(|i| (row + i / self.depth, i % self.depth));
        numbers.map(|(row, column)| self.left.number(from, start, row, column)).collect()
    }
}

impl Operand {
    /// The pixel and the channel where the operand of a matrix of the result begins.
    #[inline(always)]
    fn start(&self, batch: &[usize], matrix: usize) -> (usize, usize) {
        let (mut rest, mut pixel, mut channel) = (matrix, 0, 0);
        for (size, walk) in batch.iter().zip(&self.batch).rev() {
            match walk {
                Some(Walk::Pixels(step)) => pixel += rest % size * step,
                Some(Walk::Channels) => channel += rest % size,
                None => {}
            }
            rest /= size;
        }
        (pixel, channel)
    }

    /// The number in a row and a column of the matrix that begins at `start`.
    #[inline(always)]
    fn number(
        &self,
        from: PixelsRef,
        (mut pixel, mut channel): (usize, usize),
        row: usize,
        column: usize,
    ) -> f32 {
        for (walk, place) in [(self.row, row), (self.column, column)] {
            match walk {
                Walk::Pixels(step) => pixel += place * step,
                Walk::Channels => channel += place,
            }
        }
        from.pixel(pixel)[channel]
    }
}
