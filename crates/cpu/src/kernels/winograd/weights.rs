//! The transform of the weights of a convolution.

use std::array;

use amplio_simd::{Isa, Kernel, Level, dispatch};

use super::transforms::{self, PRODUCTS, REACH};
use crate::kernels::pack::{Block, Filters, Form};

/// The largest 16-bit integer in use; its opposite is in use too.
pub(super) const LARGEST: f32 = 32767.0;

/// Filters that are transformed together.
const BATCH: usize = 8;

/// The two of `inputs` channels whose integers are in a cell; the second may be one too many, and counts as zero. Two whole vectors of
/// channels are joined lane by lane, which costs the least; what is left is joined in order, which leaves no lanes empty.
pub(super) fn pair(cell: usize, inputs: usize, lanes: usize) -> [usize; 2] {
    if cell < inputs / (2 * lanes) * lanes {
        let low = cell + cell / lanes * lanes;
        return [low, low + lanes];
    }
    [2 * cell, 2 * cell + 1]
}

/// Where the transform of the filters of a block goes.
pub(crate) struct Target<'a> {
    /// `[product][input channel][output channel]`; of integers [`pair`]s of input channels.
    pub(crate) cells: &'a mut [f32],
    /// For integers, `[vector of output channels][product][lane]`: what one unit of a sum is worth where the largest number of a
    /// tile's transformed columns is 1.
    pub(crate) factors: &'a mut [f32],
    /// Output channels, filled up to whole vectors.
    pub(crate) width: usize,
    pub(crate) lanes: usize,
}

/// Transforms the filters of a block.
pub(crate) fn transform(filters: &Filters, block: &Block, level: Level, to: Target) {
    match filters.form {
        Form::Taps => {}
        Form::Floats => floats(filters, block, level, to.width, to.cells),
        Form::Integers => integers(filters, block, level, to),
    }
}

fn floats(filters: &Filters, block: &Block, level: Level, width: usize, cells: &mut [f32]) {
    dispatch(level, Floats { filters, block, width, cells, taps: transforms::taps() });
}

/// Transforms the filters, and rounds them to integers so that no sum can wrap.
///
/// The largest number of a tile's transformed columns decides how its numbers are rounded: each becomes at most [`LARGEST`], as
/// none is larger than that one times the gain of the rows' transform. (The largest pixel and the gain of both transforms would be a
/// bound, too, but most numbers are differences of neighbours, which are alike, and would stay far below it.) For each product and
/// output channel the weights have a unit of their own, the smallest with which neither a weight exceeds 16 bits nor the sum of all
/// weights times [`LARGEST`] 32.
fn integers(filters: &Filters, block: &Block, level: Level, to: Target) {
    let (inputs, gains) = (filters.inputs(), transforms::gains());
    let mut numbers = vec![0.0; PRODUCTS * inputs * to.width];
    floats(filters, block, level, to.width, &mut numbers);
    let gains = array::from_fn::<_, PRODUCTS, _>(|product| gains[product % REACH] / LARGEST);
    dispatch(level, Rounding { numbers: &numbers, gains: &gains, inputs, to });
}

/// Rounds the numbers of a block, of which those of a product are `inputs` by the target's width, to integers.
struct Rounding<'a> {
    numbers: &'a [f32],
    /// For each product, what a unit of the pixels' numbers is worth.
    gains: &'a [f32],
    inputs: usize,
    to: Target<'a>,
}

impl Kernel for Rounding<'_> {
    type Output = ();

    // Plain loops over neighbouring outputs: the compiler makes vectors of them.
    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { numbers, gains, inputs, to: Target { cells, factors, width, lanes } } = self;
        // Half a unit for each input is what rounding can add.
        let most = f64::from(i32::MAX) / f64::from(LARGEST) - inputs as f64;
        let none = vec![0.0; width];
        let products =
            numbers.chunks_exact(inputs * width).zip(cells.chunks_exact_mut(inputs.div_ceil(2) * width));
        for (product, (numbers, cells)) in products.enumerate() {
            let (mut sums, mut units) = (vec![0.0_f64; width], vec![0.0_f32; width]);
            for numbers in numbers.chunks_exact(width) {
                for ((sum, largest), number) in sums.iter_mut().zip(&mut units).zip(numbers) {
                    *sum += f64::from(number.abs());
                    *largest = largest.max(number.abs());
                }
            }
            for (unit, sum) in units.iter_mut().zip(&sums) {
                *unit = ((sum / most) as f32).max(*unit / LARGEST).max(f32::MIN_POSITIVE);
            }
            for (output, unit) in units.iter().enumerate() {
                factors[(output / lanes * gains.len() + product) * lanes + output % lanes] =
                    unit * gains[product];
            }
            for (cell, cells) in cells.chunks_exact_mut(width).enumerate() {
                let [low, high] = pair(cell, inputs, lanes).map(|input| {
                    numbers.get(input * width..).and_then(|rest| rest.get(..width)).unwrap_or(&none)
                });
                for (((cell, unit), low), high) in cells.iter_mut().zip(&units).zip(low).zip(high) {
                    let [low, high] = [low, high].map(|x| (x / unit).round_ties_even() as i32);
                    *cell = f32::from_bits((low & 0xffff | high << 16).cast_unsigned());
                }
            }
        }
    }
}

/// A call of [`floats`].
struct Floats<'a> {
    filters: &'a Filters<'a>,
    block: &'a Block,
    width: usize,
    cells: &'a mut [f32],
    taps: [[f64; 3]; REACH],
}

impl Kernel for Floats<'_> {
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
                    let at = ((row * REACH + column) * inputs + input) * width + first;
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
fn square(taps: &[[f64; 3]; REACH], filters: &[[f64; BATCH]; 9]) -> [[[f64; BATCH]; REACH]; REACH] {
    let mut columns = [[[0.0; BATCH]; 3]; REACH];
    for (column, taps) in columns.iter_mut().zip(taps) {
        for x in 0..3 {
            for o in 0..BATCH {
                column[x][o] =
                    taps[0] * filters[x][o] + taps[1] * filters[3 + x][o] + taps[2] * filters[6 + x][o];
            }
        }
    }
    let mut numbers = [[[0.0; BATCH]; REACH]; REACH];
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
    use super::*;

    #[test]
    fn each_channel_is_in_one_pair() {
        for (inputs, lanes) in [(16_usize, 16), (20, 16), (48, 16), (64, 16), (97, 8), (12, 4)] {
            let mut channels: Vec<_> = (0..inputs.div_ceil(2))
                .flat_map(|cell| pair(cell, inputs, lanes))
                .filter(|&c| c < inputs)
                .collect();
            channels.sort_unstable();
            assert!(channels.into_iter().eq(0..inputs), "{inputs} channels in vectors of {lanes}");
        }
    }

    #[test]
    fn a_filter_is_transformed_along_both_axes() {
        let filter: [f64; 9] = array::from_fn(|k| k as f64 + 1.0);
        let (taps, batch) = (transforms::taps(), filter.map(|tap| [tap; BATCH]));
        for (y, row) in square(&taps, &batch).iter().enumerate() {
            for (x, numbers) in row.iter().enumerate() {
                let expected: f64 = (0..9).map(|k| taps[y][k / 3] * taps[x][k % 3] * filter[k]).sum();
                assert!(numbers.iter().all(|number| (number - expected).abs() < 1e-12));
            }
        }
    }
}
