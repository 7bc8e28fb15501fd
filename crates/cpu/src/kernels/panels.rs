//! Matrix products: the second matrix in panels of columns, the order in which the sums walk it.

use std::array;
use std::borrow::Cow;

use amplio_simd::{Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch, prefetch};

use super::blocks::{in_blocks, widest};
use super::pack::Packed;

/// Terms that are summed before they are added to the rest; long sums are more exact in parts.
const PART: usize = 1024;

/// A matrix cut into panels of as many columns as the registers hold, each row by row.
#[derive(Debug)]
pub(super) struct Panels<'a> {
    depth: usize,
    width: usize,
    elements: Cow<'a, [f32]>,
}

impl<'a> Panels<'a> {
    /// The matrix that the weights of a convolution of one tap and one group are.
    pub(super) fn packed(packed: &'a Packed, width: usize) -> Self {
        Self { depth: packed.inputs, width, elements: Cow::Borrowed(&packed.weights) }
    }

    /// The matrix of `depth` rows and `width` columns with these elements.
    #[inline(always)]
    pub(super) fn new<I: Isa>(_: I, depth: usize, width: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let mut elements = vec![0.0; depth * width.next_multiple_of(I::LANES)];
        for first in (0..width).step_by(columns::<I>()) {
            let own = (width - first).min(columns::<I>());
            let padded = own.next_multiple_of(I::LANES);
            let panel = elements[depth * first..][..depth * padded].chunks_exact_mut(padded);
            for (row, to) in panel.enumerate() {
                for (column, to) in to[..own].iter_mut().enumerate() {
                    *to = at(row, first + column);
                }
            }
        }
        Self { depth, width, elements: Cow::Owned(elements) }
    }

    /// Fills `result` with the products of the rows of `left` and this matrix.
    pub(super) fn multiply(&self, level: Level, left: PixelsRef, result: &mut PixelsMut) {
        dispatch(level, Multiply { panels: self, left, result });
    }

    #[inline(always)]
    fn product<I: Isa>(&self, isa: I, left: PixelsRef, result: &mut PixelsMut) {
        for first in (0..self.width).step_by(columns::<I>()) {
            let own = (self.width - first).min(columns::<I>());
            let vectors = own.div_ceil(I::LANES);
            let panel = &self.elements[self.depth * first..][..self.depth * vectors * I::LANES];
            let panel = Panel { elements: panel, first, columns: own };
            in_blocks!(I, vectors, |P, V| panel.multiply::<I, P, V>(isa, left, result));
        }
    }
}

/// A call of [`Panels::multiply`]: a function of its own, however many kernels use it.
struct Multiply<'a, 'p> {
    panels: &'a Panels<'a>,
    left: PixelsRef<'a>,
    result: &'a mut PixelsMut<'p>,
}

impl Kernel for Multiply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        self.panels.product(isa, self.left, self.result);
    }
}

/// Columns of a panel.
#[inline(always)]
fn columns<I: Isa>() -> usize {
    widest::<I>() * I::LANES
}

struct Panel<'a> {
    elements: &'a [f32],
    first: usize,
    columns: usize,
}

impl Panel<'_> {
    /// `P` rows by `V` vectors at a time.
    #[inline(always)]
    fn multiply<I: Isa, const P: usize, const V: usize>(
        &self,
        isa: I,
        left: PixelsRef,
        result: &mut PixelsMut,
    ) {
        let count = result.pixels();
        for row in (0..count).step_by(P) {
            let mut rows: [&[f32]; P] = [&[]; P];
            for (t, pixel) in rows.iter_mut().enumerate() {
                // Beyond the last row, the last one again; its sums are not stored.
                *pixel = left.pixel((row + t).min(count - 1));
            }
            let mut sums = [[isa.zero(); V]; P];
            for (part, weights) in self.elements.chunks(PART * V * I::LANES).enumerate() {
                let (start, size) = (part * PART, weights.len() / (V * I::LANES));
                let mut terms: [&[f32]; P] = [&[]; P];
                for (terms, row) in terms.iter_mut().zip(&rows) {
                    *terms = &row[start..][..size];
                }
                let part = accumulate::<I, false, P, V>(isa, [[isa.zero(); V]; P], terms, weights, None);
                for (sums, part) in sums.iter_mut().zip(part) {
                    for (sum, part) in sums.iter_mut().zip(part) {
                        *sum = isa.add(*sum, part);
                    }
                }
            }
            for (t, sums) in sums.iter().enumerate().take(count - row) {
                let to = &mut result.pixel(row + t)[self.first..][..self.columns];
                for (to, &sum) in to.chunks_mut(I::LANES).zip(sums) {
                    isa.store_partial(to, sum);
                }
            }
        }
    }
}

/// What will be read, and is asked for meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'a> {
    pub(super) elements: &'a [f32],
    /// The element whose line is asked for with the first term.
    pub(super) from: usize,
    /// Elements from there to the one that is asked for with the next term.
    pub(super) pace: usize,
}

/// Adds to each row's sums its terms times the weights: one vector multiply-add for each row, term and vector. With `INTEGERS`, each
/// term and weight is a pair of integers of 16 bits, and sums are integers of 32.
///
/// With each term, it asks for some of what will be read after the weights.
#[inline(always)]
pub(super) fn accumulate<I: Isa, const INTEGERS: bool, const P: usize, const V: usize>(
    isa: I,
    mut sums: [[I::F32; V]; P],
    mut rows: [&[f32]; P],
    weights: &[f32],
    ahead: Option<Ahead>,
) -> [[I::F32; V]; P] {
    let terms = rows[0].len();
    for row in &mut rows {
        *row = &row[..terms];
    }
    for (c, weights) in (0..terms).zip(weights.chunks_exact(V * I::LANES)) {
        if let Some(Ahead { elements, from, pace }) = ahead {
            prefetch(elements, from + c * pace);
        }
        let weights: [I::F32; V] = array::from_fn(|j| isa.load(&weights[j * I::LANES..]));
        for t in 0..P {
            let x = isa.splat(rows[t][c]);
            for j in 0..V {
                sums[t][j] = if INTEGERS {
                    let [x, weight, sum] =
                        [x, weights[j], sums[t][j]].map(|cells| isa.reinterpret_i32(cells));
                    isa.reinterpret_f32(isa.dot_i16(x, weight, sum))
                } else {
                    isa.fma(x, weights[j], sums[t][j])
                };
            }
        }
    }
    sums
}
