use std::sync::Arc;

use crate::ops::PadMode;
use crate::{Op, Shape};

/// Moves elements without changing them: every element of the result is one of the input's, or a constant.
///
/// The result is filled by nested loops. Each loop walks one axis of the input and one axis of the result at once; the
/// place on an axis is the sum of what its loops contribute. Slices, padding, permutations, reshapes, pixel (un)shuffle
/// and windows are all of this form, and so is any composition of tables on axes.
#[derive(Clone, Debug)]
pub struct Rearrangement {
    /// The loops, outermost first, in row-major order of the result.
    pub loops: Vec<Loop>,
    /// The value of elements that come from outside the input.
    pub fill: f32,
    /// Where the result begins in the output, which it may fill only in part.
    pub start: Axis,
}

/// One loop of a [`Rearrangement`].
#[derive(Clone, Debug)]
pub struct Loop {
    /// How many times it runs.
    pub size: usize,
    /// What it contributes to the place in the result.
    pub output: Axis,
    /// The axis of the input that it walks.
    pub input: usize,
    /// For each turn, what it contributes to the place on that axis; `None` outside the input.
    pub table: Arc<[Option<usize>]>,
}

/// A walk along an axis by equal steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    /// The axis.
    pub axis: usize,
    /// The distance of neighbouring turns on it.
    pub step: usize,
}

impl Rearrangement {
    /// The rearrangement that `op` is for inputs of these shapes, if it is a single one.
    pub(super) fn of(op: &Op, inputs: &[&Shape], output: &Shape) -> Option<Self> {
        let x = inputs[0];
        let loops = match op {
            Op::Slice(op) => {
                let (start, _) = op.range(x[op.axis]);
                along(x, output, op.axis, |i| Some(start + i * op.step))
            }
            Op::Gather(op) => along(x, output, op.axis, |i| Some(op.indices[i])),
            Op::Roll(op) => {
                let (size, forward) = (x[op.axis], op.forward(x[op.axis]));
                along(x, output, op.axis, |i| Some((i + size - forward) % size))
            }
            Op::Pad(op) => {
                let mut loops = identity(output);
                for side in 0..2 {
                    let axis = x.rank() - 2 + side;
                    loops[axis].table = (0..output[axis]).map(|i| op.source(i, side, x[axis])).collect();
                }
                let fill = if let PadMode::Constant(fill) = op.mode { fill } else { 0.0 };
                return Some(Self { loops, fill, start: Axis::default() });
            }
            Op::Transpose(op) => {
                let mut loops = identity(output);
                for (each, &axis) in loops.iter_mut().zip(&op.axes) {
                    each.input = axis;
                }
                loops
            }
            Op::Reshape(_) => reshape(x, output)?,
            Op::PixelShuffle(op) => {
                let (r, c) = (op.r, output[1]);
                vec![
                    step(x[0], (0, 1), (0, 1)),
                    step(c, (1, 1), (1, r * r)),
                    step(x[2], (2, r), (2, 1)),
                    step(r, (2, 1), (1, r)),
                    step(x[3], (3, r), (3, 1)),
                    step(r, (3, 1), (1, 1)),
                ]
            }
            Op::PixelUnshuffle(op) => {
                let r = op.r;
                vec![
                    step(x[0], (0, 1), (0, 1)),
                    step(x[1], (1, r * r), (1, 1)),
                    step(r, (1, r), (2, 1)),
                    step(r, (1, 1), (3, 1)),
                    step(output[2], (2, 1), (2, r)),
                    step(output[3], (3, 1), (3, r)),
                ]
            }
            Op::WindowPartition(op) => windows(x, op.window).map(|w| w.loop_from_picture()).to_vec(),
            Op::WindowReverse(op) => {
                let picture = inputs[1].with(1, output[1]);
                let mut loops = windows(&picture, op.window).map(|w| w.loop_to_picture()).to_vec();
                loops.sort_by_key(|each| (each.output.axis, std::cmp::Reverse(each.output.step)));
                loops
            }
            _ => return None,
        };
        Some(Self { loops, fill: 0.0, start: Axis::default() })
    }

