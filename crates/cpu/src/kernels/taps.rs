//! Which pixels of the input the taps of a convolution read.

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::{ImageShape, Result, Shape};

/// For each row and column of the result and each tap of the kernel, the row and column of the input, or `None` outside.
#[derive(Debug)]
pub(crate) struct Taps {
    /// Taps: rows, columns.
    pub(crate) kernel: [usize; 2],
    /// Rows of the result.
    pub(crate) height: usize,
    /// Pixels in a row of the result.
    pub(crate) width: usize,
    /// The columns of the result in the order in which they are computed, so that neighbours read through the same taps.
    pub(crate) order: Vec<usize>,
    input: [usize; 2],
    rows: Vec<Option<usize>>,
    columns: Vec<Option<usize>>,
}

impl Taps {
    /// The taps of `conv` from an input of shape `from`, read as if each pixel were a block of `enlarge` by `enlarge`.
    pub(crate) fn new(conv: &Conv2d, from: &Shape, enlarge: usize, result: &Shape) -> Result<Self> {
        let order = (0..result[3]).collect();
        Self::with(conv.kernel(), from, result, order, |axis, size, k, i| {
            let place = (i * conv.stride[axis] + k * conv.dilation[axis]).checked_sub(conv.padding[axis])?;
            (place < size * enlarge).then_some(place / enlarge)
        })
    }

    /// The taps of `conv` from an input of shape `from`.
    pub(crate) fn transposed(conv: &ConvTranspose2d, from: &Shape, result: &Shape) -> Result<Self> {
        let stride = conv.stride[1];
        let order = (0..stride).flat_map(|phase| (phase..result[3]).step_by(stride)).collect();
        Self::with(conv.kernel(), from, result, order, |axis, size, k, i| {
            let place = (i + conv.padding[axis]).checked_sub(k * conv.dilation[axis])?;
            let on_grid = place % conv.stride[axis] == 0;
            Some(place / conv.stride[axis]).filter(|&place| on_grid && place < size)
        })
    }

    /// The taps of a kernel; `source` says for an axis, the size of the input along it, a tap and a place in the result what
    /// place in the input is read.
    fn with(
        kernel: [usize; 2],
        from: &Shape,
        result: &Shape,
        order: Vec<usize>,
        source: impl Fn(usize, usize, usize, usize) -> Option<usize>,
    ) -> Result<Self> {
        let ImageShape { height, width, .. } = from.as_image("conv2d")?;
        let input = [height, width];
        let source = &source;
        let rows = (0..kernel[0]).flat_map(|k| (0..result[2]).map(move |y| source(0, height, k, y))).collect();
        let in_order = &order;
        let columns = (0..kernel[1]).flat_map(|k| in_order.iter().map(move |&x| source(1, width, k, x))).collect();
        Ok(Self { kernel, height: result[2], width: result[3], input, rows, columns, order })
    }

    /// The first pixel of the input's row that tap row `k` reads for row `row` of the result, counted over all pictures.
    #[inline(always)]
    pub(crate) fn row(&self, k: usize, row: usize) -> Option<usize> {
        let (picture, y) = (row / self.height, row % self.height);
        let source = self.rows[k * self.height + y]?;
        Some((picture * self.input[0] + source) * self.input[1])
    }

    /// The columns of the input that tap column `k` reads, for the pixels of a row of the result in their order.
    #[inline(always)]
    pub(crate) fn columns(&self, k: usize) -> &[Option<usize>] {
        &self.columns[k * self.width..][..self.width]
    }
}
