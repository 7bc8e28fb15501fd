//! One number for all elements along some axes.

use amplio_graph::ops::{self, ReduceKind};
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::vectors::{add, largest, sum, take_max, take_min};
use crate::layout::{Walk, channel_axis, pixel_axes, short_run, walks};

/// Pixels whose sums are `f32`; beyond them, `f64`.
const EXACT: usize = 64;

/// A reduction, ready to run.
#[derive(Debug)]
pub(crate) struct Reduce {
    kind: ReduceKind,
    /// Elements of which one becomes.
    count: usize,
    /// The axes that number the result's pixels, from the innermost.
    axes: Vec<Kept>,
    /// The axis of the result's channels.
    channels: Kept,
    /// Pixels along the innermost of the axes of pixels that vanish, and their distance.
    inner: (usize, usize),
    /// The other axes of pixels that vanish, from the innermost.
    outer: Vec<(usize, usize)>,
    /// Whether the channels of the input vanish.
    over_channels: bool,
}

/// An axis of the result: its size, and how far a step on it leads in the input.
#[derive(Clone, Copy, Debug)]
struct Kept {
    size: usize,
    pixels: usize,
    channels: usize,
}

impl Reduce {
    pub(crate) fn new(step: &Step, op: &ops::Reduce) -> Result<Self> {
        let from = &step.inputs[0].shape;
        let walked = walks(from);
        // The axes of the result, each with the axis of the input that it keeps.
        let stays = |axis: &usize| op.keep || !op.axes.contains(axis);
        let axes: Vec<Kept> = (0..from.rank())
            .filter(stays)
            .map(|axis| match walked[axis] {
                _ if op.axes.contains(&axis) => Kept { size: 1, pixels: 0, channels: 0 },
                Walk::Pixels(step) => Kept { size: from[axis], pixels: step, channels: 0 },
                Walk::Channels => Kept { size: from[axis], pixels: 0, channels: 1 },
            })
            .collect();
        let mut vanishing: Vec<(usize, usize)> = (0..from.rank())
            .rev()
            .filter(|axis| op.axes.contains(axis))
            .filter_map(|axis| match walked[axis] {
                Walk::Pixels(step) => Some((from[axis], step)),
                Walk::Channels => None,
            })
            .collect();
        let inner = if vanishing.is_empty() { (1, 0) } else { vanishing.remove(0) };
        Ok(Self {
            kind: op.kind,
            count: op.axes.iter().map(|&axis| from[axis]).product(),
            channels: channel_axis(&step.result)
                .map_or(Kept { size: 1, pixels: 0, channels: 0 }, |axis| axes[axis]),
            axes: pixel_axes(&step.result).into_iter().rev().map(|axis| axes[axis]).collect(),
            inner,
            outer: vanishing,
            over_channels: op.axes.iter().any(|&axis| walked[axis] == Walk::Channels),
        })
    }

    pub(crate) fn grain(&self, result: &Shape) -> usize {
        (short_run(result) / self.count.max(1)).max(1)
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let side_by_side = self.channels.channels == 1 || self.channels.size == 1 && !self.over_channels;
        let mut totals = vec![0.0; pixels.channels()];
        for i in 0..pixels.pixels() {
            let (pixel, channel) = self.source(first + i);
            if side_by_side {
                self.channels_of(isa, &inputs[0], pixel, channel, &mut totals);
            } else {
                for (c, total) in totals.iter_mut().enumerate() {
                    let (pixel, channel) =
                        (pixel + c * self.channels.pixels, channel + c * self.channels.channels);
                    *total = self.number(isa, &inputs[0], pixel, channel);
                }
            }
            for (to, total) in pixels.pixel(i).iter_mut().zip(&totals) {
                *to = self.result(*total);
            }
        }
    }

    /// The first of the pixels, and the channel, that belong to a pixel of the result.
    #[inline(always)]
    fn source(&self, i: usize) -> (usize, usize) {
        let (mut rest, mut pixel, mut channel) = (i, 0, 0);
        for axis in &self.axes {
            pixel += rest % axis.size * axis.pixels;
            channel += rest % axis.size * axis.channels;
            rest /= axis.size;
        }
        (pixel, channel)
    }

    /// For each turn along the outer axes, the first pixel.
    #[inline(always)]
    fn starts(&self, pixel: usize) -> impl Iterator<Item = usize> {
        let turns = self.outer.iter().map(|(size, _)| size).product();
        (0..turns).map(move |turn| {
            let mut rest = turn;
            let steps = self.outer.iter().map(|(size, step)| {
                let place = rest % size;
                rest /= size;
                place * step
            });
            pixel + steps.sum::<usize>()
        })
    }

    /// The channels of all pixels from `pixel` on, each on its own.
    #[inline(always)]
    fn channels_of<I: Isa>(
        &self,
        isa: I,
        from: &PixelsRef,
        pixel: usize,
        channel: usize,
        totals: &mut [f64],
    ) {
        totals.fill(f64::from(self.start()));
        let mut part = vec![0.0; totals.len()];
        let (size, step) = self.inner;
        for start in self.starts(pixel) {
            for chunk in (0..size).step_by(EXACT) {
                part.fill(self.start());
                for i in chunk..size.min(chunk + EXACT) {
                    let from = &from.pixel(start + i * step)[channel..][..part.len()];
                    match self.kind {
                        ReduceKind::Mean | ReduceKind::Sum => add(isa, &mut part, from),
                        ReduceKind::Max => take_max(isa, &mut part, from),
                        ReduceKind::Min => take_min(isa, &mut part, from),
                    }
                }
                for (total, part) in totals.iter_mut().zip(&part) {
                    *total = self.join(*total, *part);
                }
            }
        }
    }

    /// One number: of one channel of all pixels from `pixel` on, or of all channels.
    #[inline(always)]
    fn number<I: Isa>(&self, isa: I, from: &PixelsRef, pixel: usize, channel: usize) -> f64 {
        let mut total = f64::from(self.start());
        let (size, step) = self.inner;
        for start in self.starts(pixel) {
            for i in 0..size {
                let from = from.pixel(start + i * step);
                if !self.over_channels {
                    total = self.join(total, from[channel]);
                    continue;
                }
                total = match self.kind {
                    ReduceKind::Mean | ReduceKind::Sum => self.join(total, sum(isa, from)),
                    ReduceKind::Max => self.join(total, largest(isa, from)),
                    ReduceKind::Min => from.iter().fold(total, |total, x| self.join(total, *x)),
                };
            }
        }
        total
    }

    fn start(&self) -> f32 {
        match self.kind {
            ReduceKind::Mean | ReduceKind::Sum => 0.0,
            ReduceKind::Max => f32::NEG_INFINITY,
            ReduceKind::Min => f32::INFINITY,
        }
    }

    #[inline(always)]
    fn join(&self, total: f64, part: f32) -> f64 {
        match self.kind {
            ReduceKind::Mean | ReduceKind::Sum => total + f64::from(part),
            ReduceKind::Max => total.max(f64::from(part)),
            ReduceKind::Min => total.min(f64::from(part)),
        }
    }

    #[inline(always)]
    fn result(&self, total: f64) -> f32 {
        if self.kind == ReduceKind::Mean { (total / self.count as f64) as f32 } else { total as f32 }
    }
}
