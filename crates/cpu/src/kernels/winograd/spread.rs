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
    /// The numbers of the tiles: `[tile][vector of cells][product][lane]`.
    pub(super) numbers: &'a mut [f32],
    /// From the numbers of one tile to those of the next.
    pub(super) stride: usize,
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
    fn run<I: Isa>(self, isa: I) {
        let Self { input, rows, columns, outside, stride, largest, .. } = self;
        let pixels = Pixels::<E, T, R> { input, rows, outside, transform: PhantomData };
        let vectors = outside.len().div_ceil(I::LANES);
        let ring = isa.vectors_mut(self.ring);
        let units: [[f32; R]; R] = if INTEGERS { units(T::gains()) } else { [[1.0; R]; R] };
        let mut found = [isa.splat_i32(0); R];
        for (t, (numbers, largest)) in self.numbers.chunks_mut(stride).zip(largest).enumerate() {
            let known = if t == 0 { 0 } else { R - S };
            for x in t * S + known..t * S + R {
                let place = &mut ring[x % R * vectors * R..][..vectors * R];
                found[x % R] = pixels.down::<I, S, INTEGERS>(isa, columns[x], place);
            }
            let numbers = isa.vectors_mut(numbers);
            if INTEGERS {
                let all = found.into_iter().fold(isa.splat_i32(0), |all, column| isa.max_i32(all, column));
                *largest = magnitude(isa, all);
                let unit = 1.0 / largest.max(SMALLEST);
                across_integers::<I, T, R, S>(
                    isa,
                    ring,
                    t,
                    vectors,
                    &units.map(|row| row.map(|x| x * unit)),
                    numbers,
                );
            } else {
                across::<I, T, R, S>(isa, ring, t, vectors, numbers);
            }
        }
    }
}

/// For each number of a tile, what makes the largest 16-bit integer of the most that it can be.
fn units<const R: usize>(gains: [f32; R]) -> [[f32; R]; R] {
    gains.map(|row| gains.map(|column| LARGEST / (row * column)))
}

/// The pixels that a row of tiles reads.
struct Pixels<'a, E, T, const R: usize> {
    input: PixelsRef<'a>,
    rows: [Option<usize>; R],
    outside: &'a [E],
    transform: PhantomData<T>,
}

impl<E: Element, T, const R: usize> Pixels<'_, E, T, R> {
    /// Transforms a column of pixels, and gives of integers the bits of the magnitudes of its largest.
    #[inline(always)]
    fn down<I: Isa, const S: usize, const INTEGERS: bool>(
        &self,
        isa: I,
        column: Option<usize>,
        to: &mut [I::F32],
    ) -> I::I32
    where
        T: Transform<R, S>,
    {
        let channels = self.outside.len();
        let mut pixels: [&[E]; R] = [self.outside; R];
        if let Some(column) = column {
            for (pixel, row) in pixels.iter_mut().zip(self.rows) {
                if let Some(row) = row {
                    *pixel = &E::pixel(&self.input, row + column)[..channels];
                }
            }
        }
        let mut largest = isa.splat_i32(0);
        let mut to = to.chunks_exact_mut(R);
        let mut d = [isa.zero(); R];
        for (c, to) in (0..channels / I::LANES).zip(&mut to) {
            for (d, pixel) in d.iter_mut().zip(pixels) {
                *d = E::load(isa, &pixel[c * I::LANES..][..I::LANES]);
            }
            to.copy_from_slice(&T::input(isa, d));
            if INTEGERS {
                largest = larger(isa, largest, &d);
            }
        }
        if let Some(to) = to.next() {
            for (d, pixel) in d.iter_mut().zip(pixels) {
                *d = E::load_partial(isa, &pixel[channels / I::LANES * I::LANES..]);
            }
            to.copy_from_slice(&T::input(isa, d));
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
fn across<I: Isa, T: Transform<R, S>, const R: usize, const S: usize>(
    isa: I,
    ring: &[I::F32],
    t: usize,
    vectors: usize,
    to: &mut [I::F32],
) {
    for (c, to) in (0..vectors).zip(to.chunks_exact_mut(R * R)) {
        let columns = columns::<I, R>(ring, t * S, vectors, c);
        for (y, to) in to.chunks_exact_mut(R).enumerate() {
            to.copy_from_slice(&row::<I, T, R, S>(isa, &columns, y));
        }
    }
}

/// As [`across`], to integers of these units: two vectors to one of pairs.
#[inline(always)]
fn across_integers<I: Isa, T: Transform<R, S>, const R: usize, const S: usize>(
    isa: I,
    ring: &[I::F32],
    t: usize,
    vectors: usize,
    units: &[[f32; R]; R],
    to: &mut [I::F32],
) {
    for (pair, to) in to.chunks_exact_mut(R * R).enumerate().take(vectors.div_ceil(2)) {
        let low = columns::<I, R>(ring, t * S, vectors, 2 * pair);
        let high = (2 * pair + 1 < vectors).then(|| columns::<I, R>(ring, t * S, vectors, 2 * pair + 1));
        for (y, (to, units)) in to.chunks_exact_mut(R).zip(units).enumerate() {
            let low = row::<I, T, R, S>(isa, &low, y);
            // The last vector may have no partner.
            let high = match &high {
                Some(high) => row::<I, T, R, S>(isa, high, y),
                None => [isa.zero(); R],
            };
            for x in 0..R {
                to[x] = isa.reinterpret_f32(isa.round_i16([low[x], high[x]], isa.splat(units[x])));
            }
        }
    }
}

/// Vector `c` of the channels of the columns of the ring, from number `first` on.
#[inline(always)]
fn columns<I: Isa, const R: usize>(
    ring: &[I::F32],
    first: usize,
    vectors: usize,
    c: usize,
) -> [&[I::F32]; R] {
    let mut columns: [&[I::F32]; R] = [&[]; R];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = &ring[((first + x) % R * vectors + c) * R..][..R];
    }
    columns
}

/// The transform of row `y` of a tile.
#[inline(always)]
fn row<I: Isa, T: Transform<R, S>, const R: usize, const S: usize>(
    isa: I,
    columns: &[&[I::F32]; R],
    y: usize,
) -> [I::F32; R] {
    let mut row = [isa.zero(); R];
    for (number, column) in row.iter_mut().zip(columns) {
        *number = column[y];
    }
    T::input(isa, row)
}
