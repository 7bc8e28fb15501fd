//! The transform of the weights of a convolution.

use amplio_simd::{Isa, Kernel, Level, dispatch};

use super::transforms::{Floats, Integers, Large, Scheme, gains};
use crate::kernels::integers::{Target, round_weights};
use crate::kernels::pack::{Block, Filters, Form};

/// Filters that are transformed together.
const BATCH: usize = 8;

/// Transforms the filters of a block.
pub(crate) fn transform(filters: &Filters, block: &Block, level: Level, to: Target) {
    match filters.form {
        Form::Taps | Form::Pairs => {}
        Form::Floats => floats::<Floats, 4, 6>(filters, block, level, to.width, to.cells),
        Form::Large => floats::<Large, 6, 8>(filters, block, level, to.width, to.cells),
        Form::Integers => integers(filters, block, level, to),
    }
}

fn floats<T: Scheme<S, R>, const S: usize, const R: usize>(
    filters: &Filters,
    block: &Block,
    level: Level,
    width: usize,
    cells: &mut [f32],
) {
    dispatch(level, Transform { filters, block, width, cells, taps: T::taps() });
}

/// Transforms the filters, and rounds them.
///
/// The largest number of a tile's transformed columns decides how its numbers are rounded: none is larger than that one times the
/// gain of the rows' transform. (The largest pixel and the gain of both transforms would be a bound, too, but most numbers are
/// differences of neighbours, which are alike, and would stay far below it.)
fn integers(filters: &Filters, block: &Block, level: Level, to: Target) {
    let (inputs, gains) = (filters.inputs(), gains::<Integers, 4, 6>());
    let mut numbers = vec![0.0; Integers::PRODUCTS * inputs * to.width];
    floats::<Integers, 4, 6>(filters, block, level, to.width, &mut numbers);
    // The gain of a product is that of its column, in each row.
    round_weights(level, &numbers, &gains.repeat(gains.len()), inputs, to);
}

/// A call of [`floats`].
struct Transform<'a, const R: usize> {
    filters: &'a Filters<'a>,
    block: &'a Block,
    width: usize,
    cells: &'a mut [f32],
    taps: [[f64; 3]; R],
}

impl<const R: usize> Kernel for Transform<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { filters, block, width, cells, taps } = self;
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
            if let Some(phase) = filters.phase {
                batch = phase.taps(&batch);
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
        let (taps, batch) = (Floats::taps(), filter.map(|tap| [tap; BATCH]));
        for (y, row) in square(&taps, &batch).iter().enumerate() {
            for (x, numbers) in row.iter().enumerate() {
                let expected: f64 = (0..9).map(|k| taps[y][k / 3] * taps[x][k % 3] * filter[k]).sum();
                assert!(numbers.iter().all(|number| (number - expected).abs() < 1e-12));
            }
        }
    }
}
