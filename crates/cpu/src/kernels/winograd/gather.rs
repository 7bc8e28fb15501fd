//! From the sums of a block of tiles to their results: the last map, the bias, the epilogue and the store.

use std::marker::PhantomData;
use std::ops::Range;

use amplio_simd::{Element, Grid, Isa, Kernel, PixelsMut, PixelsRef};

use super::ending::Ending;
use super::transforms::Scheme;
use crate::elementwise::{larger, magnitude, prelu};
use crate::epilogue::{Link, Square};
use crate::kernels::pack::Packed;

/// A block of tiles of one row, of which some rows of results are wanted.
pub(super) struct Gather<'a, E, T, const S: usize, const R: usize> {
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
    /// The slopes of the activation, if there is one.
    pub(super) slopes: &'a [f32],
    pub(super) epilogue: &'a [Link],
    /// What the epilogue reads.
    pub(super) inputs: &'a [PixelsRef<'a>],
    /// The number of the first pixel of the first row wanted: among those that are stored, and in the whole result.
    pub(super) first: usize,
    pub(super) number: usize,
    /// Whether results that are no numbers, or too large to be stored, are to be found.
    pub(super) checks: bool,
    pub(super) element: PhantomData<E>,
    pub(super) scheme: PhantomData<T>,
}

impl<E: Element, T: Scheme<S, R>, const S: usize, const R: usize> Gather<'_, E, T, S, R> {
    /// Whether all squares of the block are whole.
    pub(super) fn is_whole(&self, lanes: usize) -> bool {
        self.own.len() == S
            && self.left + self.largest.len() * S <= self.width
            && self.channels.iter().all(|channels| channels.len() == lanes)
    }

    /// The square of results of a tile and a vector of output channels, and what it is made of.
    #[inline(always)]
    fn square<I: Isa>(&self, isa: I, tile: usize, v: usize) -> (Vector<'_, I, R>, Square) {
        let [bias, worth, slopes] =
            [&self.packed.bias, &self.packed.worth, self.slopes].map(|numbers| isa.vectors(numbers));
        let sums = isa.vectors(&self.sums[tile * self.stride..]).as_chunks().0.as_chunks().0;
        let vector = Vector {
            sums: &sums[v],
            unit: isa.mul(worth[v], isa.splat(self.largest[tile])),
            bias: bias[v],
            slope: slopes.get(v).copied(),
        };
        let (channels, [row, column]) = (&self.channels[v], self.steps);
        let left = self.left + tile * S;
        let square = Square {
            grid: Grid { first: self.number + left * column, row, column },
            rows: self.own.len(),
            columns: S.min(self.width - left),
            channel: channels.start,
            channels: channels.len(),
        };
        (vector, square)
    }

    /// Where a square is among the pixels that are stored.
    #[inline(always)]
    fn stored(&self, square: &Square) -> Grid {
        Grid { first: square.grid.first - self.number + self.first, ..square.grid }
    }
}

/// The squares of a block that are whole, which end in a way that is known: results stay in registers.
pub(super) struct Ended<'a, E, T, D, const S: usize, const R: usize> {
    pub(super) gather: &'a Gather<'a, E, T, S, R>,
    pub(super) pixels: PixelsMut<'a>,
    pub(super) ending: &'a D,
}

impl<E: Element, T: Scheme<S, R>, D: Ending, const S: usize, const R: usize> Kernel
    for Ended<'_, E, T, D, S, R>
{
    /// Whether all results that are checked are numbers that can be stored.
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> bool {
        let Self { gather, mut pixels, ending } = self;
        let mut largest = isa.splat_i32(0);
        for tile in 0..gather.largest.len() {
            for v in 0..gather.channels.len() {
                let (vector, square) = gather.square(isa, tile, v);
                if !square.is_whole::<I, S>() {
                    continue;
                }
                let mut results = vector.results::<T, S>(isa);
                ending.apply(isa, gather.inputs, &square, &mut results);
                if gather.checks {
                    largest = larger(isa, largest, results.as_flattened());
                }
                pixels.store_square::<I, E, S>(isa, gather.stored(&square), square.channel, &results);
            }
        }
        magnitude(isa, largest) <= E::LARGEST
    }
}

/// The other squares of a block, with any epilogue: those of which only a part is wanted, and where `whole` says so, those that are
/// whole as well.
pub(super) struct Others<'a, E, T, const S: usize, const R: usize> {
    pub(super) gather: &'a Gather<'a, E, T, S, R>,
    pub(super) pixels: PixelsMut<'a>,
    pub(super) whole: bool,
}

impl<E: Element, T: Scheme<S, R>, const S: usize, const R: usize> Kernel for Others<'_, E, T, S, R> {
    /// Whether all results that are checked are numbers that can be stored.
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> bool {
        let Self { gather, mut pixels, whole } = self;
        let mut largest = isa.splat_i32(0);
        for tile in 0..gather.largest.len() {
            for v in 0..gather.channels.len() {
                let (vector, square) = gather.square(isa, tile, v);
                let is_whole = square.is_whole::<I, S>();
                if is_whole && !whole {
                    continue;
                }
                let mut results = vector.results::<T, S>(isa);
                results.rotate_left(gather.own.start);
                for link in gather.epilogue {
                    link.apply_to_square(isa, gather.inputs, &square, &mut results);
                }
                let grid = gather.stored(&square);
                if is_whole {
                    largest = larger(isa, largest, results.as_flattened());
                    pixels.store_square::<I, E, S>(isa, grid, square.channel, &results);
                    continue;
                }
                for (y, row) in results.iter().enumerate().take(square.rows) {
                    for (x, &result) in row.iter().enumerate().take(square.columns) {
                        let pixel = pixels.pixel_of::<E>(grid.first + y * grid.row + x * grid.column);
                        E::store_partial(isa, &mut pixel[square.channel..][..square.channels], result);
                        largest = larger(isa, largest, &[result]);
                    }
                }
            }
        }
        !gather.checks || magnitude(isa, largest) <= E::LARGEST
    }
}

/// What the results of a tile for a vector of output channels are made of.
struct Vector<'a, I: Isa, const R: usize> {
    sums: &'a [[I::F32; R]; R],
    /// What a unit of the sums of integers is worth.
    unit: I::F32,
    bias: I::F32,
    slope: Option<I::F32>,
}

impl<I: Isa, const R: usize> Vector<'_, I, R> {
    /// The last map, the bias and the activation.
    #[inline(always)]
    fn results<T: Scheme<S, R>, const S: usize>(&self, isa: I) -> [[I::F32; S]; S] {
        let mut columns = [[isa.zero(); S]; R];
        for (x, results) in columns.iter_mut().enumerate() {
            let mut column = [isa.zero(); R];
            for (y, sum) in column.iter_mut().enumerate() {
                *sum = self.sums[y][x];
                if T::INTEGERS {
                    *sum = isa.to_f32(isa.reinterpret_i32(*sum));
                }
            }
            *results = T::output(isa, column);
        }
        let mut results = [[isa.zero(); S]; S];
        for (y, results) in results.iter_mut().enumerate() {
            let mut row = [isa.zero(); R];
            for (sum, column) in row.iter_mut().zip(&columns) {
                *sum = column[y];
            }
            *results = T::output(isa, row);
            for result in results {
                *result = if T::INTEGERS {
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
