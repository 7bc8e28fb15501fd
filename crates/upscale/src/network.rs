use std::borrow::Cow;
use std::sync::Arc;

use amplio_graph::{Device, Pixels, Precision, Shape};
use amplio_media::Channels;
use amplio_models::Model;

use crate::divided::Divided;
use crate::idle::{Compiled, Idle};
use crate::passes::{Pass, passes};
use crate::program::{Plans, Share};
use crate::tiles::Cut;
use crate::{Error, Result, TileSize, Tiling};

/// The side of the picture from which the memory for one pixel is estimated.
const PROBE: usize = 256;

/// The exact margin is affordable as long as tiles compute at most so many pixels for each one that they contribute.
const MOST_OVERHEAD: f64 = 2.5;

/// What tiles overlap in all, on each side, where the exact margin is not affordable.
const OVERLAP: usize = 48;

/// The smallest core of a tile.
const SMALLEST: usize = 16;

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
}

impl Engine {
    pub(crate) fn new(model: Arc<Model>, device: Arc<dyn Device>) -> Self {
        let divided = Divided::new(model.graph(), &*device);
        Self { model, device, divided, idle: Idle::default() }
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

    /// How to cut a picture of this size so that a tile needs at most `budget` bytes, and so does a row of results of
    /// `channels` channels.
    pub(crate) fn cut(
        &self,
        size: [usize; 2],
        channels: usize,
        tiling: &Tiling,
        budget: usize,
    ) -> Result<Cut> {
        let radius = self.engine.model.info().radius;
        let whole = Cut { core: size, margin: 0, ramp: 0 };
        match tiling.size {
            TileSize::Off => return Ok(whole),
            TileSize::Auto if self.bytes(size)? <= budget && self.band(size, channels) <= budget => {
                return Ok(whole);
            }
            TileSize::Auto | TileSize::Pixels(_) => {}
        }
        let pixel = self.bytes([PROBE; 2])?.div_ceil(PROBE * PROBE).max(1);
        let most = (budget / pixel).max(SMALLEST * SMALLEST);
        let square = most.isqrt();
        let affordable = |radius: usize| {
            let core = square.saturating_sub(2 * radius) as f64;
            most as f64 <= MOST_OVERHEAD * core * core
        };
        let usual = radius.filter(|&radius| affordable(radius)).unwrap_or(OVERLAP);
        let overlap = tiling.overlap.unwrap_or(usual).min(radius.unwrap_or(usize::MAX));
        let ramp = if radius == Some(overlap) { 0 } else { overlap / 3 };
        let smallest = SMALLEST.max(4 * ramp);
        let core = match tiling.size {
            TileSize::Pixels(side) => [(side as usize).max(smallest); 2],
            TileSize::Auto | TileSize::Off => {
                // As high as a row of results allows, and then as wide as the tile's memory allows.
                let rows = (budget / 2 / self.band([1, size[1]], channels).max(1)).saturating_sub(2 * ramp);
                let height = square.saturating_sub(2 * overlap).min(rows).min(size[0]).max(smallest);
                let width = (most / (height + 2 * overlap)).saturating_sub(2 * overlap).max(smallest);
                [height, width]
            }
        };
        Ok(Cut { core, margin: overlap - ramp, ramp })
    }

    /// Makes a picture of a tile: [`Network::result`]. `watcher` is told the share of the work that is done, and says whether to
    /// go on.
    pub(crate) fn run(&mut self, input: &Pixels, watcher: Share) -> Result<()> {
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
        self.compiled.insert(compiled).program.run(input, watcher)
    }

    /// The picture that the last run made, in the network's own memory.
    pub(crate) fn result(&mut self) -> Result<Pixels<'_>> {
        let nothing = || Error::request("the network has made no picture yet");
        self.compiled.as_mut().ok_or_else(nothing)?.program.result()
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
        let channels = self.engine.model.info().input_channels;
        let [height, width] = size.map(|side| self.side(side));
        let plans = self.plans(&Shape::image(1, channels, height, width))?;
        let input = channels.saturating_mul(height * width * size_of::<f32>());
        Ok(plans.bytes(&*self.engine.device, self.precision).saturating_add(input))
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
