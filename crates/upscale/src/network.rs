use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amplio_graph::{Device, Pixels, Precision, Shape};
use amplio_media::Channels;
use amplio_models::Model;

use crate::divided::Divided;
use crate::idle::{Compiled, Idle};
use crate::passes::{Pass, passes};
use crate::program::{Plans, Program, Share};
use crate::tiles::Cut;
use crate::{Error, Result, TileSize, Tiling};

/// What tiles overlap in all, on each side, where a margin that holds all that the network sees is not affordable.
const OVERLAP: usize = 48;

/// Such a margin is affordable if tiles compute at most so many times the pixels that they compute with the usual overlap.
const MOST_FOR_EXACT: f64 = 1.25;

/// The smallest core of a tile.
const SMALLEST: usize = 16;

/// For so many sizes of tiles it is remembered what they need.
const MOST_KNOWN: usize = 1 << 12;

/// A model on a device, compiled for the size of tile in use.
pub(crate) struct Network {
    engine: Arc<Engine>,
    precision: Precision,
    compiled: Option<Compiled>,
}

/// A model on a device, and what was compiled of it.
pub(crate) struct Engine {
    pub(crate) model: Arc<Model>,
    pub(crate) device: Arc<dyn Device>,
    divided: Divided,
    idle: Idle,
    /// The bytes that tiles need, by height and width: to plan a deep network takes about as long as to run it on an icon.
    bytes: Mutex<HashMap<([usize; 2], Precision), usize>>,
}

impl Engine {
    pub(crate) fn new(model: Arc<Model>, device: Arc<dyn Device>) -> Self {
        let divided = Divided::new(model.graph(), &*device);
        Self { model, device, divided, idle: Idle::default(), bytes: Mutex::default() }
    }

    fn bytes(&self) -> MutexGuard<'_, HashMap<([usize; 2], Precision), usize>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Network {
    pub(crate) fn new(engine: Arc<Engine>, precision: Precision) -> Self {
        Self { engine, precision, compiled: None }
    }

    /// Result pixels for each input pixel, along each side.
    pub(crate) fn scale(&self) -> usize {
        self.engine.model.info().scale
    }

    /// Tiles begin at multiples of this, so that the device rounds their numbers as those of the whole picture.
    pub(crate) fn grid(&self) -> usize {
        self.engine.model.info().size_multiple * self.engine.device.alignment(self.precision).max(1)
    }

    /// The side of the input for a picture's side of this length.
    pub(crate) fn side(&self, side: usize) -> usize {
        self.engine.model.side(side)
    }

    /// How the channels of a picture go through the network.
    pub(crate) fn passes(&self, picture: Channels) -> Result<Vec<Pass>> {
        let info = self.engine.model.info();
        passes(picture, info.input_channels, info.output_channels).ok_or_else(|| {
            let what = format!(
                "{} turns {} channels into {}, which is not how pictures are enlarged",
                info.name, info.input_channels, info.output_channels
            );
            Error::request(what)
        })
    }

    /// How to cut a picture of this size so that a tile needs at most `budget` bytes, and so do the results of a row of tiles, of
    /// `channels` channels, if tiles can be so low.
    pub(crate) fn cut(
        &self,
        size: [usize; 2],
        channels: usize,
        tiling: &Tiling,
        budget: usize,
    ) -> Result<Cut> {
        let whole = Cut { read: size, margin: 0, ramp: 0 };
        let most = match tiling.size {
            TileSize::Off => return Ok(whole),
            TileSize::Auto if self.bytes(size)? <= budget && self.band(size, channels) <= budget => {
                return Ok(whole);
            }
            TileSize::Auto => self.most(size, budget)?,
            TileSize::Pixels(_) => 0,
        };
        let (radius, grid) = (self.engine.model.info().radius, self.grid());
        let with = |overlap: usize| {
            let ramp = if radius == Some(overlap) { 0 } else { overlap / 3 };
            let cores = |side: usize| {
                let read = size.map(|axis| (side + 2 * overlap.next_multiple_of(grid)).min(axis));
                Cut { read, margin: overlap - ramp, ramp }
            };
            let smallest = SMALLEST.max(4 * ramp);
            if let TileSize::Pixels(side) = tiling.size {
                return cores((side as usize).max(smallest));
            }
            let smallest = cores(smallest);
            Cut::cheapest(size, grid, smallest, |[height, width]| {
                let is_low = height <= smallest.read[0] || self.band([height, size[1]], channels) <= budget;
                height * width <= most && is_low
            })
        };
        let usual = with(tiling.overlap.unwrap_or(OVERLAP).min(radius.unwrap_or(usize::MAX)));
        let exact = radius.filter(|_| tiling.overlap.is_none()).map(with);
        let affordable = usual.work(size, grid) as f64 * MOST_FOR_EXACT;
        Ok(exact.filter(|exact| exact.work(size, grid) as f64 <= affordable).unwrap_or(usual))
    }

