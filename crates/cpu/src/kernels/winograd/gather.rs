//! From the sums of a block of tiles to their results: the last map, the bias, the epilogue and the store.

use std::marker::PhantomData;
use std::mem::replace;
use std::ops::Range;

use amplio_simd::{AlignedBuf, Element, Isa, Kernel, PixelsMut, PixelsRef};

use super::spread::larger;
use super::transforms::{self, PRODUCTS, REACH, SIDE};
use crate::elementwise::{magnitude, prelu};
use crate::epilogue::{Link, Square};
use crate::kernels::pack::Packed;

/// The most common start of an epilogue, and the only one in most networks.
#[derive(Debug)]
pub(super) enum Activation {
    None,
    /// For each output channel, counted with what fills up vectors, what negative numbers are multiplied by.
    Slopes(AlignedBuf),
}

/// A block of tiles of one row, of which some rows of results are wanted.
pub(super) struct Gather<'a, E, const INTEGERS: bool> {
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

impl<E: Element, const INTEGERS: bool> Kernel for Gather<'_, E, INTEGERS> {
    /// Whether all results are numbers that can be stored.
    type Output = bool;

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) -> bool {
        let packed = self.packed;
        // A local of its own stays in registers.
        let mut pixels = replace(&mut self.pixels, PixelsMut::dense(&mut [], 1));
        let mut largest = isa.splat_i32(0);
        for tile in 0..self.largest.len() {
            let left = self.left + tile * SIDE;
            for block in &packed.blocks {
                for j in 0..block.vectors {
                    let square = Square {
                        first: self.number + left,
                        width: self.width,
                        rows: self.own.len(),
                        columns: SIDE.min(self.width - left),
                        channel: block.output + j * I::LANES,
                        channels: (block.channels - j * I::LANES).min(I::LANES),
                    };
                    let mut results = self.results(isa, tile, block.bias + j * I::LANES);
                    if square.is_whole::<I, SIDE>() {
                        for op in self.epilogue {
                            op.apply_to_square(isa, self.inputs, &square, &mut results);
                        }
                        if INTEGERS {
                            largest = larger(isa, largest, results.as_flattened());
                        }
                        let place = (self.first + left, self.width);
                        pixels.store_square::<I, E, SIDE>(isa, place, square.channel, &results);
                    } else {
                        largest = isa.max_i32(largest, self.part(isa, &square, results, left, &mut pixels));
                    }
                }
            }
        }
        magnitude(isa, largest) <= E::LARGEST
    }
}

impl<E: Element, const INTEGERS: bool> Gather<'_, E, INTEGERS> {
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
        for op in self.epilogue {
            op.apply_to_square(isa, self.inputs, square, &mut results);
        }
        let mut largest = isa.splat_i32(0);
        for (y, row) in results.iter().enumerate().take(square.rows) {
            for (x, &result) in row.iter().enumerate().take(square.columns) {
                let pixel = E::pixel_mut(pixels, self.first + y * self.width + left + x);
                E::store_partial(isa, &mut pixel[square.channel..][..square.channels], result);
                largest = larger(isa, largest, &[result]);
            }
        }
        largest
    }

    /// The results of a tile for the vector of output channels that begins at `sums`: the last map, the bias and the activation.
    #[inline(always)]
    fn results<I: Isa>(&self, isa: I, tile: usize, sums: usize) -> [[I::F32; SIDE]; SIDE] {
        let cells = |cells| &isa.vectors(cells)[..PRODUCTS];
        let products = cells(&self.sums[tile * self.stride + sums * PRODUCTS..]);
        // What is not there is never read.
        let factors = if INTEGERS { cells(&self.packed.factors[sums * PRODUCTS..]) } else { products };
        let mut columns = [[isa.zero(); SIDE]; REACH];
        for (x, results) in columns.iter_mut().enumerate() {
            let mut column = [isa.zero(); REACH];
            for (y, sum) in column.iter_mut().enumerate() {
                *sum = products[y * REACH + x];
                if INTEGERS {
                    *sum = isa.mul(isa.to_f32(isa.reinterpret_i32(*sum)), factors[y * REACH + x]);
                }
            }
            *results = transforms::output(isa, column);
        }
        let (bias, largest) = (isa.load(&self.packed.bias[sums..]), isa.splat(self.largest[tile]));
        let mut results = [[isa.zero(); SIDE]; SIDE];
        for (y, results) in results.iter_mut().enumerate() {
            let mut row = [isa.zero(); REACH];
            for (sum, column) in row.iter_mut().zip(&columns) {
                *sum = column[y];
            }
            *results = transforms::output(isa, row);
            for result in results {
                *result = if INTEGERS { isa.fma(*result, largest, bias) } else { isa.add(*result, bias) };
            }
        }
        if let Activation::Slopes(slopes) = self.activation {
            let slope = isa.load(&slopes[sums..]);
            for result in results.as_flattened_mut() {
                *result = prelu(isa, *result, slope);
            }
        }
        results
    }
}
