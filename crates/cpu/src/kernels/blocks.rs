//! Blocks of sums: as many rows by vectors of columns as the registers hold.

use amplio_simd::Isa;

/// The most rows of a block.
pub(super) const TALLEST: usize = 12;

/// The most vectors of columns of a block.
#[inline(always)]
pub(super) fn widest<I: Isa>() -> usize {
    if I::REGISTERS == 32 { 4 } else { 2 }
}

/// `$call` with two constants: `$V`, which is `$vectors`, and `$P`, for as many rows as the registers of `$I` hold sums beside the
/// weights and the pixel. A macro, as closures cannot be generic.
macro_rules! in_blocks {
    ($I:ident, $vectors:expr, |$P:ident, $V:ident| $call:expr) => {
        match ($I::REGISTERS, $vectors) {
            (32, 4) => in_blocks!(6, 4, |$P, $V| $call),
            (32, 3) => in_blocks!(8, 3, |$P, $V| $call),
            (32, 2) => in_blocks!(12, 2, |$P, $V| $call),
            (_, 2) => in_blocks!(6, 2, |$P, $V| $call),
            _ => in_blocks!(12, 1, |$P, $V| $call),
        }
    };
    ($rows:literal, $width:literal, |$P:ident, $V:ident| $call:expr) => {{
        const $P: usize = $rows;
        const $V: usize = $width;
        $call
    }};
}
pub(super) use in_blocks;
