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
    channels: Channels,
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

/// Where the channels of a pixel of the result lead.
#[derive(Debug)]
enum Channels {
    /// To as many channels of one pixel, side by side from this one on.
    Straight(usize),
    /// To these channels of one pixel.
    Within(Vec<usize>),
    /// To these pixels and channels.
    Across(Vec<(usize, usize)>),
    /// Some of them outside the input or elsewhere.
    Mixed(Vec<Source>),
}

const START: Source = Source::Offset { pixels: 0, channels: 0 };

impl Rearrange {
    pub(crate) fn new(step: &Step, op: &Rearrangement) -> Result<Self> {
        let output = &step.output.shape;
        let from = walks(&step.inputs[0].shape);
        let along = |axis: usize| sources(op, axis, output[axis], &from);
        let axes = pixel_axes(output).into_iter().rev().map(along).collect();
        let channels = Channels::new(channel_axis(output).map_or(vec![START], along));
        Ok(Self { axes, channels, fill: op.fill })
    }

    pub(crate) fn grain(&self, result: &Shape) -> usize {
        short_run(result)
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, _: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let from = inputs[0];
        for i in 0..pixels.pixels() {
            let to = pixels.pixel(i);
            let (pixel, channel) = match self.source(first + i) {
                Source::Elsewhere => continue,
                Source::Outside => {
                    to.fill(self.fill);
                    continue;
                }
                Source::Offset { pixels, channels } => (pixels, channels),
            };
            match &self.channels {
                Channels::Straight(start) => {
                    to.copy_from_slice(&from.pixel(pixel)[channel + start..][..to.len()])
                }
                Channels::Within(table) => {
                    let from = &from.pixel(pixel)[channel..];
                    to.iter_mut().zip(table).for_each(|(to, &place)| *to = from[place]);
                }
                Channels::Across(table) => {
                    let places = to.iter_mut().zip(table);
                    places.for_each(|(to, &(p, c))| *to = from.pixel(pixel + p)[channel + c]);
                }
                Channels::Mixed(table) => {
                    for (to, source) in to.iter_mut().zip(table) {
                        match *source {
                            Source::Elsewhere => {}
                            Source::Outside => *to = self.fill,
                            Source::Offset { pixels, channels } => {
                                *to = from.pixel(pixel + pixels)[channel + channels];
                            }
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

impl Channels {
    fn new(sources: Vec<Source>) -> Self {
        let offset = |source: &Source| match *source {
            Source::Offset { pixels, channels } => Some((pixels, channels)),
            _ => None,
        };
        let Some(table) = sources.iter().map(offset).collect::<Option<Vec<_>>>() else {
            return Self::Mixed(sources);
        };
        if table.iter().any(|&(pixels, _)| pixels != 0) {
            return Self::Across(table);
        }
        match table[..] {
            [(_, start), ..] if table.iter().zip(start..).all(|(&(_, channel), place)| channel == place) => {
                Self::Straight(start)
            }
            _ => Self::Within(table.into_iter().map(|(_, channel)| channel).collect()),
        }
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
