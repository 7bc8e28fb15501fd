//! Which pixel of an operand belongs to a pixel of a result: the same, the first, or one of fewer or larger pixels.

use amplio_graph::Shape;

use crate::layout::{Walk, channel_axis, pixel_axes, walks};

/// Which pixel of an operand belongs to a pixel of the result.
#[derive(Debug)]
pub(crate) enum PixelMap {
    /// The same.
    Same,
    /// The first, for all.
    First,
    /// For each axis that numbers the result's pixels, from the innermost: its size, the block of pixels that share one of the
    /// operand's, and the operand's pixels between neighbouring blocks.
    Axes(Vec<(usize, usize, usize)>),
}

impl PixelMap {
    /// The pixel of a tensor of shape `from`, broadcast and enlarged by blocks, that belongs to each pixel of `to`.
    pub(crate) fn new(from: &Shape, to: &Shape, enlarge: usize) -> Self {
        let axes = pixel_axes(to);
        if enlarge == 1 && axes.iter().all(|&axis| from[axis] == to[axis]) {
            return Self::Same;
        }
        if axes.iter().all(|&axis| from[axis] == 1) && enlarge == 1 {
            return Self::First;
        }
        let walks = walks(from);
        let picture = channel_axis(to) == Some(1) && to.rank() == 4;
        let walked = axes.into_iter().rev().map(|axis| {
            let block = if picture && axis >= 2 { enlarge } else { 1 };
            let step = match walks[axis] {
                Walk::Pixels(step) if from[axis] > 1 => step,
                _ => 0,
            };
            (to[axis], block, step)
        });
        Self::Axes(walked.collect())
    }

    /// The operand's pixel for each pixel of the result from `first` on.
    #[inline(always)]
    pub(crate) fn from(&self, first: usize) -> Mapped<'_> {
        let mut mapped = Mapped { pixel: first, rest: usize::MAX, block: (1, 1), step: 1, row: 0, axes: &[] };
        match self {
            Self::Same => {}
            Self::First => (mapped.pixel, mapped.step) = (0, 0),
            Self::Axes(axes) => {
                let &(size, block, step) = &axes[0];
                let x = first % size;
                (mapped.step, mapped.row, mapped.axes) = (step, first / size, axes);
                mapped.start_row();
                mapped.pixel += x / block * step;
                (mapped.rest, mapped.block.0) = (size - x, block - x % block);
            }
        }
        mapped
    }
}

/// The pixels of an operand that belong to neighbouring pixels of the result.
pub(crate) struct Mapped<'a> {
    /// The next one.
    pixel: usize,
    /// Pixels that are left in the row.
    rest: usize,
    /// Pixels of the result that share one of the operand's: those that are left, and all.
    block: (usize, usize),
    /// From one of the operand's pixels to the next in the row.
    step: usize,
    /// The number of the row.
    row: usize,
    axes: &'a [(usize, usize, usize)],
}

impl Mapped<'_> {
    #[inline(always)]
    pub(crate) fn next(&mut self) -> usize {
        if self.rest == 0 {
            self.row += 1;
            self.start_row();
        }
        let pixel = self.pixel;
        self.rest -= 1;
        self.block.0 -= 1;
        if self.block.0 == 0 {
            self.block.0 = self.block.1;
            self.pixel += self.step;
        }
        pixel
    }

    fn start_row(&mut self) {
        let [(size, block, _), outer @ ..] = self.axes else { return };
        (self.rest, self.block, self.pixel) = (*size, (*block, *block), 0);
        let mut rest = self.row;
        for (size, block, step) in outer {
            self.pixel += rest % size / block * step;
            rest /= size;
        }
    }
}
