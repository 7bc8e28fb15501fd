//! Which pixels of the input the taps of a convolution read.

use std::iter::repeat_n;

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::{ImageShape, Result, Shape};
use amplio_simd::{Element, Isa, PixelsRef};

use super::blocks::TALLEST;
use super::vectors::gather;

/// The places that the taps of a convolution read, row by row.
///
/// A row of the result reads a few *lines*: rows of the input, with places added on both sides that lie outside. Pixels of
/// the result that read through the same taps make a [`Phase`]; neighbours of a phase read places of a line that are equally
/// far apart.
#[derive(Debug)]
pub(crate) struct Taps {
    /// Columns of taps.
    pub(crate) width: usize,
    /// Height and width of the input.
    input: [usize; 2],
    /// For each row of the result the rows of the input, as the row of taps and the input's row.
    rows: Vec<Vec<(usize, usize)>>,
    /// For each place of a line, the column of the input.
    pub(crate) line: Vec<Option<usize>>,
    pub(crate) phases: Vec<Phase>,
}

/// Pixels in a row of the result that read through the same taps.
#[derive(Debug)]
pub(crate) struct Phase {
    /// The first column of the result.
    pub(crate) first: usize,
    /// From one column to the next.
    pub(crate) step: usize,
    /// Columns.
    pub(crate) count: usize,
    /// For each column of taps that is read through, its number and the place of the line for the first pixel.
    pub(crate) taps: Vec<(usize, usize)>,
    /// From one pixel to the next, places of the line.
    pub(crate) stride: usize,
}

impl Taps {
    /// The taps of `conv` from an input of shape `from`, read as if each pixel were a block of `enlarge` by `enlarge`.
    pub(crate) fn new(conv: &Conv2d, from: &Shape, enlarge: usize, result: &Shape) -> Result<Self> {
        let ImageShape { height, width, .. } = from.as_image("conv2d")?;
        let [kh, kw] = conv.kernel();
        let place = |axis: usize, size: usize, at: usize| {
            let place = at.checked_sub(conv.padding[axis])?;
            (place < size * enlarge).then_some(place / enlarge)
        };
        let rows = (0..result[2]).map(|y| {
            let row = |k: usize| Some((k, place(0, height, y * conv.stride[0] + k * conv.dilation[0])?));
            (0..kh).filter_map(row).collect()
        });
        let length = result[3].saturating_sub(1) * conv.stride[1] + (kw - 1) * conv.dilation[1] + 1;
        let phase = Phase {
            first: 0,
            step: 1,
            count: result[3],
            taps: (0..kw).map(|k| (k, k * conv.dilation[1])).collect(),
            stride: conv.stride[1],
        };
        Ok(Self {
            width: kw,
            input: [height, width],
            rows: rows.collect(),
            line: (0..length).map(|at| place(1, width, at)).collect(),
            phases: vec![phase],
        })
    }

    /// The taps of `conv` from an input of shape `from`.
    pub(crate) fn transposed(conv: &ConvTranspose2d, from: &Shape, result: &Shape) -> Result<Self> {
        let ImageShape { height, width, .. } = from.as_image("conv_transpose2d")?;
        let [kh, kw] = conv.kernel();
        // The place of the input's grid, `before` places to the right, that a tap carries to a place of the result.
        let place = |axis: usize, at: usize, k: usize, before: usize| {
            let place = (at + conv.padding[axis] + before * conv.stride[axis])
                .checked_sub(k * conv.dilation[axis])?;
            (place % conv.stride[axis] == 0).then_some(place / conv.stride[axis])
        };
        let rows = (0..result[2]).map(|y| {
            let row = |k: usize| Some((k, place(0, y, k, 0).filter(|&row| row < height)?));
            (0..kh).filter_map(row).collect()
        });
        let stride = conv.stride[1];
        let before = ((kw - 1) * conv.dilation[1]).div_ceil(stride);
        let phases = (0..stride.min(result[3])).map(|first| Phase {
            first,
            step: stride,
            count: (result[3] - first).div_ceil(stride),
            taps: (0..kw).filter_map(|k| Some((k, place(1, first, k, before)?))).collect(),
            stride: 1,
        });
        let length = (result[3].saturating_sub(1) + conv.padding[1]) / stride + before + 1;
        let column = |at: usize| at.checked_sub(before).filter(|&column| column < width);
        Ok(Self {
            width: kw,
            input: [height, width],
            rows: rows.collect(),
            line: (0..length).map(column).collect(),
            phases: phases.collect(),
        })
    }

    /// Pixels in a row of the result.
    pub(crate) fn row(&self) -> usize {
        self.phases.iter().map(|phase| phase.count).sum()
    }

    /// The rows of the input that row `row` of the result, counted over all pictures, reads: for each the row of taps, and the
    /// number of its first pixel.
    #[inline(always)]
    pub(crate) fn rows(&self, row: usize) -> impl Iterator<Item = (usize, usize)> {
        let [height, width] = self.input;
        let (picture, y) = (row / self.rows.len(), row % self.rows.len());
        self.rows[y].iter().map(move |&(k, source)| (k, (picture * height + source) * width))
    }

    /// The rows of the input that row `row` of the result reads, as floats of 32 bits, the channels of all views one after the other,
    /// and where each begins there, as [`Taps::rows`].
    #[inline(always)]
    pub(crate) fn gathered<I: Isa>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        row: usize,
    ) -> (Vec<f32>, Vec<(usize, usize)>) {
        let (width, channels) = (self.input[1], inputs.iter().map(PixelsRef::channels).sum::<usize>());
        let mut rows: Vec<_> = self.rows(row).collect();
        let mut floats = vec![0.0; rows.len() * width * channels];
        for (i, ((_, first), floats)) in
            rows.iter_mut().zip(floats.chunks_exact_mut(width * channels)).enumerate()
        {
            for (x, to) in floats.chunks_exact_mut(channels).enumerate() {
                gather(isa, inputs, *first + x, to);
            }
            *first = i * width;
        }
        (floats, rows)
    }

    /// The lines of some of the rows that [`Taps::rows`] gives: of each pixel as many channels as `outside` has, from `channel`
    /// on. `outside` is read where there is no pixel.
    #[inline(always)]
    pub(crate) fn lines<'a, E: Element>(
        &self,
        input: PixelsRef<'a>,
        rows: &[(usize, usize)],
        channel: usize,
        outside: &'a [E],
    ) -> Vec<Line<'a, E>> {
        let line = |&(tap, first): &(usize, usize)| {
            let inside = self.line.iter().map(|place| match place {
                Some(column) => &input.pixel_of::<E>(first + column)[channel..][..outside.len()],
                None => outside,
            });
            let beyond = repeat_n(outside, TALLEST * self.phases[0].stride);
            Line { tap, pixels: inside.chain(beyond).collect() }
        };
        rows.iter().map(line).collect()
    }
}

/// A row of the input, and the row of taps through which it is read.
pub(crate) struct Line<'a, E = f32> {
    pub(crate) tap: usize,
    /// The channels of its places, and of some beyond it: the last pixels that are computed together may lie there.
    pub(crate) pixels: Vec<&'a [E]>,
}
