//! Products of 16-bit integers, two to a cell of 32 bits: how weights are rounded.

use amplio_simd::{Isa, Kernel, Level, dispatch};

/// The largest integer that weights become; its opposite is in use too.
const WEIGHT: f32 = 32767.0;

/// The largest integer that what is multiplied with them becomes; its opposite is in use too. The smaller it is, the larger weights may
/// be before sums wrap: this, 2^15 divided by the root of 2, is where all that is rounded weighs about the same.
pub(super) const LARGEST: f32 = 23170.0;

/// Where less is the largest of what is multiplied, all of it counts as nothing.
pub(super) const SMALLEST: f32 = 1e-30;

/// The two of `inputs` channels whose integers are in a cell; the second may be one too many, and counts as zero. Two whole vectors of
/// channels are joined lane by lane, which costs the least; what is left is joined in order, which leaves no lanes empty.
pub(super) fn pair(cell: usize, inputs: usize, lanes: usize) -> [usize; 2] {
    if cell < inputs / (2 * lanes) * lanes {
        let low = cell + cell / lanes * lanes;
        return [low, low + lanes];
    }
    [2 * cell, 2 * cell + 1]
}

/// Where the weights of a block go.
pub(crate) struct Target<'a> {
    /// `[number][input channel][output channel]`; of integers [`pair`]s of input channels.
    pub(crate) cells: &'a mut [f32],
    /// For integers, for each output channel what one unit of a sum is worth where the largest of what is multiplied is 1.
    pub(crate) worth: &'a mut [f32],
    /// Output channels, filled up to whole vectors.
    pub(crate) width: usize,
    pub(crate) lanes: usize,
}

/// Rounds weights to integers so that no sum can wrap. For each filter there are as many numbers as in `most`, and each lies as
/// `[input channel][output channel]`.
///
/// What is multiplied has units of its own, chosen when it is known: the largest of it decides, and `most` says for each number how
/// many times that one it may be, which becomes [`LARGEST`]. For each number and output channel the weights have units of their own,
/// so that a unit of the sums of an output channel is worth the same for all numbers: the smallest units with which neither a weight
/// exceeds 16 bits nor the sum of all weights times [`LARGEST`] 32. Where a weight is infinite or no number, a unit is worth no number:
/// neither are the results then.
pub(super) fn round_weights(level: Level, numbers: &[f32], most: &[f32], inputs: usize, to: Target) {
    dispatch(level, Rounding { numbers, most, inputs, to });
}

/// A call of [`round_weights`].
struct Rounding<'a> {
    numbers: &'a [f32],
    most: &'a [f32],
    inputs: usize,
    to: Target<'a>,
}

impl Kernel for Rounding<'_> {
    type Output = ();

    // Plain loops over neighbouring outputs: the compiler makes vectors of them.
    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { numbers, most, inputs, to: Target { cells, worth, width, lanes } } = self;
        // Half a unit for each input is what rounding can add.
        let bound = f64::from(i32::MAX) / f64::from(LARGEST) - inputs as f64;
        let mut finite = vec![true; width];
        worth.fill(f32::MIN_POSITIVE);
        for (numbers, most) in numbers.chunks_exact(inputs * width).zip(most) {
            let (mut sums, mut largest) = (vec![0.0_f64; width], vec![0.0_f32; width]);
            for numbers in numbers.chunks_exact(width) {
                for ((sum, largest), number) in sums.iter_mut().zip(&mut largest).zip(numbers) {
                    *sum += f64::from(number.abs());
                    *largest = largest.max(number.abs());
                }
            }
            for (((worth, finite), sum), largest) in worth.iter_mut().zip(&mut finite).zip(sums).zip(largest)
            {
                let unit = ((sum / bound) as f32).max(largest / WEIGHT);
                *worth = worth.max(unit * most / LARGEST);
                *finite &= sum.is_finite();
            }
        }
        for (worth, _) in worth.iter_mut().zip(finite).filter(|(_, finite)| !finite) {
            *worth = f32::NAN;
        }
        let none = vec![0.0; width];
        let all =
            numbers.chunks_exact(inputs * width).zip(cells.chunks_exact_mut(inputs.div_ceil(2) * width));
        for ((numbers, cells), most) in all.zip(most) {
            let units: Vec<f32> = worth.iter().map(|worth| worth * LARGEST / most).collect();
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
}
