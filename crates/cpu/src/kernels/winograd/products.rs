//! The products of the transformed pixels and weights, summed over the input channels: nearly all of the work.

use std::marker::PhantomData;
use std::ops::Range;

use amplio_simd::{Isa, Kernel};

use super::phase::Phase;
use super::transforms::Scheme;
use crate::kernels::blocks::in_blocks;
use crate::kernels::pack::{Block, Packed};
use crate::kernels::panels::{Ahead, accumulate};

/// A block of tiles to be multiplied.
pub(super) struct Products<'a, T, const S: usize, const R: usize> {
    pub(super) packed: &'a Packed,
    /// The input channels whose products are summed, and added to those of the channels before them.
    pub(super) inputs: Range<usize>,
    /// For each tile its numbers, as `[vector of cells][product][lane]`, and its sums, as `[vector of output channels][product][lane]`.
    pub(super) cells: &'a mut [f32],
    /// From one tile to the next.
    pub(super) stride: usize,
    /// Where the sums of a tile begin: behind its numbers, or in their place.
    pub(super) sums: usize,
    pub(super) tiles: usize,
    /// Of which part of an enlarged picture.
    pub(super) phase: Option<Phase>,
    pub(super) scheme: PhantomData<T>,
}

impl<T: Scheme<S, R>, const S: usize, const R: usize> Kernel for Products<'_, T, S, R> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let packed = self.packed;
        for number in 0..T::PRODUCTS {
            if self.phase.is_some_and(|phase| phase.is_nothing::<R>(number)) {
                self.clear(isa, number);
                continue;
            }
            for (b, block) in packed.blocks.iter().enumerate() {
                let ahead = match packed.blocks.get(b + 1) {
                    Some(next) => self.weights(isa, number, next),
                    None => self.weights(isa, (number + 1) % T::PRODUCTS, &packed.blocks[0]),
                };
                in_blocks!(I, block.vectors, |P, V| self.multiply::<I, P, V>(isa, number, block, ahead));
            }
        }
    }
}

impl<'a, T: Scheme<S, R>, const S: usize, const R: usize> Products<'a, T, S, R> {
    /// One of the products of all tiles, without weights.
    #[inline(always)]
    fn clear<I: Isa>(&mut self, isa: I, number: usize) {
        for tile in self.cells.chunks_mut(self.stride).take(self.tiles) {
            let sums = &mut tile[self.sums..][..self.packed.bias.len() * T::PRODUCTS];
            for products in isa.vectors_mut(sums).chunks_exact_mut(T::PRODUCTS) {
                products[number] = isa.zero();
            }
        }
    }

    /// The weights of one of the products, for a block of output channels.
    #[inline(always)]
    fn weights<I: Isa>(&self, _: I, number: usize, block: &Block) -> &'a [f32] {
        let Range { start, end } = self.inputs;
        let (start, end) = if T::INTEGERS { (start / 2, end.div_ceil(2)) } else { (start, end) };
        let width = block.vectors * I::LANES;
        let first = block.weights + (number * self.packed.depth + start) * width;
        &self.packed.weights[first..][..(end - start) * width]
    }

    /// One of the products of all tiles, for a block of output channels: `P` tiles by `V` vectors at a time, and fewer tiles
    /// at the end. Meanwhile it asks for the weights that come next: it takes longer to bring all of them from the L2 or L3 at
    /// once than to multiply the first tiles.
    #[inline(always)]
    fn multiply<I: Isa, const P: usize, const V: usize>(
        &mut self,
        isa: I,
        number: usize,
        block: &Block,
        ahead: &[f32],
    ) {
        let part = Part {
            weights: self.weights(isa, number, block),
            ahead,
            number: number * I::LANES,
            sums: self.sums + block.bias * T::PRODUCTS + number * I::LANES,
        };
        let mut tile = 0;
        while tile + P <= self.tiles {
            self.step::<I, P, V>(isa, &part, tile);
            tile += P;
        }
        while tile + 4 <= self.tiles {
            self.step::<I, 4, V>(isa, &part, tile);
            tile += 4;
        }
        while tile + 2 <= self.tiles {
            self.step::<I, 2, V>(isa, &part, tile);
            tile += 2;
        }
        if tile < self.tiles {
            self.step::<I, 1, V>(isa, &part, tile);
        }
    }

    #[inline(always)]
    fn step<I: Isa, const P: usize, const V: usize>(&mut self, isa: I, part: &Part, tile: usize) {
        // Slices that are known to be equally long take one check for all.
        let cells = part.weights.len() / (V * I::LANES);
        let size = (cells - 1) / I::LANES * T::PRODUCTS * I::LANES + (cells - 1) % I::LANES + 1;
        let mut tiles: [&[f32]; P] = [&[]; P];
        for (t, numbers) in tiles.iter_mut().enumerate() {
            *numbers = &self.cells[(tile + t) * self.stride + part.number..][..size];
        }
        let pace = V * I::LANES * P / T::TILES;
        let mut sums = [[isa.zero(); V]; P];
        if self.inputs.start > 0 {
            for (t, sums) in sums.iter_mut().enumerate() {
                let from = &self.cells[(tile + t) * self.stride + part.sums..];
                let from = &from[..((V - 1) * T::PRODUCTS + 1) * I::LANES];
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = isa.load(&from[j * T::PRODUCTS * I::LANES..]);
                }
            }
        }
        for (c, weights) in part.weights.chunks(I::LANES * V * I::LANES).enumerate() {
            let (first, cells) = (c * T::PRODUCTS * I::LANES, weights.len() / (V * I::LANES));
            let mut rows: [&[f32]; P] = [&[]; P];
            for (row, numbers) in rows.iter_mut().zip(tiles) {
                *row = &numbers[first..][..cells];
            }
            let from = tile * part.weights.len() / T::TILES + c * I::LANES * pace;
            let ahead = Some(Ahead { elements: part.ahead, from, pace });
            sums = if T::INTEGERS {
                accumulate::<I, true, P, V>(isa, sums, rows, weights, ahead)
            } else {
                accumulate::<I, false, P, V>(isa, sums, rows, weights, ahead)
            };
        }
        for (t, sums) in sums.iter().enumerate() {
            let to = &mut self.cells[(tile + t) * self.stride + part.sums..];
            let to = &mut to[..((V - 1) * T::PRODUCTS + 1) * I::LANES];
            for (j, &sum) in sums.iter().enumerate() {
                isa.store(&mut to[j * T::PRODUCTS * I::LANES..], sum);
            }
        }
    }
}

/// What is multiplied with the tiles.
struct Part<'a> {
    weights: &'a [f32],
    /// The weights that come next.
    ahead: &'a [f32],
    /// Where the numbers begin in the first vector of cells of a tile.
    number: usize,
    /// Where the sums of a tile begin.
    sums: usize,
}
