//! Amounts as people write them.

/// Reads a number of at least 0, perhaps with a fraction, with `K`, `M`, `G` or `T` after it, in steps of `thousand` (1000 or
/// 1024); the fraction of the result is cut off. `None` if it is none, or too large.
pub fn amount(text: &str, thousand: u64) -> Option<u64> {
    let (number, power) = match text.char_indices().last()? {
        (end, 'K') => (&text[..end], 1),
        (end, 'M') => (&text[..end], 2),
        (end, 'G') => (&text[..end], 3),
        (end, 'T') => (&text[..end], 4),
        _ => (text, 0),
    };
    let value = number.trim_end().parse::<f64>().ok()? * thousand.pow(power) as f64;
    (value.is_finite() && value >= 0.0 && value < u64::MAX as f64).then_some(value as u64)
}
