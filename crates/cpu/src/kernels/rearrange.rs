//! Moves elements: for each pixel of the result, from where its loops lead.

use amplio_graph::plan::{Loop, Rearrangement, Step};
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use crate::layout::{Walk, channel_axis, pixel_axes, short_run, walks};

/// A rearrangement, ready to run.
#[derive(Debug)]
pub(crate) struct Rearrange {
    /// For each axis that numbers the result's pixels, from the innermost: for each place on it, where it leads.
    axes: Vec<Vec<Source>>,
    /// For each channel of the result, where it leads.
    channels: Vec<Source>,
    fill: f32,
}

/// Where a place in the result leads in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// So many pixels and channels further.
    Offset { pixels: usize, channels: usize },
    /// Outside the input, where the fill is.
    Outside,
    /// The place belongs to another rearrangement that fills the same output.
    Elsewhere,
}

const START: Source = Source::Offset { pixels: 0, channels: 0 };

impl Rearrange {
    pub(crate) fn new(step: &Step, op: &Rearrangement) -> Result<Self> {
        let output = &step.output.shape;
        let from = walks(&step.inputs[0].shape);
        let along = |axis: usize| sources(op, axis, output[axis], &from);
        let axes = pixel_axes(output).into_iter().rev().map(along).collect();
        let channels = channel_axis(output).map_or(vec![START], along);
        Ok(Self { axes, channels, fill: op.fill })
    }

    pub(crate) fn grain(&self, result: &Shape) -> usize {
        short_run(result)
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, _: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let straight = self.channels.iter().enumerate().all(|(c, s)| *s == Source::Offset { pixels: 0, channels: c });
        for i in 0..pixels.pixels() {
            let to = pixels.pixel(i);
            match self.source(first + i) {
                Source::Elsewhere => {}
                Source::Outside => to.fill(self.fill),
                Source::Offset { pixels, channels } if straight => {
                    to.copy_from_slice(&inputs[0].pixel(pixels)[channels..][..to.len()]);
                }
                source @ Source::Offset { .. } => {
                    for (to, &channel) in to.iter_mut().zip(&self.channels) {
                        match source.then(channel) {
                            Source::Elsewhere => {}
                            Source::Outside => *to = self.fill,
                            Source::Offset { pixels, channels } => *to = inputs[0].pixel(pixels)[channels],
                        }
                    }
                }
            }
        }
    }

    /// Where pixel `i` of the output leads.
    #[inline(always)]
    fn source(&self, i: usize) -> Source {
        let mut rest = i;
        let mut source = START;
        for axis in &self.axes {
            source = source.then(axis[rest % axis.len()]);
            rest /= axis.len();
        }
        source
    }
}

impl Source {
    #[inline(always)]
    fn then(self, more: Self) -> Self {
        match (self, more) {
            (Self::Elsewhere, _) | (_, Self::Elsewhere) => Self::Elsewhere,
            (Self::Outside, _) | (_, Self::Outside) => Self::Outside,
            (Self::Offset { pixels: p, channels: c }, Self::Offset { pixels, channels }) => {
                Self::Offset { pixels: p + pixels, channels: c + channels }
            }
        }
    }
}

/// For each place on an axis of the output, where the loops that walk it lead.
fn sources(op: &Rearrangement, axis: usize, size: usize, from: &[Walk]) -> Vec<Source> {
    let start = if op.start.axis == axis { op.start.step } else { 0 };
    let loops: Vec<&Loop> = op.loops.iter().filter(|each| each.output.axis == axis).collect();
    let covered: usize = loops.iter().map(|each| each.size).product();
    let source = |place: usize| match place.checked_sub(start).filter(|&inner| inner < covered) {
        None => Source::Elsewhere,
        Some(inner) => loops.iter().fold(START, |source, each| {
            let turn = inner / each.output.step % each.size;
            source.then(match (each.table[turn], from[each.input]) {
                (None, _) => Source::Outside,
                (Some(place), Walk::Pixels(step)) => Source::Offset { pixels: place * step, channels: 0 },
                (Some(place), Walk::Channels) => Source::Offset { pixels: 0, channels: place },
            })
        }),
    };
    (0..size).map(source).collect()
}
