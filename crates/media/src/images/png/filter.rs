//! The filters of PNG: what is left of a row's bytes after a prediction from their neighbours, which compresses better.
//!
//! See section 9 of the specification, <https://www.w3.org/TR/png-3/#9Filters>.

/// How many filters there are; they have numbers.
const FILTERS: u8 = 5;

fn average(left: u8, above: u8, _: u8) -> u8 {
    ((u16::from(left) + u16::from(above)) / 2) as u8
}

/// The neighbour that is nearest to `left + above - corner`.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let [to_left, to_above, to_corner] = [(b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs()];
    if to_left <= to_above && to_left <= to_corner {
        left
    } else if to_above <= to_corner {
        above
    } else {
        corner
    }
}

/// The rows as they are compressed: before each the number of the filter which leaves the least, as a sum of distances from zero.
/// `rows` begins with the row before the first one, of zeros if there is none; a row is so many bytes, and a pixel.
pub(super) fn filtered(rows: &[u8], row: usize, pixel: usize) -> Vec<u8> {
    let mut result = Vec::with_capacity((rows.len() / row - 1) * (row + 1));
    // Left of a row are zeros.
    let mut lines = [vec![0; pixel + row], vec![0; pixel + row]];
    let (mut best, mut tried) = (vec![0; row], vec![0; row]);
    for (y, row) in rows.chunks_exact(row).enumerate() {
        lines.swap(0, 1);
        lines[1][pixel..].copy_from_slice(row);
        if y == 0 {
            continue;
        }
        let (mut number, mut least) = (0, u64::MAX);
        for filter in 0..FILTERS {
            let left = rest(filter, &lines, pixel, &mut tried);
            if left < least {
                (number, least) = (filter, left);
                std::mem::swap(&mut best, &mut tried);
            }
        }
        result.push(number);
        result.extend_from_slice(&best);
    }
    result
}

/// What a filter leaves of the second line, and its distance from zero.
fn rest(filter: u8, lines: &[Vec<u8>; 2], pixel: usize, rest: &mut [u8]) -> u64 {
    match filter {
        0 => predicted(|_, _, _| 0, lines, pixel, rest),
        1 => predicted(|left, _, _| left, lines, pixel, rest),
        2 => predicted(|_, above, _| above, lines, pixel, rest),
        3 => predicted(average, lines, pixel, rest),
        _ => predicted(paeth, lines, pixel, rest),
    }
}

/// As [`rest`], by the prediction of a byte from the one left of it, the one above, and the one above that left one.
fn predicted(
    predict: impl Fn(u8, u8, u8) -> u8,
    [above, line]: &[Vec<u8>; 2],
    pixel: usize,
    rest: &mut [u8],
) -> u64 {
    let neighbours = line.iter().zip(&above[pixel..]).zip(above);
    for ((rest, byte), ((&left, &above), &corner)) in rest.iter_mut().zip(&line[pixel..]).zip(neighbours) {
        *rest = byte.wrapping_sub(predict(left, above, corner));
    }
    rest.iter().map(|&byte| u64::from(byte.cast_signed().unsigned_abs())).sum()
}