    /// Bytes that a tile of a picture of this size needs, if it is cut in this way.
    pub(crate) fn needs(&self, size: [usize; 2], channels: usize, tiling: &Tiling) -> Result<usize> {
        let padded = size.map(|side| self.side(side));
        self.bytes(self.cut(padded, channels, tiling, tiling.memory)?.read)
    }

    /// The most pixels of a tile for which `budget` bytes are enough.
    fn most(&self, size: [usize; 2], budget: usize) -> Result<usize> {
        let (mut enough, mut scarce) = (0, size[0].max(size[1]));
        while scarce - enough > 8 {
            let side = usize::midpoint(enough, scarce);
            *(if self.bytes([side; 2])? <= budget { &mut enough } else { &mut scarce }) = side;
        }
        Ok(enough * enough)
    }

    /// Begins to make these rows of a tile's picture: then there are [`Network::rows`]. `watcher` is told the share of the work that is
    /// done, and says whether to go on.
    pub(crate) fn begin(&mut self, input: &Pixels, rows: Range<usize>, watcher: Share) -> Result<()> {
        let size = (input.height(), input.width());
        // Memory first, then the new size.
        let usable = self.compiled.take().filter(|compiled| compiled.size == size);
        let compiled = match usable.or_else(|| self.engine.idle.take(size, self.precision)) {
            Some(compiled) => compiled,
            None => {
                let program = self.plans(&input.shape())?.compile(&*self.engine.device, self.precision)?;
                Compiled { size, precision: self.precision, program }
            }
        };
        self.compiled.insert(compiled).program.begin(input, rows, watcher)
    }

    /// The first of these rows of the picture, in the network's own memory: at least one, and as many as are made at once.
    pub(crate) fn rows(&mut self, rows: Range<usize>, watcher: Share) -> Result<Pixels<'_>> {
        self.program()?.rows(rows, watcher)
    }

    /// All of these rows, in memory of their own.
    pub(crate) fn all_rows(&mut self, rows: Range<usize>, watcher: Share) -> Result<Pixels<'static>> {
        self.program()?.all_rows(rows, watcher)
    }

    fn program(&mut self) -> Result<&mut Program> {
        let nothing = || Error::request("the network has begun no picture yet");
        Ok(&mut self.compiled.as_mut().ok_or_else(nothing)?.program)
    }

    fn plans(&self, input: &Shape) -> Result<Plans> {
        let Engine { model, device, divided, .. } = &*self.engine;
        match model.graph_for([input[2], input[3]]) {
            Cow::Borrowed(_) => Plans::new(divided, input, &**device, self.precision),
            Cow::Owned(graph) => Plans::new(&Divided::not(graph), input, &**device, self.precision),
        }
    }

    /// Bytes that a tile of this height and width needs: the network's, and its input.
    fn bytes(&self, size: [usize; 2]) -> Result<usize> {
        let size = size.map(|side| self.side(side));
        if let Some(&bytes) = self.engine.bytes().get(&(size, self.precision)) {
            return Ok(bytes);
        }
        let ([height, width], channels) = (size, self.engine.model.info().input_channels);
        let plans = self.plans(&Shape::image(1, channels, height, width))?;
        let input = channels.saturating_mul(height * width * size_of::<f32>());
        let bytes = plans.bytes(&*self.engine.device, self.precision).saturating_add(input);
        let mut known = self.engine.bytes();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert((size, self.precision), bytes);
        Ok(bytes)
    }

    /// Bytes of the results of rows of tiles of this size.
    fn band(&self, [height, width]: [usize; 2], channels: usize) -> usize {
        let scale = self.scale();
        (height * scale * scale * channels * size_of::<f32>()).saturating_mul(width)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(compiled) = self.compiled.take() {
            self.engine.idle.keep(compiled);
        }
    }
}

#[cfg(test)]
mod tests {
    use amplio_cpu::Cpu;

    use super::*;

    #[test]
    fn tiles_are_as_wide_as_memory_allows_where_rows_are_long() {
        let device = Arc::new(Cpu::best(1).expect("a device"));
        let model = Model::builtin("realesr-general-x4v3").expect("a model");
        let network = Network::new(Arc::new(Engine::new(Arc::new(model), device)), Precision::Fast);
        let cut = |size| network.cut(size, 3, &Tiling::default(), 64 << 20).expect("a cut");
        for size in [[300, 1500], [900, 900], [300, 60_000], [1500, 300]] {
            let cut = cut(size);
            let [height, width] = cut.read;
            let most = network.most(size, 64 << 20).expect("pixels");
            assert!((most / 2..=most).contains(&(height * width)), "{cut:?}, not {most} pixels");
            assert!(
                height == size[0].min(16 + 2 * cut.reach(network.grid()))
                    || network.band([height, size[1]], 3) <= 64 << 20
            );
        }
    }
}
