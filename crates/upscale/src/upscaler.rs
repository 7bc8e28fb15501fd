use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use amplio_graph::{Device, Precision};
use amplio_media::images::RowWriter;
use amplio_media::{Channels, Depth, Header, Image, Samples, Transfer, alpha, colour, convert_floats};
use amplio_models::Model;

use crate::held::Held;
use crate::network::{Engine, Network};
use crate::progress::{Meter, Watcher};
use crate::rows::crop::Crop;
use crate::rows::network::Networked;
use crate::rows::resampled::Resampled;
use crate::rows::source::{Source, check_numbers};
use crate::rows::{Frame, Rows};
use crate::target::{Extent, Target};
use crate::{Error, Result};

/// Samples that go to the writer at once.
const BAND: usize = 1 << 19;

/// Bands that may wait for the writer.
const WAITING: usize = 2;

/// More networks in a chain than this would enlarge a pixel to a whole picture.
const LONGEST_CHAIN: usize = 8;

/// A result is black below this: half of the smallest step of 8 bits.
const BLACK: f32 = 0.5 / 255.0;

/// A picture that is brighter than this may not become black. Darker ones may: the first frames of a film that fades in.
const VISIBLE: f32 = 16.0 / 255.0;

/// Makes pictures larger: a model on a device.
///
/// What was compiled for one picture is kept for the next one of its size, as long as the upscaler or a clone of it lives.
/// Several threads may enlarge pictures at a time.
#[derive(Clone)]
pub struct Upscaler {
    engine: Arc<Engine>,
    held: Held,
}

/// How a picture is to be enlarged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Request {
    /// The size of the result.
    pub target: Target,
    /// How the picture is cut into tiles.
    pub tiling: Tiling,
    /// How exactly the network computes; by the bits of the result if `None`: fast for 8, exact for more. What is exact for 8 bits is
    /// not for more, so exact is full there.
    pub precision: Option<Precision>,
    /// The bits of a sample that count; those of the result's depth if `None`. Frames of a video pass through 16 bits, but may end
    /// in 8.
    pub bits: Option<u32>,
    /// The bytes that pictures take together which are made side by side, as the pages of an archive or the frames of a film; four times
    /// what the tile of one may take if `None`.
    pub side_by_side: Option<usize>,
}

/// The bits for which exact precision is exact.
const EXACT_BITS: u32 = 8;

/// How a picture is cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// The size of the tiles.
    pub size: TileSize,
    /// What tiles overlap on each side, in pixels of the network's input; from the network's reach if `None`.
    pub overlap: Option<usize>,
    /// The bytes that the network's tile may take, and at most as much again for the results of tiles side by side. 704 MiB by default:
    /// more saves little, as a deep network then reads a tenth more pixels of a picture of 1024x1024 than it has. A tile whose numbers
    /// fewer bits cannot carry is computed in full precision, and takes up to twice as much.
    pub memory: usize,
}

/// The size of the tiles into which a picture is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TileSize {
    /// From the memory that may be used and from how far the network sees.
    #[default]
    Auto,
    /// The whole picture at once.
    Off,
    /// Tiles of about this many pixels on a side, overlaps not counted.
    Pixels(u32),
}

impl Default for Tiling {
    fn default() -> Self {
        Self { size: TileSize::Auto, overlap: None, memory: 704 << 20 }
    }
}

impl Request {
    /// The bytes for pictures side by side.
    pub(crate) fn room(&self) -> usize {
        self.side_by_side.unwrap_or(self.tiling.memory.saturating_mul(4))
    }

    /// How exactly the network computes for a result of this depth.
    fn precision_for(&self, depth: Depth) -> Precision {
        let bits = self.bits.unwrap_or(if depth == Depth::U8 { 8 } else { 16 });
        match (self.precision, bits <= EXACT_BITS) {
            (None, true) => Precision::Fast,
            (None | Some(Precision::Exact), false) => Precision::Full,
            (Some(precision), _) => precision,
        }
    }
}

impl Upscaler {
    /// A model on a device.
    pub fn new(model: Arc<Model>, device: Arc<dyn Device>) -> Self {
        Self { engine: Arc::new(Engine::new(model, device)), held: Held::default() }
    }

    /// The same, but tiles that show what they showed in an earlier picture are not computed again; they and their results take
    /// at most `room` bytes.
    pub(crate) fn holding(&self, room: usize) -> Self {
        Self { held: Held::new(room), ..self.clone() }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.engine.model
    }

    /// Does work on one of the device's threads ([`Device::within`]). Where several pictures are enlarged at a time, each may so stay
    /// on a thread from end to end, instead of all of them meeting at the end of each layer. The work must not wait for
    /// anything but the device, and watchers in it must not either.
    ///
    /// # Errors
    /// Those of the work.
    pub fn within<R: Send>(&self, work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
        let (mut work, mut result) = (Some(work), Err(Error::Stopped));
        self.engine.device.within(&mut || {
            if let Some(work) = work.take() {
                result = work();
            }
        });
        result
    }

