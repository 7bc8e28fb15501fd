//! The picture sizes for which a network is traced.
//!
//! An ONNX file computes shapes while it runs: it takes the height of a value, adds what misses to a multiple of eight,
//! divides, and reshapes by the result. A [`Graph`](amplio_graph::Graph) is built once for all sizes, and its operations
//! say "as high as that other value" or "what remains" instead. To get from the one to the other, every shape and every
//! number that is made of shapes is computed for several sizes at once. What is the same for all of them is a constant;
//! what always equals the side of a value is that side; a part that always ends so far from the edge is counted from
//! the edge. No algebra is needed, and every formula that exporters write is understood as long as its result can be
//! said in one of these ways.
//!
//! Equal for a few sizes is not equal for all, so the sizes are chosen to leave different remainders when divided by
//! small numbers, and no two of their sides agree.
//!
//! Networks that enlarge the picture inside to a multiple (of a window, of a number of halvings) say something else for
//! each remainder. For them only sizes that are multiples are traced ([`MULTIPLES`]); then nothing is missing, and the
//! model asks for pictures of such sizes.

/// How many sizes are traced.
pub(super) const PROBES: usize = 4;

/// One for each probe.
pub(super) type Each<T> = [T; PROBES];

/// Heights and widths, beyond the smallest, in units of the multiple: both leave different remainders, whatever they are
/// divided by, and no picture is square.
const BEYOND: Each<[usize; 2]> = [[1, 2], [2, 1], [4, 3], [3, 5]];

/// No picture is smaller, so that windows and borders find room.
const SMALLEST: usize = 32;

/// What the sides of pictures may have to be multiples of, in the order in which it is tried; each divides
/// [`amplio_graph::Builder::PROBE`].
pub(super) const MULTIPLES: &[usize] =
    &[1, 2, 4, 8, 16, 32, 64, 3, 6, 12, 24, 48, 96, 5, 10, 20, 40, 80, 7, 14, 28, 56, 112];

/// The picture sizes, where both sides must be multiples.
pub(super) fn sizes(multiple: usize) -> Each<[usize; 2]> {
    let smallest = SMALLEST.div_ceil(multiple);
    BEYOND.map(|size| size.map(|more| (smallest + more) * multiple))
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplio_graph::Builder;

    #[test]
    fn sizes_leave_different_remainders() {
        for &multiple in MULTIPLES {
            assert!(Builder::PROBE.is_multiple_of(multiple));
            for side in 0..2 {
                for divisor in 2..99 {
                    let rest = sizes(multiple).map(|size| size[side] / multiple % divisor);
                    assert!(
                        rest.iter().any(|r| *r != rest[0]),
                        "{multiple}: side {side} leaves always {rest:?} of {divisor}"
                    );
                }
            }
        }
    }
}
