//! Convolutions that read each pixel as a block of 2x2: every second row and column of the result is a convolution of the picture as it
//! is, with fewer taps.
//!
//! Of the three rows of the larger picture that a row of the result sees, two show the same row of pixels, and their taps add up. Even
//! rows see the row above and their own, odd rows their own and the one below. One tap of three is therefore zero, the last or the
//! first, and so is all that it alone contributes to: the products of the point at infinity, or of zero. 25 of 36 products are left
//! (49 of 64 where tiles are larger), and all four parts share one transform of the pixels.

/// Which rows and columns of the result: the even ones (0) or the odd ones (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Phase {
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Phase {
    /// The four parts of a picture that is twice as large.
    pub(super) const ALL: [Self; 4] = [
        Self { row: 0, column: 0 },
        Self { row: 0, column: 1 },
        Self { row: 1, column: 0 },
        Self { row: 1, column: 1 },
    ];

    /// The nine taps that a part sees.
    pub(super) fn taps<const N: usize>(self, taps: &[[f64; N]; 9]) -> [[f64; N]; 9] {
        let mut seen = [[0.0; N]; 9];
        for (k, taps) in taps.iter().enumerate() {
            let seen = &mut seen[seen_at(self.row, k / 3) * 3 + seen_at(self.column, k % 3)];
            for (seen, tap) in seen.iter_mut().zip(taps) {
                *seen += tap;
            }
        }
        seen
    }

    /// Whether the weights of a product are zero, where the points are zero first and infinity last.
    pub(super) fn is_nothing<const R: usize>(self, product: usize) -> bool {
        let nothing = [R - 1, 0];
        product / R == nothing[self.row] || product % R == nothing[self.column]
    }
}

/// The pixel, of three neighbours, that a tap sees from an even or an odd row.
fn seen_at(phase: usize, tap: usize) -> usize {
    (tap + phase).div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::winograd::transforms::{Floats, Large, Scheme};

    #[test]
    fn a_part_is_what_the_larger_picture_shows() {
        let (pixels, taps): ([f64; 3], [f64; 3]) = ([2.0, 3.0, 5.0], [0.5, -1.0, 4.0]);
        let larger = [pixels[0], pixels[0], pixels[1], pixels[1], pixels[2], pixels[2]];
        for phase in [0, 1] {
            let expected: f64 = (0..3).map(|k| taps[k] * larger[phase + 1 + k]).sum();
            let seen: f64 = (0..3).map(|k| taps[k] * pixels[seen_at(phase, k)]).sum();
            assert_eq!(seen, expected);
        }
    }

    fn products_without_weights<T: Scheme<S, R>, const S: usize, const R: usize>() {
        let taps = T::taps();
        let all: [[f64; 1]; 9] = std::array::from_fn(|k| [k as f64 + 1.0]);
        for phase in Phase::ALL {
            let seen = phase.taps(&all);
            for product in 0..T::PRODUCTS {
                let (row, column) = (taps[product / R], taps[product % R]);
                let terms = (0..9).map(|k| (row[k / 3] * column[k % 3] * seen[k][0]).abs());
                assert_eq!(
                    terms.sum::<f64>() == 0.0,
                    phase.is_nothing::<R>(product),
                    "{phase:?}, product {product}"
                );
            }
        }
    }

    #[test]
    fn products_without_weights_are_those_that_are_left_out() {
        products_without_weights::<Floats, 4, 6>();
        products_without_weights::<Large, 6, 8>();
    }
}
