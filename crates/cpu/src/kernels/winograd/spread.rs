//! The transform of the pixels of a block of tiles.

use amplio_simd::{Element, Isa, Kernel, PixelsRef};

use super::transforms::{self, PRODUCTS, REACH, SIDE};
use super::weights::LARGEST;
use crate::elementwise::magnitude;

/// A block of tiles of one row, to be transformed: to floats, or to pairs of 16-bit integers.
pub(super) struct Spread<'a, E, const INTEGERS: bool> {
    pub(super) input: PixelsRef<'a>,
    /// For each row of pixels that the tiles read, the number of its first pixel; none outside the picture.
    pub(super) rows: [Option<usize>; REACH],
    /// The columns of pixels that the tiles read, in order.
    pub(super) columns: &'a [Option<usize>],
    /// What is read outside the picture.
    pub(super) outside: &'a [E],
    /// The last `REACH` columns of pixels, transformed along the column: `[column][vector of channels][number][lane]`.
    pub(super) ring: &'a mut [f32],
    /// The numbers of the tiles: `[tile][vector of cells][product][lane]`.
    pub(super) numbers: &'a mut [f32],
    /// From the numbers of one tile to those of the next.
    pub(super) stride: usize,
    /// For each tile, of integers: the magnitude of the largest pixel that it reads.
    pub(super) largest: &'a mut [f32],
}

/// How many tiles ahead pixels are asked for. What lies far apart, as slices of channels do, is not read ahead by itself.
const AHEAD: usize = 5;

/// Less counts as nothing: the numbers of such pixels become zero.
const SMALLEST: f32 = 1e-30;

impl<E: Element, const INTEGERS: bool> Kernel for Spread<'_, E, INTEGERS> {
    type Output = ();

    /// Neighbours share two columns, and the pixels of a row are read in order.
    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { input, rows, columns, outside, stride, largest, .. } = self;
        let pixels = Pixels { input, rows, outside };
        let vectors = outside.len().div_ceil(I::LANES);
        let ring = isa.vectors_mut(self.ring);
        let units: [[f32; REACH]; REACH] =
            if INTEGERS { units(transforms::gains()) } else { [[1.0; REACH]; REACH] };
        let mut found = [isa.splat_i32(0); REACH];
        for (t, (numbers, largest)) in self.numbers.chunks_mut(stride).zip(largest).enumerate() {
            for column in columns.iter().skip((t + AHEAD) * SIDE + REACH - SIDE).take(SIDE).flatten() {
                pixels.prefetch(*column);
            }
            let known = if t == 0 { 0 } else { REACH - SIDE };
            for x in t * SIDE + known..t * SIDE + REACH {
                let place = &mut ring[x % REACH * vectors * REACH..][..vectors * REACH];
                found[x % REACH] = pixels.down::<I, INTEGERS>(isa, columns[x], place);
            }
            let numbers = isa.vectors_mut(numbers);
            if INTEGERS {
                let all = found.into_iter().fold(isa.splat_i32(0), |all, column| isa.max_i32(all, column));
                *largest = magnitude(isa, all);
                let unit = 1.0 / largest.max(SMALLEST);
                across_integers(isa, ring, t, vectors, &units.map(|row| row.map(|x| x * unit)), numbers);
            } else {
                across(isa, ring, t, vectors, numbers);
            }
        }
    }
}

/// For each number of a tile, what makes the largest 16-bit integer of the most that it can be.
fn units(gains: [f32; REACH]) -> [[f32; REACH]; REACH] {
    gains.map(|row| gains.map(|column| LARGEST / (row * column)))
}

/// The pixels that a row of tiles reads.
struct Pixels<'a, E> {
    input: PixelsRef<'a>,
    rows: [Option<usize>; REACH],
    outside: &'a [E],
}

