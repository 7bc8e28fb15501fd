//! Numbers of files.

/// The numbers that lie in `bytes`, little-endian, one after the other.
pub(super) fn numbers<const N: usize>(
    bytes: &[u8],
    number: impl Fn([u8; N]) -> f32,
) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<N>().0.iter().map(move |chunk| number(*chunk))
}