    /// A tensor of this shape, as the part of a larger one that begins at `start`.
    pub(super) fn shifted(shape: &Shape, start: Axis) -> Self {
        Self { loops: identity(shape), fill: 0.0, start }
    }

    /// All elements of a tensor of shape `from`, in row-major order, as one of shape `to`, which has one axis; or the
    /// other way round.
    pub(super) fn flat(from: &Shape, to: &Shape) -> Self {
        let loops = if to.rank() == 1 {
            let strides = from.strides();
            (0..from.rank()).map(|a| step(from[a], (0, strides[a]), (a, 1))).collect()
        } else {
            let strides = to.strides();
            (0..to.rank()).map(|a| step(to[a], (a, 1), (0, strides[a]))).collect()
        };
        Self { loops, fill: 0.0, start: Axis::default() }
    }
}

/// The loop that contributes `i * output.1` to axis `output.0` of the result and `i * input.1` to axis `input.0` of the
/// input.
fn step(size: usize, output: (usize, usize), input: (usize, usize)) -> Loop {
    let table = (0..size).map(|i| Some(i * input.1)).collect();
    Loop { size, output: Axis { axis: output.0, step: output.1 }, input: input.0, table }
}

fn identity(output: &Shape) -> Vec<Loop> {
    output.iter().enumerate().map(|(axis, &size)| step(size, (axis, 1), (axis, 1))).collect()
}

fn along(x: &Shape, output: &Shape, axis: usize, source: impl Fn(usize) -> Option<usize>) -> Vec<Loop> {
    debug_assert_eq!(x.rank(), output.rank());
    let mut loops = identity(output);
    loops[axis].table = (0..output[axis]).map(source).collect();
    loops
}

/// The loops of a reshape whose axes have common parts: each axis of one is a product of neighbouring axes (or parts of
/// axes) of the other.
fn reshape(from: &Shape, to: &Shape) -> Option<Vec<Loop>> {
    let mut loops = Vec::new();
    let (mut a, mut b) = (from.rank(), to.rank());
    // What is left to cover of the current axes, and what has been covered, from the innermost outwards.
    let (mut left_a, mut left_b, mut done_a, mut done_b) = (1, 1, 1, 1);
    loop {
        while left_a == 1 && a > 0 {
            (a, left_a, done_a) = (a - 1, from[a - 1], 1);
        }
        while left_b == 1 && b > 0 {
            (b, left_b, done_b) = (b - 1, to[b - 1], 1);
        }
        if left_a == 1 && left_b == 1 {
            loops.reverse();
            return Some(loops);
        }
        let size = left_a.min(left_b);
        if size == 0 || left_a % size != 0 || left_b % size != 0 {
            return None;
        }
        loops.push(step(size, (b, done_b), (a, done_a)));
        (left_a, done_a) = (left_a / size, done_a * size);
        (left_b, done_b) = (left_b / size, done_b * size);
    }
}

/// One loop over a picture cut into windows: its steps along the picture's axes and along those of the windows
/// `[batch * windows, window pixels, channels]`.
struct WindowLoop {
    size: usize,
    picture: (usize, usize),
    windows: (usize, usize),
}

impl WindowLoop {
    fn loop_from_picture(&self) -> Loop {
        step(self.size, self.windows, self.picture)
    }

    fn loop_to_picture(&self) -> Loop {
        step(self.size, self.picture, self.windows)
    }
}

/// The loops of a window partition, outermost first in the order of the windows.
fn windows(picture: &Shape, [wh, ww]: [usize; 2]) -> [WindowLoop; 6] {
    let (rows, columns) = (picture[2] / wh, picture[3] / ww);
    let each = |size, picture, windows| WindowLoop { size, picture, windows };
    [
        each(picture[0], (0, 1), (0, rows * columns)),
        each(rows, (2, wh), (0, columns)),
        each(columns, (3, ww), (0, 1)),
        each(wh, (2, 1), (1, ww)),
        each(ww, (3, 1), (1, 1)),
        each(picture[1], (1, 1), (2, 1)),
    ]
}
