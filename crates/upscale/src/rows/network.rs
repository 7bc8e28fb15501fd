use std::ops::Range;

use amplio_graph::Pixels;
use amplio_media::Channels;

use super::join::{Join, Output};
use super::{Frame, Rolling, Rows};
use crate::held::{Held, Place};
use crate::network::Network;
use crate::passes::Pass;
use crate::program::Share;
use crate::progress::Meter;
use crate::tiles::{Cut, Span};
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
    /// Its rows in the making await the results of the next row of tiles.
    results: Rolling,
    /// The tile that the network has begun, if it is the only one of its row: rows are taken from there as they are wanted.
    begun: Option<[Span; 2]>,
    /// Tiles of earlier pictures.
    held: Held,
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
        let padded = [height, width].map(|side| network.side(side));
        let (passes, budget) = (network.passes(channels)?, tiling.memory);
        let cut = network.cut(padded, channels.count(), &tiling, budget)?;
        let results = Rolling::new(width * network.scale() * channels.count());
        let held = Held::default();
        let (next, begun) = (0, None);
        Ok(Self { source, network, passes, meter, tiling, budget, padded, cut, next, results, begun, held })
    }

    /// With results of tiles that are held from picture to picture, unless the picture is one tile: whoever gives pictures one
    /// after the other sees himself whether they are equal.
    pub(crate) fn holding(self, held: Held) -> Self {
        if self.cut.read == self.padded { self } else { Self { held, ..self } }
    }

    /// Pixels of the source that its tiles compute, all in all.
    pub(crate) fn work(&self) -> usize {
        self.padded[0] * self.padded[1]
    }

    /// Makes the results of the next row of tiles, or begins to if it is one tile.
    fn advance(&mut self) -> Result<()> {
        let grid = self.network.grid();
        loop {
            let rows = self.cut.spans(0, self.next, self.padded[0], grid);
            let columns = self.cut.spans(1, 0, self.padded[1], grid);
            let before = self.results.unfinished().to_vec();
            let made = match (&columns[..], self.passes.len(), self.held.holds()) {
                ([column], 1, false) => self.begin(&rows[0], column),
                (columns, ..) => self.row_of_tiles(&rows[0], columns),
            };
            match made {
                Err(Error::Network(e)) if e.is_out_of_memory() => {
                    self.results.restore(&before);
                    self.halve(&rows[0], &columns[0])?;
                }
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
        let before = self.cut;
        for (axis, from, span) in [(0, self.next, row), (1, 0, column)] {
            if span.core.len() * 2 > side {
                self.cut.read[axis] = before.halved(axis, from, self.padded[axis], self.network.grid());
            }
        }
        // Where all is margin, smaller cores read no less.
        if self.cut == before { Err(Error::OutOfMemory { side }) } else { Ok(()) }
    }

    fn row_of_tiles(&mut self, row: &Span, columns: &[Span]) -> Result<()> {
        let Frame { width, height, channels } = self.source.frame();
        let (scale, reach) = (self.network.scale(), row.reach(self.network.scale()));
        let input = Input::read(&mut *self.source, row.input.clone())?;
        let results = self.results.making(reach.len());
        let above = row.input.start * scale;
        for column in columns {
            self.meter.check()?;
            let join = Join { row, column, scale, channels, width: width * scale };
            let pixels = row.core.len() * column.core.len();
            for (i, pass) in self.passes.iter().enumerate() {
                let part = pixels as f64 / self.passes.len() as f64;
                let watcher = |share: f64| self.meter.begin((i as f64 + share) * part);
                let tile = input.tile(pass, &column.input)?;
                let place = Place { first: [row.input.start, column.input.start], pass: i };
                let output = match (constant(pass, &tile), self.held.find(place, &tile)) {
                    (Some(value), _) => Output::Constant(value),
                    (None, Some(known)) => Output::Rows(above, known.output().clone()),
                    (None, None) => {
                        let all = 0..tile.height() * scale;
                        if self.held.holds() {
                            self.network.begin(&tile, all.clone(), &watcher)?;
                            let made = self.network.all_rows(all, &watcher)?;
                            let rows = Output::Rows(above, made.rows(0..made.height()));
                            join.add(reach.clone(), pass, &rows, results)?;
                            self.held.hold(place, tile, made);
                        } else {
                            self.network.begin(&tile, row.reach_in_tile(scale), &watcher)?;
                            add_rows(&mut self.network, &join, reach.clone(), pass, &watcher, results)?;
                        }
                        continue;
                    }
                };
                join.add(reach.clone(), pass, &output, results)?;
            }
            self.meter.made(column.reach(scale).len() * reach.len());
            self.meter.advance(pixels);
        }
        self.next = row.core.end;
        let finished = (row.core.end - row.ramps[1]) * scale;
        self.results.finish(finished.min(height * scale).saturating_sub(reach.start));
        Ok(())
    }

    /// Begins a tile that is the only one of its row.
    fn begin(&mut self, row: &Span, column: &Span) -> Result<()> {
        let tile = Input::read(&mut *self.source, row.input.clone())?.tile(&self.passes[0], &column.input)?;
        let watcher = |share: f64| self.meter.begin(share * (row.core.len() * column.core.len()) as f64);
        let scale = self.network.scale();
        self.network.begin(&tile, row.reach_in_tile(scale), &watcher)?;
        // If memory is too short for rows, it is so from the first one on.
        let first = self.results.end() - row.input.start * scale;
        self.network.rows(first..first + 1, &watcher)?;
        (self.begun, self.next) = (Some([row.clone(), column.clone()]), row.core.end);
        Ok(())
    }

    /// Makes the next rows of the tile that was begun, at most up to `end`, and after its last one those that the next tile adds to.
    fn take(&mut self, [row, column]: &[Span; 2], end: usize) -> Result<()> {
        let Frame { width, height, channels } = self.frame();
        let (first, scale, pass) = (self.results.end(), self.network.scale(), &self.passes[0]);
        let finished = ((row.core.end - row.ramps[1]) * scale).min(height);
        let begun = finished..row.reach(scale).end.min(height);
        let (above, pixels) = (row.input.start * scale, row.core.len() * column.core.len());
        let watcher = |share: f64| self.meter.begin(share * pixels as f64);
        let some = self.network.rows(first - above..end.min(finished) - above, &watcher)?;
        let rows = first..first + some.height();
        let join = Join { row, column, scale, channels, width };
        join.add(rows.clone(), pass, &Output::Rows(first, some), self.results.making(rows.len()))?;
        self.results.finish(rows.len());
        self.meter.made(rows.len() * width);
        if rows.end == finished {
            let results = self.results.making(begun.len());
            self.meter.made(begun.len() * width);
            add_rows(&mut self.network, &join, begun, pass, &watcher, results)?;
            self.begun = None;
            self.meter.advance(pixels);
        }
        Ok(())
    }
}

/// Adds these rows of what the network makes of a tile to `results`, which begin with them.
fn add_rows(
    network: &mut Network,
    join: &Join,
    mut rows: Range<usize>,
    pass: &Pass,
    watcher: Share,
    mut results: &mut [f32],
) -> Result<()> {
    let above = join.row.input.start * join.scale;
    while !rows.is_empty() {
        let some = network.rows(rows.start - above..rows.end - above, watcher)?;
        let part = rows.start..rows.start + some.height();
        let (these, others) = results.split_at_mut(part.len() * join.width * join.channels);
        join.add(part.clone(), pass, &Output::Rows(part.start, some), these)?;
        (rows.start, results) = (part.end, others);
    }
    Ok(())
}

impl Rows for Networked<'_> {
    fn frame(&self) -> Frame {
        let (Frame { width, height, channels }, scale) = (self.source.frame(), self.network.scale());
        Frame { width: width * scale, height: height * scale, channels }
    }

    fn read(&mut self, rows: Range<usize>) -> Result<&[f32]> {
        self.results.forget(rows.start);
        while self.results.end() < rows.end {
            match self.begun.clone() {
                Some(tile) => self.take(&tile, rows.end)?,
                None => self.advance()?,
            }
            self.results.forget(rows.start);
        }
        Ok(self.results.rows(rows))
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

impl<'a> Input<'a> {
    fn read(source: &'a mut (dyn Rows + '_), rows: Range<usize>) -> Result<Self> {
        let Frame { width, height, channels } = source.frame();
        let samples = source.read(rows.start.min(height - 1)..rows.end.min(height))?;
        Ok(Self { samples, width, channels, rows, height })
    }

    /// The network's input for one tile and pass; beyond the picture it is mirrored.
    fn tile(&self, pass: &Pass, columns: &Range<usize>) -> Result<Pixels<'static>> {
        let first = self.rows.start.min(self.height - 1);
        let mut data = Vec::with_capacity(self.rows.len() * columns.len() * pass.inputs.len());
        let inside = columns.start.min(self.width)..columns.end.min(self.width);
        for y in self.rows.clone() {
            let y = mirrored(y, self.height).max(first) - first;
            let row = &self.samples[y * self.width * self.channels..][..self.width * self.channels];
            let mut columns = columns.clone();
            if pass.takes_all(self.channels) {
                data.extend_from_slice(&row[inside.start * self.channels..inside.end * self.channels]);
                columns.start = columns.start.max(inside.end);
            }
            for x in columns {
                let pixel = &row[mirrored(x, self.width) * self.channels..];
                data.extend(pass.inputs.iter().map(|input| input.map_or(1.0, |channel| pixel[channel])));
            }
        }
        Ok(Pixels::new(self.rows.len(), columns.len(), pass.inputs.len(), data)?)
    }
}

/// The place inside of an axis of `size` places that place `i` shows, mirrored at the last one.
fn mirrored(i: usize, size: usize) -> usize {
    let period = (2 * size).saturating_sub(2).max(1);
    let i = i % period;
    if i < size { i } else { period - i }
}

/// The value of an alpha tile that is the same everywhere, which no network needs to see.
fn constant(pass: &Pass, tile: &Pixels) -> Option<f32> {
    let first = *tile.data().first()?;
    (pass.alpha && tile.data().iter().all(|&v| v == first)).then_some(first)
}
