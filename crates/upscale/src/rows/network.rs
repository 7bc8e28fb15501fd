use std::ops::Range;

use amplio_graph::{Shape, Tensor};
use amplio_media::Channels;

use super::{Frame, Rolling, Rows};
use crate::network::Network;
use crate::passes::{Mix, Pass};
use crate::progress::Meter;
use crate::tiles::{Cut, Span, spans};
use crate::{Error, Result, TileSize, Tiling};

/// A picture enlarged by a network, a row of tiles at a time.
pub(crate) struct Networked<'a> {
    source: Box<dyn Rows + 'a>,
    network: Network,
    passes: Vec<Pass>,
    meter: &'a Meter<'a>,
    tiling: Tiling,
    budget: usize,
    /// Height and width of what the network sees: the source's, filled up to what the network can take.
    padded: [usize; 2],
    cut: Cut,
    /// The first row of the source whose results do not exist yet.
    next: usize,
    /// Results that await those of the next row of tiles, from the row of results after `done`.
    open: Vec<f32>,
    done: Rolling,
}

impl<'a> Networked<'a> {
    pub(crate) fn new(
        source: Box<dyn Rows + 'a>,
        channels: Channels,
        network: Network,
        tiling: Tiling,
        meter: &'a Meter<'a>,
    ) -> Result<Self> {
        let Frame { width, height, .. } = source.frame();
        let fill = |side: usize| side.max(network.minimum()).next_multiple_of(network.multiple());
        let padded = [fill(height), fill(width)];
        let (passes, budget) = (network.passes(channels)?, tiling.memory);
        let cut = network.cut(padded, channels.count(), &tiling, budget)?;
        let done = Rolling::new(width * network.scale() * channels.count());
        Ok(Self {
            source,
            network,
            passes,
            meter,
            tiling,
            budget,
            padded,
            cut,
            next: 0,
            open: Vec::new(),
            done,
        })
    }

    /// Pixels of the source that its tiles compute, all in all.
    pub(crate) fn work(&self) -> usize {
        self.padded[0] * self.padded[1]
    }

    /// Makes the results of the next row of tiles.
    fn advance(&mut self) -> Result<()> {
        let grid = self.network.grid();
        loop {
            let rows = spans(self.next, self.padded[0], self.cut.core[0], &self.cut, grid);
            let columns = spans(0, self.padded[1], self.cut.core[1], &self.cut, grid);
            match self.row_of_tiles(&rows[0], &columns) {
                Err(Error::Network(e)) if e.is_out_of_memory() => self.halve(&rows[0], &columns[0])?,
                result => return result,
            }
        }
    }

    /// Goes on with tiles of half the size.
    fn halve(&mut self, row: &Span, column: &Span) -> Result<()> {
        let side = row.core.len().max(column.core.len());
        let smallest = self.network.grid().max(4 * self.cut.ramp);
        if side / 2 < smallest {
            return Err(Error::OutOfMemory { side });
        }
        self.budget /= 2;
        if self.cut.margin == 0 && self.cut.ramp == 0 {
            // The picture was one tile; now it needs margins.
            let size = TileSize::Pixels(side.div_ceil(2) as u32);
            let tiling = Tiling { size, ..self.tiling };
            self.cut = self.network.cut(self.padded, self.source.frame().channels, &tiling, self.budget)?;
            return Ok(());
        }
        for (core, span) in self.cut.core.iter_mut().zip([row, column]) {
            if span.core.len() * 2 > side {
                *core = span.core.len().div_ceil(2);
            }
        }
        Ok(())
    }

    fn row_of_tiles(&mut self, row: &Span, columns: &[Span]) -> Result<()> {
        let Frame { width, height, channels } = self.source.frame();
        let scale = self.network.scale();
        let reach = row.reach(scale);
        let line = width * scale * channels;
        let source = self.source.read(row.input.start.min(height - 1)..row.input.end.min(height))?;
        let input = Input { samples: source, width, channels, rows: row.input.clone(), height };

        let mut results = vec![0.0; reach.len() * line];
        let carried = self.open.len().min(results.len());
        results[..carried].copy_from_slice(&self.open[..carried]);
        for column in columns {
            self.meter.check()?;
            let columns = column.reach(scale);
            let pixels = row.core.len() * column.core.len();
            for (i, pass) in self.passes.iter().enumerate() {
                let part = pixels as f64 / self.passes.len() as f64;
                let watcher = |share: f64| self.meter.begin((i as f64 + share) * part);
                let tile = input.tile(pass, &column.input);
                let output = match constant(pass, &tile) {
                    Some(value) => Output::Constant(value),
                    None => Output::Tensor(self.network.run(&tile, &watcher)?),
                };
                let join = Join { row, column, scale, line, channels, visible: width * scale };
                join.add(pass, &output, &mut results)?;
            }
            self.meter.advance(pixels, columns.len() * reach.len());
        }
        let finished = (row.core.end - row.ramps[1]) * scale;
        let keep = finished.min(height * scale).saturating_sub(reach.start) * line;
        self.done.push(&results[..keep]);
        self.open.clear();
        self.open.extend_from_slice(&results[keep..]);
        self.next = row.core.end;
        Ok(())
    }
}

