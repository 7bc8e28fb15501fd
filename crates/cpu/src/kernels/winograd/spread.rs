//! The transform of the pixels of a block of tiles.

use std::array;
use std::marker::PhantomData;
use std::ops::Range;

use amplio_simd::{Element, Isa, Kernel, Lines, f16};

use super::transforms::{KIND, KINDS, Scheme, gains};
use crate::elementwise::{larger, magnitude};
use crate::kernels::integers::{LARGEST, SMALLEST};

/// A block of tiles of one row, to be transformed: to floats, or to pairs of 16-bit integers.
pub(super) struct Spread<'a, T, const S: usize, const R: usize> {
    /// The rows of pixels that the tiles read, of each view that the input is. The channels of the views count one after the other; all
    /// views but the last hold whole vectors.
    pub(super) rows: &'a [Rows<'a, R>],
    /// Their channels.
    pub(super) channels: usize,
    /// The columns of pixels that the tiles read, in order; none outside the picture.
    pub(super) columns: &'a [Option<usize>],
    /// The last `R` columns of pixels, transformed along the column: `[vector of channels][column][number][lane]`.
    pub(super) ring: &'a mut [f32],
    /// The numbers of the tiles: `[tile][vector of cells][product][lane]`.
    pub(super) numbers: &'a mut [f32],
    /// From the numbers of one tile to those of the next.
    pub(super) stride: usize,
    /// For each tile, of integers: the largest magnitude among its transformed columns.
    pub(super) largest: &'a mut [f32],
    pub(super) scheme: PhantomData<T>,
}

/// Rows of pixels.
pub(super) enum Rows<'a, const R: usize> {
    Floats(Lines<'a, f32, R>),
    Halves(Lines<'a, f16, R>),
}

/// The part of the ring for a vector of channels.
type Ring<I, const R: usize> = [[<I as Isa>::F32; R]; R];

/// How many tiles ahead pixels are asked for where the processor does not read ahead by itself: what lies far apart, as slices of
/// channels do, and the rows of more views than these.
const AHEAD: usize = 3;
const VIEWS: usize = 2;

impl<T: Scheme<S, R>, const S: usize, const R: usize> Kernel for Spread<'_, T, S, R> {
    type Output = ();

    /// Neighbours share two columns, and the pixels of a row are read in order.
    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { rows, channels, columns, stride, largest, .. } = self;
        let ring = isa.vectors_mut(self.ring).as_chunks_mut().0.as_chunks_mut().0;
        let ring: &mut [Ring<I, R>] = &mut ring[..channels.div_ceil(I::LANES)];
        let units = units(gains::<T, S, R>());
        let mut found = [isa.splat_i32(0); R];
        let ahead = rows.len() > VIEWS;
        for (t, (numbers, largest)) in self.numbers.chunks_mut(stride).zip(largest).enumerate() {
            let known = if t == 0 { 0 } else { R - S };
            let new = t * S + known..t * S + R;
            new.clone().for_each(|x| found[x % R] = isa.splat_i32(0));
            let mut rest = &mut *ring;
            for rows in rows {
                let own;
                (own, rest) = rest.split_at_mut(rows.channels().div_ceil(I::LANES));
                match rows {
                    Rows::Floats(rows) => {
                        view::<I, f32, T, S, R>(isa, rows, columns, new.clone(), own, &mut found, ahead);
                    }
                    Rows::Halves(rows) => {
                        view::<I, f16, T, S, R>(isa, rows, columns, new.clone(), own, &mut found, ahead);
                    }
                }
            }
            let slots = array::from_fn(|x| (t * S + x) % R);
            let numbers = isa.vectors_mut(numbers).as_chunks_mut().0.as_chunks_mut().0;
            if T::INTEGERS {
                let all = found.into_iter().fold(isa.splat_i32(0), |largest, own| isa.max_i32(largest, own));
                *largest = magnitude(isa, all);
                let unit = isa.splat(1.0 / largest.max(SMALLEST));
                let mut scales = [unit; KINDS];
                for (scale, unit) in scales.iter_mut().zip(units) {
                    *scale = isa.mul(*scale, isa.splat(unit));
                }
                across_integers::<I, T, S, R>(isa, ring, channels / (2 * I::LANES), slots, &scales, numbers);
            } else {
                across::<I, T, S, R>(isa, ring, slots, numbers);
            }
        }
    }
}

impl<const R: usize> Rows<'_, R> {
    fn channels(&self) -> usize {
        match self {
            Self::Floats(rows) => rows.channels(),
            Self::Halves(rows) => rows.channels(),
        }
    }
}

/// Transforms the columns numbered `new` of a view to their slots of the ring, and adds the largest magnitudes to those found for them.
/// With `ahead`, those of a later tile are asked for.
#[inline(always)]
fn view<I: Isa, E: Element, T: Scheme<S, R>, const S: usize, const R: usize>(
    isa: I,
    rows: &Lines<E, R>,
    columns: &[Option<usize>],
    new: Range<usize>,
    ring: &mut [Ring<I, R>],
    found: &mut [I::I32; R],
    ahead: bool,
) {
    if (ahead || rows.has_gaps())
        && let Some([Some(first), .., Some(last)]) =
            columns.get(new.end - R + AHEAD * S..new.end - R + (AHEAD + 1) * S)
    {
        rows.prefetch(*first..*last + 1);
    }
    for x in new {
        let own = down::<I, E, T, S, R>(isa, rows, columns[x], x % R, ring);
        let found = &mut found[x % R];
        *found = isa.max_i32(*found, own);
    }
}

