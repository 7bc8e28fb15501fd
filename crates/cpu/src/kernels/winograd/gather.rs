//! From the sums of a block of tiles to their results: the last map, the bias, the epilogue and the store.

use std::marker::PhantomData;
use std::mem::replace;
use std::ops::Range;

use amplio_simd::{Element, Grid, Isa, Kernel, PixelsMut, PixelsRef};

use super::ending::Ending;
use super::transforms::{self, PRODUCTS, REACH, SIDE};
use crate::elementwise::{larger, magnitude, prelu};
use crate::epilogue::{Link, Square};
use crate::kernels::activation::Activation;
use crate::kernels::pack::Packed;

/// A block of tiles of one row, of which some rows of results are wanted.
pub(super) struct Gather<'a, E, const INTEGERS: bool> {
    pub(super) packed: &'a Packed,
    /// For each vector of output channels, which they are.
    pub(super) channels: &'a [Range<usize>],
    /// For each tile the sums, as `[vector of output channels][product][lane]`, and what keeps tiles apart.
    pub(super) sums: &'a [f32],
    /// From the sums of one tile to those of the next.
    pub(super) stride: usize,
    /// For each tile, of integers: the largest magnitude among its transformed columns.
    pub(super) largest: &'a [f32],
    /// The rows of the tiles that are wanted.
    pub(super) own: Range<usize>,
    /// The first column of the first tile.
    pub(super) left: usize,
    /// Columns of all tiles of the row.
    pub(super) width: usize,
    /// From a row and a column of the tiles to the next, in pixels of the result.
    pub(super) steps: [usize; 2],
    pub(super) activation: &'a Activation,
    pub(super) epilogue: &'a [Link],
    /// What the epilogue reads.
    pub(super) inputs: &'a [PixelsRef<'a>],
    /// The number of the first pixel of the first row wanted: among `pixels`, and in the whole result.
    pub(super) first: usize,
    pub(super) number: usize,
    pub(super) pixels: PixelsMut<'a>,
    pub(super) element: PhantomData<E>,
}

/// A block of tiles, and how its epilogue ends those that are whole.
pub(super) struct Ended<'a, E, T: ?Sized, const INTEGERS: bool> {
    pub(super) gather: Gather<'a, E, INTEGERS>,
    pub(super) ending: &'a T,
}

impl<E: Element, T: Ending + ?Sized, const INTEGERS: bool> Kernel for Ended<'_, E, T, INTEGERS> {
    /// Whether all results are numbers that can be stored.
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> bool {
        self.gather.run(isa, self.ending)
    }
}

impl<E: Element, const INTEGERS: bool> Gather<'_, E, INTEGERS> {
    #[inline(always)]
    fn run<I: Isa, T: Ending + ?Sized>(mut self, isa: I, ending: &T) -> bool {
        let [bias, worth, slopes] = [&self.packed.bias, &self.packed.worth, self.activation.slopes()]
            .map(|numbers| isa.vectors(numbers));
        // A local of its own stays in registers.
        let mut pixels = replace(&mut self.pixels, PixelsMut::dense(&mut [], 1));
        let mut largest = isa.splat_i32(0);
        for (tile, (sums, unit)) in self.sums.chunks(self.stride).zip(self.largest).enumerate() {
            let left = self.left + tile * SIDE;
            let (sums, _) = isa.vectors(sums).as_chunks();
            for (v, ((sums, &bias), channels)) in sums.iter().zip(bias).zip(self.channels).enumerate() {
                let vector = Vector {
                    sums,
                    unit: isa.mul(worth[v], isa.splat(*unit)),
                    bias,
                    slope: slopes.get(v).copied(),
                };
                let square = Square {
                    grid: self.grid(self.number, left),
                    rows: self.own.len(),
                    columns: SIDE.min(self.width - left),
                    channel: channels.start,
                    channels: channels.len(),
                };
                // Each way has its own results, so that those of the first stay in registers.
                if square.is_whole::<I, SIDE>() {
                    let mut results = vector.results::<INTEGERS>(isa);
                    ending.apply(isa, self.inputs, &square, &mut results);
                    if INTEGERS || E::HALF {
                        largest = larger(isa, largest, results.as_flattened());
                    }
                    let grid = self.grid(self.first, left);
                    pixels.store_square::<I, E, SIDE>(isa, grid, square.channel, &results);
                } else {
                    let results = vector.results::<INTEGERS>(isa);
                    largest = isa.max_i32(largest, self.part(isa, &square, results, left, &mut pixels));
                }
            }
        }
        magnitude(isa, largest) <= E::LARGEST
    }

    /// The pixels of the tile at this column, where those of the row of tiles begin at `first`.
    #[inline(always)]
    fn grid(&self, first: usize, left: usize) -> Grid {
        let [row, column] = self.steps;
        Grid { first: first + left * column, row, column }
    }

    /// The epilogue and the store of a square of which only a part is wanted; gives the bits of its largest magnitudes.
    #[inline(always)]
    fn part<I: Isa>(
        &self,
        isa: I,
        square: &Square,
        mut results: [[I::F32; SIDE]; SIDE],
        left: usize,
        pixels: &mut PixelsMut,
    ) -> I::I32 {
        results.rotate_left(self.own.start);
        self.epilogue.apply(isa, self.inputs, square, &mut results);
        let mut largest = isa.splat_i32(0);
        let grid = self.grid(self.first, left);
        for (y, row) in results.iter().enumerate().take(square.rows) {
            for (x, &result) in row.iter().enumerate().take(square.columns) {
                let pixel = E::pixel_mut(pixels, grid.first + y * grid.row + x * grid.column);
                E::store_partial(isa, &mut pixel[square.channel..][..square.channels], result);
                largest = larger(isa, largest, &[result]);
            }
        }
        largest
    }
}

/// What the results of a tile for a vector of output channels are made of.
struct Vector<'a, I: Isa> {
    sums: &'a [I::F32; PRODUCTS],
    /// What a unit of the sums of integers is worth.
    unit: I::F32,
    bias: I::F32,
    slope: Option<I::F32>,
}

impl<I: Isa> Vector<'_, I> {
    /// The last map, the bias and the activation.
    #[inline(always)]
    fn results<const INTEGERS: bool>(&self, isa: I) -> [[I::F32; SIDE]; SIDE] {
        let mut columns = [[isa.zero(); SIDE]; REACH];
        for (x, results) in columns.iter_mut().enumerate() {
            let mut column = [isa.zero(); REACH];
            for (y, sum) in column.iter_mut().enumerate() {
                *sum = self.sums[y * REACH + x];
                if INTEGERS {
                    *sum = isa.to_f32(isa.reinterpret_i32(*sum));
                }
            }
            *results = transforms::output(isa, column);
        }
        let mut results = [[isa.zero(); SIDE]; SIDE];
        for (y, results) in results.iter_mut().enumerate() {
            let mut row = [isa.zero(); REACH];
            for (sum, column) in row.iter_mut().zip(&columns) {
                *sum = column[y];
            }
            *results = transforms::output(isa, row);
            for result in results {
                *result = if INTEGERS {
                    isa.fma(*result, self.unit, self.bias)
                } else {
                    isa.add(*result, self.bias)
                };
            }
        }
        if let Some(slope) = self.slope {
            for result in results.as_flattened_mut() {
                *result = prelu(isa, *result, slope);
            }
        }
        results
    }
}
