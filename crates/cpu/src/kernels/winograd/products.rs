//! The products of the transformed pixels and weights, summed over the input channels: nearly all of the work.

use std::array;

use amplio_simd::{Isa, Kernel};

use crate::kernels::pack::{Block, Packed};
use crate::kernels::panels::accumulate;

/// A block of tiles to be multiplied.
pub(super) struct Products<'a, const INTEGERS: bool> {
    pub(super) packed: &'a Packed,
    /// The numbers of the tiles: for each of the products of a tile a plane, in which each tile has `depth` cells.
    pub(super) planes: &'a [f32],
    pub(super) plane: usize,
    pub(super) depth: usize,
    /// Products of a tile.
    pub(super) products: usize,
    pub(super) tiles: usize,
    /// For each tile the sums, as `[vector of output channels][product][lane]`, and what keeps tiles apart.
    pub(super) sums: &'a mut [f32],
    /// From the sums of one tile to those of the next.
    pub(super) stride: usize,
}

impl<const INTEGERS: bool> Kernel for Products<'_, INTEGERS> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let packed = self.packed;
        for number in 0..self.products {
            for block in &packed.blocks {
                // As many sums as the registers hold beside the weights and the pixel.
                match (I::REGISTERS, block.vectors) {
                    (32, 4) => self.multiply::<I, 6, 4>(isa, number, block),
                    (32, 3) => self.multiply::<I, 8, 3>(isa, number, block),
                    (32, 2) => self.multiply::<I, 12, 2>(isa, number, block),
                    (32, _) => self.multiply::<I, 12, 1>(isa, number, block),
                    (_, 2) => self.multiply::<I, 6, 2>(isa, number, block),
                    _ => self.multiply::<I, 12, 1>(isa, number, block),
                }
            }
        }
    }
}

impl<const INTEGERS: bool> Products<'_, INTEGERS> {
    /// One of the products of all tiles, for a block of output channels: `P` tiles by `V` vectors at a time, and fewer tiles
    /// at the end.
    #[inline(always)]
    fn multiply<I: Isa, const P: usize, const V: usize>(&mut self, isa: I, number: usize, block: &Block) {
        let depth = self.packed.depth;
        let size = depth * V * I::LANES;
        let part = Part {
            weights: &self.packed.weights[block.weights + number * size..][..size],
            depth,
            sums: (block.bias * self.products) + number * I::LANES,
            plane: number * self.plane,
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
        let mut rows: [&[f32]; P] = [&[]; P];
        for (t, row) in rows.iter_mut().enumerate() {
            *row = &self.planes[part.plane + (tile + t) * self.depth..][..part.depth];
        }
        let sums = if INTEGERS {
            accumulate_pairs::<I, P, V>(isa, rows, part.weights)
        } else {
            accumulate(isa, [[isa.zero(); V]; P], rows, part.weights)
        };
        for (t, sums) in sums.iter().enumerate() {
            let to = &mut self.sums[(tile + t) * self.stride + part.sums..];
            for (j, &sum) in sums.iter().enumerate() {
                isa.store(&mut to[j * self.products * I::LANES..], sum);
            }
        }
    }
}

/// What is multiplied with the tiles.
struct Part<'a> {
    weights: &'a [f32],
    depth: usize,
    /// Where the plane begins.
    plane: usize,
    /// Where the sums of a tile begin.
    sums: usize,
}

/// Sums in integers: each cell of the rows and the weights is a pair of 16-bit integers, each of the result's the bits of an
/// integer.
#[inline(always)]
fn accumulate_pairs<I: Isa, const P: usize, const V: usize>(
    isa: I,
    mut rows: [&[f32]; P],
    weights: &[f32],
) -> [[I::F32; V]; P] {
    let terms = rows[0].len();
    for row in &mut rows {
        *row = &row[..terms];
    }
    let mut sums = [[isa.splat_i32(0); V]; P];
    for (c, weights) in (0..terms).zip(weights.chunks_exact(V * I::LANES)) {
        let weights: [I::I32; V] =
            array::from_fn(|j| isa.reinterpret_i32(isa.load(&weights[j * I::LANES..])));
        for t in 0..P {
            let pair = isa.reinterpret_i32(isa.splat(rows[t][c]));
            for j in 0..V {
                sums[t][j] = isa.dot_i16(pair, weights[j], sums[t][j]);
            }
        }
    }
    let mut cells = [[isa.zero(); V]; P];
    for t in 0..P {
        for j in 0..V {
            cells[t][j] = isa.reinterpret_f32(sums[t][j]);
        }
    }
    cells
}
