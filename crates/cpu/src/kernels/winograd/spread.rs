//! The transform of the pixels of a block of tiles.

use std::marker::PhantomData;

use amplio_simd::{Element, Isa, Kernel, PixelsRef};

use super::transforms::Transform;
use super::weights::LARGEST;
use crate::elementwise::magnitude;

/// A block of tiles of one row, to be transformed: to floats, or to pairs of 16-bit integers.
pub(super) struct Spread<'a, E, T, const R: usize, const S: usize, const INTEGERS: bool> {
    pub(super) input: PixelsRef<'a>,
    /// For each row of pixels that the tiles read, the number of its first pixel; none outside the picture.
    pub(super) rows: [Option<usize>; R],
    /// The columns of pixels that the tiles read, in order.
    pub(super) columns: &'a [Option<usize>],
    /// What is read outside the picture.
    pub(super) outside: &'a [E],
    /// The last `R` columns of pixels, transformed along the column: `[column][vector of channels][number][lane]`.
    pub(super) ring: &'a mut [f32],
    /// The numbers of the tiles: for each of the products a plane, in which each tile has `depth` cells.
    pub(super) planes: &'a mut [f32],
    pub(super) plane: usize,
    pub(super) depth: usize,
    /// For each tile, of integers: the magnitude of the largest pixel that it reads.
    pub(super) largest: &'a mut [f32],
    pub(super) transform: PhantomData<T>,
}

/// Less counts as nothing: the numbers of such pixels become zero.
const SMALLEST: f32 = 1e-30;

impl<E: Element, T: Transform<R, S>, const R: usize, const S: usize, const INTEGERS: bool> Kernel
    for Spread<'_, E, T, R, S, INTEGERS>
{
    type Output = ();

    /// Neighbours share two columns, and the pixels of a row are read in order.
    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let scales: [[f32; R]; R] = if INTEGERS { scales(T::gains()) } else { [[1.0; R]; R] };
        let mut largest = [isa.splat_i32(0); R];
        for t in 0..self.largest.len() {
            let known = if t == 0 { 0 } else { R - S };
            for x in t * S + known..t * S + R {
                largest[x % R] = self.down(isa, x);
            }
            let mut scale = 1.0;
            if INTEGERS {
                let all = largest.into_iter().fold(isa.splat_i32(0), |all, column| isa.max_i32(all, column));
                let pixel = magnitude(isa, all);
                self.largest[t] = pixel;
                scale = 1.0 / pixel.max(SMALLEST);
            }
            self.across(isa, t, &scales, scale);
        }
    }
}

/// For each number of a tile, what makes the largest 16-bit integer of the most that it can be.
fn scales<const R: usize>(gains: [f32; R]) -> [[f32; R]; R] {
    gains.map(|row| gains.map(|column| LARGEST / (row * column)))
}

impl<E: Element, T: Transform<R, S>, const R: usize, const S: usize, const INTEGERS: bool>
    Spread<'_, E, T, R, S, INTEGERS>
{
    /// Transforms column `x` of pixels to its place in the ring, and gives of integers the bits of the magnitudes of its
    /// largest.
    #[inline(always)]
    fn down<I: Isa>(&mut self, isa: I, x: usize) -> I::I32 {
        let channels = self.outside.len();
        let mut pixels: [&[E]; R] = [self.outside; R];
        if let Some(column) = self.columns[x] {
            for (pixel, row) in pixels.iter_mut().zip(self.rows) {
                if let Some(row) = row {
                    *pixel = &E::pixel(&self.input, row + column)[..channels];
                }
            }
        }
        let whole = channels / I::LANES * I::LANES;
        let mut largest = isa.splat_i32(0);
        let mut d = [isa.zero(); R];
        for c in (0..whole).step_by(I::LANES) {
            for (d, pixel) in d.iter_mut().zip(pixels) {
                *d = E::load(isa, &pixel[c..]);
            }
            largest = self.put(isa, d, x, c, largest);
        }
        if whole < channels {
            for (d, pixel) in d.iter_mut().zip(pixels) {
                *d = E::load_partial(isa, &pixel[whole..]);
            }
            largest = self.put(isa, d, x, whole, largest);
        }
        largest
    }

    /// Transforms a column of vectors of channels, from number `c` on, to its place in the ring.
    #[inline(always)]
    fn put<I: Isa>(&mut self, isa: I, d: [I::F32; R], x: usize, c: usize, mut largest: I::I32) -> I::I32 {
        let size = self.outside.len().next_multiple_of(I::LANES) * R;
        let ring = &mut self.ring[x % R * size + c * R..][..R * I::LANES];
        for (y, number) in T::input(isa, d).into_iter().enumerate() {
            isa.store(&mut ring[y * I::LANES..], number);
            if INTEGERS {
                largest = isa.max_i32(largest, isa.reinterpret_i32(isa.abs(d[y])));
            }
        }
        largest
    }

    /// Transforms the rows of the columns in the ring to tile `t`.
    #[inline(always)]
    fn across<I: Isa>(&mut self, isa: I, t: usize, scales: &[[f32; R]; R], scale: f32) {
        let vectors = self.outside.len().div_ceil(I::LANES);
        let first = t * self.depth;
        if !INTEGERS {
            for c in 0..vectors {
                for y in 0..R {
                    for (x, number) in self.row(isa, t, c, y).into_iter().enumerate() {
                        let at = (y * R + x) * self.plane + first + c * I::LANES;
                        isa.store(&mut self.planes[at..], number);
                    }
                }
            }
            return;
        }
        for pair in 0..vectors / 2 {
            for y in 0..R {
                let (low, high) = (self.row(isa, t, 2 * pair, y), self.row(isa, t, 2 * pair + 1, y));
                for x in 0..R {
                    let rounded = isa.round_i16([low[x], high[x]], isa.splat(scales[y][x] * scale));
                    let at = (y * R + x) * self.plane + first + pair * I::LANES;
                    isa.store(&mut self.planes[at..], isa.reinterpret_f32(rounded));
                }
            }
        }
        if vectors % 2 == 1 {
            // The last vector has no partner: half of what is rounded is meant.
            for y in 0..R {
                for (x, number) in self.row(isa, t, vectors - 1, y).into_iter().enumerate() {
                    let rounded = isa.round_i16([number, isa.zero()], isa.splat(scales[y][x] * scale));
                    let at = (y * R + x) * self.plane + first + vectors / 2 * I::LANES;
                    isa.store_partial(&mut self.planes[at..][..I::LANES / 2], isa.reinterpret_f32(rounded));
                }
            }
        }
    }

    /// The transform of row `y` of tile `t`, of vector `c` of the channels.
    #[inline(always)]
    fn row<I: Isa>(&self, isa: I, t: usize, c: usize, y: usize) -> [I::F32; R] {
        let size = self.outside.len().next_multiple_of(I::LANES) * R;
        let mut row = [isa.zero(); R];
        for (x, number) in row.iter_mut().enumerate() {
            *number = isa.load(&self.ring[(t * S + x) % R * size + (c * R + y) * I::LANES..]);
        }
        T::input(isa, row)
    }
}
