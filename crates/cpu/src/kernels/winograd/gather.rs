//! From the sums of a block of tiles to their results: the last map, the bias, the epilogue and the store.

use std::marker::PhantomData;
use std::mem::replace;
use std::ops::Range;

use amplio_simd::{Element, Isa, Kernel, PixelsMut, PixelsRef};

use super::transforms::Transform;
use crate::elementwise::magnitude;
use crate::epilogue::{Elementwise, Row};
use crate::kernels::pack::Packed;

/// A block of tiles of one row, of which some rows of results are wanted.
pub(super) struct Gather<'a, E, T, const R: usize, const S: usize, const INTEGERS: bool> {
    pub(super) packed: &'a Packed,
    /// For each tile the sums, as `[vector of output channels][product][lane]`, and what keeps tiles apart.
    pub(super) sums: &'a [f32],
    /// From the sums of one tile to those of the next.
    pub(super) stride: usize,
    /// For each tile, of integers: the magnitude of the largest pixel that it read.
    pub(super) largest: &'a [f32],
    /// The rows of the tiles that are wanted.
    pub(super) own: Range<usize>,
    /// The first column of the first tile.
    pub(super) left: usize,
    /// Pixels in a row of the result.
    pub(super) width: usize,
    pub(super) epilogue: &'a [Elementwise],
    /// What the epilogue reads.
    pub(super) inputs: &'a [PixelsRef<'a>],
    /// The number of the first pixel of the first row wanted: among `pixels`, and in the whole result.
    pub(super) first: usize,
    pub(super) number: usize,
    pub(super) pixels: PixelsMut<'a>,
    pub(super) kinds: PhantomData<(E, T)>,
}

impl<E: Element, T: Transform<R, S>, const R: usize, const S: usize, const INTEGERS: bool> Kernel
    for Gather<'_, E, T, R, S, INTEGERS>
{
    /// Whether all results are numbers that can be stored.
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) -> bool {
        let packed = self.packed;
        // A local of its own stays in registers.
        let mut pixels = replace(&mut self.pixels, PixelsMut::dense(&mut [], 1));
        let mut largest = isa.splat_i32(0);
        for tile in 0..self.largest.len() {
            for block in &packed.blocks {
                for j in 0..block.vectors {
                    let place = Place {
                        tile,
                        sums: block.bias + j * I::LANES,
                        channel: block.output + j * I::LANES,
                        channels: (block.channels - j * I::LANES).min(I::LANES),
                    };
                    let whole = place.channels == I::LANES
                        && self.own == (0..S)
                        && self.left + (tile + 1) * S <= self.width;
                    let of = if whole {
                        self.whole(isa, &place, &mut pixels)
                    } else {
                        self.part(isa, &place, &mut pixels)
                    };
                    largest = isa.max_i32(largest, of);
                }
            }
        }
        magnitude(isa, largest) <= E::LARGEST
    }
}

/// A vector of output channels of a tile.
struct Place {
    tile: usize,
    /// The number of the first channel, counted with what fills up vectors.
    sums: usize,
    channel: usize,
    channels: usize,
}

impl<E: Element, T: Transform<R, S>, const R: usize, const S: usize, const INTEGERS: bool>
    Gather<'_, E, T, R, S, INTEGERS>
{
    /// Stores all results of a tile, and gives the bits of the magnitudes of the largest.
    #[inline(always)]
    fn whole<I: Isa>(&self, isa: I, place: &Place, pixels: &mut PixelsMut) -> I::I32 {
        let columns = self.columns(isa, place);
        let mut largest = isa.splat_i32(0);
        for y in 0..S {
            let at = y * self.width + self.left + place.tile * S;
            let row = Row { first: self.number + at, pixels: S, channel: place.channel, channels: I::LANES };
            let results = self.results(isa, place, &columns, y, &row);
            pixels.store::<I, E, S>(isa, self.first + at, place.channel, results);
            if INTEGERS {
                for result in results {
                    largest = isa.max_i32(largest, isa.reinterpret_i32(isa.abs(result)));
                }
            }
        }
        largest
    }

    /// As [`Gather::whole`], for a tile that reaches beyond the picture or the rows that are wanted, or a vector beyond the
    /// channels.
    fn part<I: Isa>(&self, isa: I, place: &Place, pixels: &mut PixelsMut) -> I::I32 {
        let columns = self.columns(isa, place);
        let mut largest = isa.splat_i32(0);
        for y in self.own.clone() {
            let left = self.left + place.tile * S;
            let at = (y - self.own.start) * self.width + left;
            let count = S.min(self.width - left);
            let (channel, channels) = (place.channel, place.channels);
            let row = Row { first: self.number + at, pixels: count, channel, channels };
            let results = self.results(isa, place, &columns, y, &row);
            for (x, &result) in results.iter().enumerate().take(count) {
                let pixel = E::pixel_mut(pixels, self.first + at + x);
                E::store_partial(isa, &mut pixel[channel..][..channels], result);
                if INTEGERS {
                    largest = isa.max_i32(largest, isa.reinterpret_i32(isa.abs(result)));
                }
            }
        }
        largest
    }

    /// The last map along the columns.
    #[inline(always)]
    fn columns<I: Isa>(&self, isa: I, place: &Place) -> [[I::F32; S]; R] {
        let cells = &self.sums[place.tile * self.stride + place.sums * R * R..][..R * R * I::LANES];
        let factors =
            if INTEGERS { &self.packed.factors[place.sums * R * R..][..R * R * I::LANES] } else { &[] };
        let mut columns = [[isa.zero(); S]; R];
        for (x, results) in columns.iter_mut().enumerate() {
            let mut column = [isa.zero(); R];
            for (y, sum) in column.iter_mut().enumerate() {
                let at = (y * R + x) * I::LANES;
                *sum = isa.load(&cells[at..][..I::LANES]);
                if INTEGERS {
                    *sum =
                        isa.mul(isa.to_f32(isa.reinterpret_i32(*sum)), isa.load(&factors[at..][..I::LANES]));
                }
            }
            *results = T::output(isa, column);
        }
        columns
    }

    /// The results of row `y`: the last map along the row, the bias and the epilogue.
    #[inline(always)]
    fn results<I: Isa>(
        &self,
        isa: I,
        place: &Place,
        columns: &[[I::F32; S]; R],
        y: usize,
        row: &Row,
    ) -> [I::F32; S] {
        let mut sums = [isa.zero(); R];
        for (sum, column) in sums.iter_mut().zip(columns) {
            *sum = column[y];
        }
        let (bias, largest) =
            (isa.load(&self.packed.bias[place.sums..]), isa.splat(self.largest[place.tile]));
        let mut results = T::output(isa, sums);
        for result in &mut results {
            *result = if INTEGERS { isa.fma(*result, largest, bias) } else { isa.add(*result, bias) };
        }
        for op in self.epilogue {
            op.apply_to_row(isa, self.inputs, row, &mut results);
        }
        results
    }
}
