//! The transform of the pixels of a block of tiles.

use std::array;

use amplio_simd::Isa;

use super::transforms::{self, REACH, SIDE};

/// Where a block of tiles is transformed.
pub(super) struct Spread<'a> {
    /// Input channels, and as many filled up to whole vectors.
    pub(super) channels: usize,
    pub(super) depth: usize,
    /// Elements from one of the 36 numbers to the next.
    pub(super) plane: usize,
    /// The last [`REACH`] columns of pixels, transformed along the column: `[vector of channels][number][lane]`.
    pub(super) ring: &'a mut [f32],
    /// The numbers of the block: `[36][tile][input channel]`.
    pub(super) planes: &'a mut [f32],
}

impl Spread<'_> {
    /// Transforms `tiles` tiles that begin with the first of `columns`. Neighbours share two columns, and the pixels of a row
    /// are read in order.
    #[inline(always)]
    pub(super) fn fill<I: Isa>(&mut self, isa: I, columns: &[[&[f32]; REACH]], tiles: usize) {
        for t in 0..tiles {
            let known = if t == 0 { 0 } else { REACH - SIDE };
            for (x, &column) in columns.iter().enumerate().take(t * SIDE + REACH).skip(t * SIDE + known) {
                self.down(isa, column, x % REACH);
            }
            self.across(isa, t);
        }
    }

    /// Transforms a column of pixels to a place of the ring.
    #[inline(always)]
    fn down<I: Isa>(&mut self, isa: I, mut column: [&[f32]; REACH], place: usize) {
        for pixel in &mut column {
            *pixel = &pixel[..self.channels];
        }
        let ring = &mut self.ring[place * REACH * self.depth..][..REACH * self.depth];
        for (i, to) in ring.chunks_exact_mut(REACH * I::LANES).enumerate() {
            let c = i * I::LANES;
            let pixels = if c + I::LANES <= self.channels {
                array::from_fn(|y| isa.load(&column[y][c..]))
            } else {
                array::from_fn(|y| isa.load_partial(&column[y][c..]))
            };
            for (y, number) in transforms::input(isa, pixels).into_iter().enumerate() {
                isa.store(&mut to[y * I::LANES..], number);
            }
        }
    }

    /// Transforms the rows of the columns in the ring to tile `t`.
    #[inline(always)]
    fn across<I: Isa>(&mut self, isa: I, t: usize) {
        let size = REACH * self.depth;
        for c in (0..self.depth).step_by(I::LANES) {
            let mut columns: [&[f32]; REACH] = [&[]; REACH];
            for (x, column) in columns.iter_mut().enumerate() {
                let place = (t * SIDE + x) % REACH;
                *column = &self.ring[place * size + c * REACH..][..REACH * I::LANES];
            }
            let at = t * self.depth + c;
            let mut planes = self.planes.chunks_exact_mut(self.plane);
            for y in 0..REACH {
                let row = array::from_fn(|x| isa.load(&columns[x][y * I::LANES..]));
                for (number, plane) in transforms::input(isa, row).into_iter().zip(planes.by_ref()) {
                    isa.store(&mut plane[at..], number);
                }
            }
        }
    }
}