    /// The header of the result for a picture with this header: its size, and the same channels and depth.
    ///
    /// # Errors
    /// If the size cannot be met.
    pub fn result(&self, picture: &Header, target: &Target) -> Result<Header> {
        let (width, height) = self.extent(picture, target)?.size();
        Ok(Header { width, height, ..*picture })
    }

    /// About how many bytes it takes to make a picture with this header larger: itself, the tiles of networks, and the result.
    ///
    /// # Errors
    /// If the size cannot be met.
    pub fn memory(&self, picture: &Header, request: &Request) -> Result<usize> {
        let extent = self.extent(picture, &request.target)?;
        let result = self.result(picture, &request.target)?;
        let precision = request.precision_for(result.depth);
        let mut size = [picture.height as usize, picture.width as usize];
        let mut bytes = usize::try_from(picture.bytes().saturating_add(result.bytes())).unwrap_or(usize::MAX);
        for _ in 0..self.chain(picture, extent.scaled)? {
            let network = Network::new(self.engine.clone(), precision);
            let needed = network.needs(size, picture.channels.count(), &request.tiling)?;
            bytes = bytes.saturating_add(needed);
            size = size.map(|side| side * network.scale());
        }
        Ok(bytes)
    }

    /// The threads of the device.
    pub(crate) fn threads(&self) -> usize {
        self.engine.device.threads()
    }

    /// Enlarges a picture in memory; the result has its channels, depth and metadata.
    ///
    /// # Errors
    /// If the size cannot be met, the network fails or gives no picture, or the watcher says stop.
    pub fn enlarge(&self, image: Image, request: &Request, watcher: Watcher) -> Result<Image> {
        let header = self.result(&image.header(), &request.target)?;
        let metadata = image.metadata.clone();
        let samples = self.whole(image, request, &header, watcher)?;
        let mut result = Image::new(header, samples)?;
        result.metadata = metadata;
        Ok(result)
    }

    /// Enlarges a picture into a writer that was opened for `header`, which has the size that [`Upscaler::result`] says and
    /// may differ from the picture in depth and channels. Rows are written, on a thread of their own, as they are made.
    ///
    /// # Errors
    /// As [`Upscaler::enlarge`], and if writing fails. The file is then incomplete.
    pub fn enlarge_into(
        &self,
        image: Image,
        request: &Request,
        header: &Header,
        writer: Box<dyn RowWriter>,
        watcher: Watcher,
    ) -> Result<()> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<Samples>(WAITING);
            let writing = scope.spawn(move || {
                let mut writer = writer;
                for band in receiver {
                    writer.write_rows(&band)?;
                }
                Ok::<_, amplio_media::Error>(writer)
            });
            let made = self.flow(image, request, header, watcher, &mut |band| send(&sender, band));
            drop(sender);
            let written = writing.join().map_err(|_| Error::request("the writer of the picture panicked"))?;
            match (made, written) {
                // A writer that fails stops listening; its own error is the cause.
                (Ok(()), Ok(writer)) => Ok(writer.finish()?),
                (_, Err(e)) => Err(e.into()),
                (Err(e), Ok(_)) => Err(e),
            }
        })
    }

    /// The samples of a picture's result, in the shape of `header`.
    pub(crate) fn whole(
        &self,
        image: Image,
        request: &Request,
        header: &Header,
        watcher: Watcher,
    ) -> Result<Samples> {
        // Room only when there is something for it: not for pictures of a size that cannot be.
        let mut samples = None;
        self.flow(image, request, header, watcher, &mut |band| {
            append(samples.get_or_insert_with(|| empty(header)), &band);
            Ok(())
        })?;
        Ok(samples.unwrap_or_else(|| empty(header)))
    }

    /// Sends the result to `sink`, band by band.
    pub(crate) fn flow(
        &self,
        mut image: Image,
        request: &Request,
        header: &Header,
        watcher: Watcher,
        sink: &mut dyn FnMut(Samples) -> Result<()>,
    ) -> Result<()> {
        let extent = self.extent(&image.header(), &request.target)?;
        if extent.size() != (header.width, header.height) {
            let what =
                format!("the result is {:?} pixels, not {}x{}", extent.size(), header.width, header.height);
            return Err(Error::request(what));
        }
        check_numbers(&image)?;
        if image.channels.has_alpha() {
            alpha::bleed(&mut image, self.engine.model.info().radius.unwrap_or(64).min(64) as u32);
        }
        let meter = Meter::new(watcher);
        let source = Source::new(&image)?;
        let (channels, peak) = (image.channels, source.peak());
        let mut rows = Box::new(source) as Box<dyn Rows + '_>;
        let precision = request.precision_for(header.depth);
        for stage in 0..self.chain(&image.header(), extent.scaled)? {
            let network = Network::new(self.engine.clone(), precision);
            let networked = Networked::new(rows, channels, network, request.tiling, &meter)?;
            meter.expect(networked.work());
            rows = Box::new(networked.holding(self.held.stage(stage)));
        }
        let Frame { width, height, .. } = rows.frame();
        if (width, height) != (extent.scaled.0 as usize, extent.scaled.1 as usize) {
            rows = Box::new(Resampled::new(rows, channels, extent.scaled)?);
        }
        if extent.size() != extent.scaled {
            let [columns, lines] = [&extent.columns, &extent.rows].map(|r| r.start as usize..r.end as usize);
            rows = Box::new(Crop::new(rows, columns, lines));
        }

        let frame = rows.frame();
        let made = Header { depth: Depth::F32, channels, transfer: Transfer::Encoded, ..*header };
        let mut is_black = true;
        let band = (BAND / frame.row()).max(1);
        for first in (0..frame.height).step_by(band) {
            let samples = rows.read(first..(first + band).min(frame.height))?;
            is_black = is_black && !shows(samples, channels);
            sink(match peak == 1.0 {
                true => convert_floats(samples, &made, header)?,
                false => {
                    let linear = Header { transfer: Transfer::Linear, ..made };
                    convert_floats(&brightened(samples, channels, peak), &linear, header)?
                }
            })?;
        }
        if is_black && brightest(&image) >= VISIBLE {
            return Err(Error::Black);
        }
        meter.check()
    }

    fn extent(&self, picture: &Header, target: &Target) -> Result<Extent> {
        target.extent(picture.width, picture.height, self.engine.model.info().scale as f64)
    }

    /// How many times the network runs, one after the other, to reach the size; a resampler does the rest.
    fn chain(&self, picture: &Header, scaled: (u32, u32)) -> Result<usize> {
        let scale = self.engine.model.info().scale as u64;
        if scale == 1 {
            return Ok(1);
        }
        let reached = |stages: usize| {
            let factor = scale.pow(stages as u32);
            u64::from(picture.width) * factor >= u64::from(scaled.0)
                && u64::from(picture.height) * factor >= u64::from(scaled.1)
        };
        (0..=LONGEST_CHAIN).find(|&stages| reached(stages)).ok_or_else(|| {
            Error::request(format!(
                "{}x{} pixels are too many for a picture of {}x{}",
                scaled.0, scaled.1, picture.width, picture.height
            ))
        })
    }
}

