//! How tensors lie in memory: as pixels of channels.
//!
//! The channels of a picture are its axis 1, those of any other tensor its last axis; the other axes, in order, number the
//! pixels.

use amplio_graph::Shape;
use amplio_graph::plan::View;
use amplio_simd::Region;

/// What one more on an axis means in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// So many pixels further.
    Pixels(usize),
    /// The next channel.
    Channels,
}

/// The axis whose elements are the channels of a pixel; none for a single number.
pub(crate) fn channel_axis(shape: &Shape) -> Option<usize> {
    match shape.rank() {
        0 => None,
        4 => Some(1),
        rank => Some(rank - 1),
    }
}

/// The number of channels of each pixel.
pub(crate) fn channels(shape: &Shape) -> usize {
    channel_axis(shape).map_or(1, |axis| shape[axis])
}

/// The number of pixels.
pub(crate) fn pixels(shape: &Shape) -> usize {
    pixel_axes(shape).into_iter().map(|axis| shape[axis]).product()
}

/// The axes that number the pixels, outermost first.
pub(crate) fn pixel_axes(shape: &Shape) -> Vec<usize> {
    (0..shape.rank()).filter(|&axis| Some(axis) != channel_axis(shape)).collect()
}

/// What one more on each axis means.
pub(crate) fn walks(shape: &Shape) -> Vec<Walk> {
    let mut walks = vec![Walk::Channels; shape.rank()];
    let mut step = 1;
    for axis in pixel_axes(shape).into_iter().rev() {
        walks[axis] = Walk::Pixels(step);
        step *= shape[axis];
    }
    walks
}

/// The pixels of a row: those along the last of the axes that number them.
pub(crate) fn row(shape: &Shape) -> usize {
    pixel_axes(shape).last().map_or(1, |&axis| shape[axis])
}

/// The elements of a view in its buffer, which has this shape and floats of 16 bits if it is `half`.
pub(crate) fn region(view: &View, buffer: &Shape, half: bool) -> Region {
    let region = Region::dense(pixels(&view.shape), channels(buffer));
    Region { offset: view.first, channels: channels(&view.shape), half, ..region }
}

/// Elements that a kernel of little work for each element computes at once.
pub(crate) const RUN: usize = 4096;

/// The pixels of a tensor of this shape that hold about [`RUN`] elements.
pub(crate) fn short_run(shape: &Shape) -> usize {
    (RUN / channels(shape).max(1)).max(1)
}

impl Walk {
    /// The fewest pixels that hold whole lines along this axis, which has `size` elements, of a tensor of this shape.
    pub(crate) fn grain(self, size: usize, shape: &Shape) -> usize {
        match self {
            Self::Channels => short_run(shape),
            Self::Pixels(step) => step * size,
        }
    }
}
