//! The transform of the weights of a convolution.

use std::marker::PhantomData;

use amplio_simd::{Isa, Kernel, Level, dispatch};

use super::transforms::{F4, F6, Transform};
use crate::kernels::pack::{Block, Filters, Form};

/// The largest 16-bit integer in use; its opposite is in use too.
pub(super) const LARGEST: f32 = 32767.0;

/// Filters that are transformed together.
const BATCH: usize = 8;

/// Where the transform of the filters of a block goes.
pub(crate) struct Target<'a> {
    /// `[product][input channel][output channel]`; of integers pairs of input channels.
    pub(crate) cells: &'a mut [f32],
    /// For integers, `[vector of output channels][product][lane]`: what one unit of a sum is worth where the largest pixel of a
    /// tile is 1.
    pub(crate) factors: &'a mut [f32],
    /// Output channels, filled up to whole vectors.
    pub(crate) width: usize,
    pub(crate) lanes: usize,
}

/// Transforms the filters of a block.
pub(crate) fn transform(filters: &Filters, block: &Block, level: Level, to: Target) {
    match filters.form {
        Form::Taps => {}
        Form::F4 => floats::<F4, 6, 4>(filters, block, level, to.width, to.cells),
        Form::F6 => floats::<F6, 8, 6>(filters, block, level, to.width, to.cells),
        Form::F4Integers => integers::<F4, 6, 4>(filters, block, level, to),
    }
}

fn floats<T: Transform<R, S>, const R: usize, const S: usize>(
    filters: &Filters,
    block: &Block,
    level: Level,
    width: usize,
    cells: &mut [f32],
) {
    dispatch(level, Floats { filters, block, width, cells, taps: T::taps(), transform: PhantomData::<T> });
}

/// Transforms the filters, and rounds them to integers so that no sum can wrap.
///
/// The largest pixel of a tile decides how its numbers are rounded: each becomes at most [`LARGEST`], as no number is larger than
/// that pixel times the gain of the transform. For each product and output channel the weights have a unit of their own, the
/// smallest with which neither a weight exceeds 16 bits nor the sum of all weights times [`LARGEST`] 32.
fn integers<T: Transform<R, S>, const R: usize, const S: usize>(
    filters: &Filters,
    block: &Block,
    level: Level,
    to: Target,
) {
    let (inputs, gains) = (filters.inputs(), T::gains());
    let Target { width, lanes, .. } = to;
    let mut numbers = vec![0.0; R * R * inputs * width];
    floats::<T, R, S>(filters, block, level, width, &mut numbers);
    // Half a unit for each input is what rounding can add.
    let most = f64::from(i32::MAX) / f64::from(LARGEST) - inputs as f64;
    let products =
        numbers.chunks_exact(inputs * width).zip(to.cells.chunks_exact_mut(inputs.div_ceil(2) * width));
    for (product, (numbers, cells)) in products.enumerate() {
        let gain = gains[product / R] * gains[product % R] / LARGEST;
        for output in 0..width {
            let weights = || numbers[output..].iter().step_by(width).map(|weight| weight * gain);
            let sum: f64 = weights().map(|weight| f64::from(weight.abs())).sum();
            let largest = weights().fold(0.0, |largest: f32, weight| largest.max(weight.abs()));
            let unit = ((sum / most) as f32).max(largest / LARGEST).max(f32::MIN_POSITIVE);
            let mut rounded = weights().map(|weight| (weight / unit).round() as i16);
            for cell in cells[output..].iter_mut().step_by(width) {
                let [low, high] = [rounded.next(), rounded.next()].map(|x| x.unwrap_or(0).cast_unsigned());
                *cell = f32::from_bits(u32::from(low) | u32::from(high) << 16);
            }
            to.factors[(output / lanes * R * R + product) * lanes + output % lanes] = unit;
        }
    }
}

/// A call of [`floats`].
struct Floats<'a, T, const R: usize> {
    filters: &'a Filters<'a>,
    block: &'a Block,
    width: usize,
    cells: &'a mut [f32],
    taps: [[f64; 3]; R],
    transform: PhantomData<T>,
}

impl<T, const R: usize> Kernel for Floats<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { filters, block, width, cells, taps, .. } = self;
        let inputs = filters.inputs();
        for (input, first) in
            (0..inputs).flat_map(|i| (0..block.channels).step_by(BATCH).map(move |o| (i, o)))
        {
            let count = BATCH.min(block.channels - first);
            let mut batch = [[0.0; BATCH]; 9];
            for o in 0..count {
                let filter = filters.filter(input, block.output + first + o);
                for (batch, &tap) in batch.iter_mut().zip(filter) {
                    batch[o] = f64::from(tap);
                }
            }
            for (row, numbers) in square(&taps, &batch).iter().enumerate() {
                for (column, number) in numbers.iter().enumerate() {
                    let at = ((row * R + column) * inputs + input) * width + first;
                    for (to, &number) in cells[at..][..count].iter_mut().zip(number) {
                        *to = number as f32;
                    }
                }
            }
        }
    }
}

/// The transform of filters of 3x3 taps along both axes.
#[inline(always)]
fn square<const R: usize>(taps: &[[f64; 3]; R], filters: &[[f64; BATCH]; 9]) -> [[[f64; BATCH]; R]; R] {
    let mut columns = [[[0.0; BATCH]; 3]; R];
    for (column, taps) in columns.iter_mut().zip(taps) {
        for x in 0..3 {
            for o in 0..BATCH {
                column[x][o] =
                    taps[0] * filters[x][o] + taps[1] * filters[3 + x][o] + taps[2] * filters[6 + x][o];
            }
        }
    }
    let mut numbers = [[[0.0; BATCH]; R]; R];
    for (numbers, column) in numbers.iter_mut().zip(&columns) {
        for (number, taps) in numbers.iter_mut().zip(taps) {
            for o in 0..BATCH {
                number[o] = taps[0] * column[0][o] + taps[1] * column[1][o] + taps[2] * column[2][o];
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use std::array;

    use super::*;

    #[test]
    fn a_filter_is_transformed_along_both_axes() {
        let filter: [f64; 9] = array::from_fn(|k| k as f64 + 1.0);
        let (taps, batch) = (F4::taps(), filter.map(|tap| [tap; BATCH]));
        for (y, row) in square(&taps, &batch).iter().enumerate() {
            for (x, numbers) in row.iter().enumerate() {
                let expected: f64 = (0..9).map(|k| taps[y][k / 3] * taps[x][k % 3] * filter[k]).sum();
                assert!(numbers.iter().all(|number| (number - expected).abs() < 1e-12));
            }
        }
    }
}