impl Rows for Networked<'_> {
    fn frame(&self) -> Frame {
        let (Frame { width, height, channels }, scale) = (self.source.frame(), self.network.scale());
        Frame { width: width * scale, height: height * scale, channels }
    }

    fn read(&mut self, rows: Range<usize>) -> Result<&[f32]> {
        self.done.forget(rows.start);
        while self.done.end() < rows.end {
            self.advance()?;
            self.done.forget(rows.start);
        }
        Ok(self.done.rows(rows))
    }
}

/// The rows of the source that a row of tiles reads.
struct Input<'a> {
    samples: &'a [f32],
    width: usize,
    channels: usize,
    rows: Range<usize>,
    /// Rows of the whole source.
    height: usize,
}

impl Input<'_> {
    /// The network's input for one tile and pass; beyond the picture it is mirrored.
    fn tile(&self, pass: &Pass, columns: &Range<usize>) -> Tensor {
        let first = self.rows.start.min(self.height - 1);
        let shape = Shape::image(1, pass.inputs.len(), self.rows.len(), columns.len());
        let mut data = Vec::with_capacity(shape.elements());
        for input in &pass.inputs {
            let Some(channel) = *input else {
                data.resize(data.len() + self.rows.len() * columns.len(), 1.0);
                continue;
            };
            for y in self.rows.clone() {
                let y = mirrored(y, self.height).max(first) - first;
                let row = &self.samples[y * self.width * self.channels..][..self.width * self.channels];
                data.extend(columns.clone().map(|x| row[mirrored(x, self.width) * self.channels + channel]));
            }
        }
        Tensor::new(shape, data).unwrap_or_else(|_| Tensor::zeros(Shape::new([0])))
    }
}

/// The place inside of an axis of `size` places that place `i` shows, mirrored at the last one.
fn mirrored(i: usize, size: usize) -> usize {
    let period = (2 * size).saturating_sub(2).max(1);
    let i = i % period;
    if i < size { i } else { period - i }
}

/// What a pass gives for a tile.
enum Output {
    Tensor(Tensor),
    Constant(f32),
}

/// The value of an alpha tile that is the same everywhere, which no network needs to see.
fn constant(pass: &Pass, tile: &Tensor) -> Option<f32> {
    let first = *tile.data().first()?;
    (pass.alpha && tile.data().iter().all(|&v| v == first)).then_some(first)
}

/// Where a tile's result goes.
struct Join<'a> {
    row: &'a Span,
    column: &'a Span,
    scale: usize,
    /// Samples in a row of the results.
    line: usize,
    channels: usize,
    /// Pixels in a row of the results; a tile may compute more, beyond the picture.
    visible: usize,
}

impl Join<'_> {
    /// Adds the tile's result, weighted by its window, to the results of its row of tiles.
    fn add(&self, pass: &Pass, output: &Output, results: &mut [f32]) -> Result<()> {
        let Self { row, column, scale, line, channels, visible } = *self;
        let (rows, columns) = (row.reach(scale), column.reach(scale));
        let columns = columns.start..columns.end.min(visible);
        let windows: Vec<f32> = columns.clone().map(|x| column.weight(x, scale)).collect();
        let width = column.input.len() * scale;
        let plane = row.input.len() * scale * width;
        for (channel, mix) in &pass.outputs {
            for y in rows.clone() {
                let window = row.weight(y, scale);
                let from = (y - row.input.start * scale) * width + columns.start - column.input.start * scale;
                let to =
                    results[(y - rows.start) * line..][columns.start * channels..][*channel..].iter_mut();
                for (i, (place, horizontal)) in to.step_by(channels).zip(&windows).enumerate() {
                    let value = match output {
                        Output::Constant(value) => *value,
                        Output::Tensor(tensor) if pass.alpha => {
                            settled(mixed(tensor.data(), from + i, plane, mix))
                        }
                        Output::Tensor(tensor) => mixed(tensor.data(), from + i, plane, mix),
                    };
                    if !value.is_finite() {
                        return Err(Error::NotFinite { what: value, x: columns.start + i, y });
                    }
                    *place += window * horizontal * value.clamp(0.0, 1.0);
                }
            }
        }
        Ok(())
    }
}

/// The weighted sum of the network's output channels at one place of each plane.
fn mixed(data: &[f32], at: usize, plane: usize, mix: &Mix) -> f32 {
    match mix {
        Mix::One(channel) => data[channel * plane + at],
        Mix::Sum(weights) => {
            weights.iter().enumerate().map(|(channel, weight)| weight * data[channel * plane + at]).sum()
        }
    }
}

/// Alpha with the last levels at both ends taken for the ends: networks miss flat black and white by a level, and what was
/// invisible must not show.
fn settled(alpha: f32) -> f32 {
    const LEVELS: f32 = 1.5 / 255.0;
    ((alpha - LEVELS) / (1.0 - 2.0 * LEVELS)).clamp(0.0, 1.0)
}