/// The brightest colour sample of a picture; 1 is white.
fn brightest(image: &Image) -> f32 {
    match &image.samples {
        Samples::U8(v) => brightest_of(v.iter().map(|&v| f32::from(v) / 255.0), image.channels),
        Samples::U16(v) => brightest_of(v.iter().map(|&v| f32::from(v) / 65535.0), image.channels),
        Samples::F32(v) => brightest_of(v.iter().map(|&v| colour::from_linear(v)), image.channels),
    }
}

/// Whether any colour sample of a row of pixels is brighter than black; most pictures tell with the first ones.
fn shows(samples: &[f32], channels: Channels) -> bool {
    let mut pixels = samples.chunks_exact(channels.count());
    pixels.any(|pixel| pixel[..channels.colours()].iter().any(|&v| v >= BLACK))
}

/// The brightest of interleaved samples, alpha left out.
fn brightest_of(samples: impl Iterator<Item = f32>, channels: Channels) -> f32 {
    let colours = samples.enumerate().filter(|(i, _)| i % channels.count() < channels.colours());
    colours.map(|(_, v)| v).fold(0.0, f32::max)
}

/// Samples of a float picture as light, with the brightness that was taken from it.
fn brightened(samples: &[f32], channels: Channels, peak: f32) -> Vec<f32> {
    let mut light = samples.to_vec();
    for pixel in light.chunks_exact_mut(channels.count()) {
        pixel[..channels.colours()].iter_mut().for_each(|v| *v = colour::to_linear(*v * peak));
    }
    light
}

fn send(sender: &SyncSender<Samples>, band: Samples) -> Result<()> {
    sender.send(band).map_err(|_| Error::Stopped)
}

/// No samples, with room for those of a picture.
fn empty(header: &Header) -> Samples {
    let samples = header.row_samples() * header.height as usize;
    match header.depth {
        Depth::U8 => Samples::U8(Vec::with_capacity(samples)),
        Depth::U16 => Samples::U16(Vec::with_capacity(samples)),
        Depth::F32 => Samples::F32(Vec::with_capacity(samples)),
    }
}

/// Adds samples of the same depth.
fn append(to: &mut Samples, more: &Samples) {
    match (to, more) {
        (Samples::U8(to), Samples::U8(more)) => to.extend_from_slice(more),
        (Samples::U16(to), Samples::U16(more)) => to.extend_from_slice(more),
        (Samples::F32(to), Samples::F32(more)) => to.extend_from_slice(more),
        _ => {}
    }
}