impl<E: Element> Pixels<'_, E> {
    /// Asks for a column of pixels to be brought near.
    #[inline(always)]
    fn prefetch(&self, column: usize) {
        for row in self.rows.iter().flatten() {
            self.input.prefetch(row + column);
        }
    }

    /// Transforms a column of pixels, and gives of integers the bits of the magnitudes of its largest.
    #[inline(always)]
    fn down<I: Isa, const INTEGERS: bool>(&self, isa: I, column: Option<usize>, to: &mut [I::F32]) -> I::I32 {
        let channels = self.outside.len();
        let mut pixels: [&[E]; REACH] = [self.outside; REACH];
        if let Some(column) = column {
            for (pixel, row) in pixels.iter_mut().zip(self.rows) {
                if let Some(row) = row {
                    *pixel = &E::pixel(&self.input, row + column)[..channels];
                }
            }
        }
        let mut largest = isa.splat_i32(0);
        let mut to = to.chunks_exact_mut(REACH);
        let mut d = [isa.zero(); REACH];
        for (c, to) in (0..channels / I::LANES).zip(&mut to) {
            for (d, pixel) in d.iter_mut().zip(pixels) {
                *d = E::load(isa, &pixel[c * I::LANES..][..I::LANES]);
            }
            to.copy_from_slice(&transforms::input(isa, d));
            if INTEGERS {
                largest = larger(isa, largest, &d);
            }
        }
        if let Some(to) = to.next() {
            for (d, pixel) in d.iter_mut().zip(pixels) {
                *d = E::load_partial(isa, &pixel[channels / I::LANES * I::LANES..]);
            }
            to.copy_from_slice(&transforms::input(isa, d));
            if INTEGERS {
                largest = larger(isa, largest, &d);
            }
        }
        largest
    }
}

/// The bits of the larger magnitudes.
#[inline(always)]
pub(super) fn larger<I: Isa>(isa: I, mut largest: I::I32, vectors: &[I::F32]) -> I::I32 {
    for vector in vectors {
        largest = isa.max_i32(largest, isa.reinterpret_i32(isa.abs(*vector)));
    }
    largest
}

/// Transforms the rows of the columns in the ring to tile `t`.
#[inline(always)]
fn across<I: Isa>(isa: I, ring: &[I::F32], t: usize, vectors: usize, to: &mut [I::F32]) {
    for (c, to) in (0..vectors).zip(to.chunks_exact_mut(PRODUCTS)) {
        let columns = columns::<I>(ring, t * SIDE, vectors, c);
        for (y, to) in to.chunks_exact_mut(REACH).enumerate() {
            to.copy_from_slice(&row(isa, &columns, y));
        }
    }
}

/// As [`across`], to integers of these units: two vectors to one of pairs.
#[inline(always)]
fn across_integers<I: Isa>(
    isa: I,
    ring: &[I::F32],
    t: usize,
    vectors: usize,
    units: &[[f32; REACH]; REACH],
    to: &mut [I::F32],
) {
    for (pair, to) in to.chunks_exact_mut(PRODUCTS).enumerate().take(vectors.div_ceil(2)) {
        let low = columns::<I>(ring, t * SIDE, vectors, 2 * pair);
        let high = (2 * pair + 1 < vectors).then(|| columns::<I>(ring, t * SIDE, vectors, 2 * pair + 1));
        for (y, (to, units)) in to.chunks_exact_mut(REACH).zip(units).enumerate() {
            let low = row(isa, &low, y);
            // The last vector may have no partner.
            let high = match &high {
                Some(high) => row(isa, high, y),
                None => [isa.zero(); REACH],
            };
            for x in 0..REACH {
                to[x] = isa.reinterpret_f32(isa.round_i16([low[x], high[x]], isa.splat(units[x])));
            }
        }
    }
}

/// Vector `c` of the channels of the columns of the ring, from number `first` on.
#[inline(always)]
fn columns<I: Isa>(ring: &[I::F32], first: usize, vectors: usize, c: usize) -> [&[I::F32]; REACH] {
    let mut columns: [&[I::F32]; REACH] = [&[]; REACH];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = &ring[((first + x) % REACH * vectors + c) * REACH..][..REACH];
    }
    columns
}

/// The transform of row `y` of a tile.
#[inline(always)]
fn row<I: Isa>(isa: I, columns: &[&[I::F32]; REACH], y: usize) -> [I::F32; REACH] {
    let mut row = [isa.zero(); REACH];
    for (number, column) in row.iter_mut().zip(columns) {
        *number = column[y];
    }
    transforms::input(isa, row)
}