/// For each kind of number of a row's transform, what makes the largest 16-bit integer of the most that it can be.
fn units<const R: usize>(gains: [f32; R]) -> [f32; KINDS] {
    let mut units = [0.0; KINDS];
    for (gain, kind) in gains.iter().zip(KIND) {
        units[kind] = LARGEST / gain;
    }
    units
}

/// Transforms a column of pixels to a slot of the ring, and gives of integers the largest magnitudes of the results. Infinity counts as
/// more than any number and NaN as more than that: whoever stored the pixels may have left it to this kernel to look for them.
#[inline(always)]
fn down<I: Isa, E: Element, T: Scheme<S, R>, const S: usize, const R: usize>(
    isa: I,
    rows: &Lines<E, R>,
    column: Option<usize>,
    slot: usize,
    ring: &mut [Ring<I, R>],
) -> I::I32 {
    let mut largest = isa.splat_i32(0);
    let Some(column) = column else {
        for columns in ring {
            columns[slot] = [isa.zero(); R];
        }
        return largest;
    };
    let pixels = rows.column(column);
    let (whole, part) = ring.split_at_mut(rows.channels() / I::LANES);
    let mut d = [isa.zero(); R];
    for (c, columns) in whole.iter_mut().enumerate() {
        for (d, pixel) in d.iter_mut().zip(pixels) {
            *d = E::load(isa, &pixel[c * I::LANES..][..I::LANES]);
        }
        let column = T::input(isa, d);
        if T::INTEGERS {
            largest = larger(isa, largest, &column);
        }
        columns[slot] = column;
    }
    for columns in part {
        for (d, pixel) in d.iter_mut().zip(pixels) {
            *d = E::load_partial(isa, &pixel[whole.len() * I::LANES..]);
        }
        let column = T::input(isa, d);
        if T::INTEGERS {
            largest = larger(isa, largest, &column);
        }
        columns[slot] = column;
    }
    largest
}

/// Transforms the rows of the columns in these slots of the ring to the numbers of a tile.
#[inline(always)]
fn across<I: Isa, T: Scheme<S, R>, const S: usize, const R: usize>(
    isa: I,
    ring: &[Ring<I, R>],
    slots: [usize; R],
    to: &mut [[[I::F32; R]; R]],
) {
    for (vector, to) in ring.iter().zip(to) {
        let columns = columns_of::<I, R>(vector, slots);
        for (y, to) in to.iter_mut().enumerate() {
            *to = row::<I, T, S, R>(isa, columns, y);
        }
    }
}

/// As [`across`], to integers, scaled by these factors: two vectors to one of [pairs](crate::kernels::integers::pair), the first `whole`
/// of which hold the channels of two whole vectors.
#[inline(always)]
fn across_integers<I: Isa, T: Scheme<S, R>, const S: usize, const R: usize>(
    isa: I,
    ring: &[Ring<I, R>],
    whole: usize,
    slots: [usize; R],
    scales: &[I::F32; KINDS],
    to: &mut [[[I::F32; R]; R]],
) {
    let (pairs, rest) = ring.split_at(2 * whole);
    let (to, last) = to.split_at_mut(whole);
    for ([low, high], to) in pairs.as_chunks().0.iter().zip(to) {
        let [low, high] = [low, high].map(|vector| columns_of::<I, R>(vector, slots));
        for (y, to) in to.iter_mut().enumerate() {
            let (low, high) = (row::<I, T, S, R>(isa, low, y), row::<I, T, S, R>(isa, high, y));
            for x in 0..R {
                to[x] = isa.reinterpret_f32(isa.round_i16_pairs([low[x], high[x]], scales[KIND[x]]));
            }
        }
    }
    let (Some(low), Some(to)) = (rest.first(), last.first_mut()) else { return };
    for (y, to) in to.iter_mut().enumerate() {
        let low = row::<I, T, S, R>(isa, columns_of::<I, R>(low, slots), y);
        let high = match rest.get(1) {
            Some(high) => row::<I, T, S, R>(isa, columns_of::<I, R>(high, slots), y),
            None => [isa.zero(); R],
        };
        for x in 0..R {
            to[x] = isa.reinterpret_f32(isa.round_i16([low[x], high[x]], scales[KIND[x]]));
        }
    }
}

/// The columns of a tile, which are in these slots.
#[inline(always)]
fn columns_of<I: Isa, const R: usize>(ring: &Ring<I, R>, slots: [usize; R]) -> [&[I::F32; R]; R] {
    let mut columns = [&ring[0]; R];
    for (column, slot) in columns.iter_mut().zip(slots) {
        *column = &ring[slot];
    }
    columns
}

/// The transform of row `y` of a tile.
#[inline(always)]
fn row<I: Isa, T: Scheme<S, R>, const S: usize, const R: usize>(
    isa: I,
    columns: [&[I::F32; R]; R],
    y: usize,
) -> [I::F32; R] {
    let mut row = [isa.zero(); R];
    for (number, column) in row.iter_mut().zip(columns) {
        *number = column[y];
    }
    T::input(isa, row)
}
