//! Frames made larger one after the other, in order, while the next ones are read and the last ones are written.

mod pipeline;
mod repeats;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use amplio_media::videos::{Colour, Format, Frame, from_image, to_image};

use crate::progress::heard;
use crate::{Error, Request, Result, Upscaler};
use repeats::{Step, Steps};

pub use repeats::Dedup;

/// How the frames of a film are made larger.
#[derive(Clone)]
pub struct Film<'a> {
    /// The network.
    pub upscaler: &'a Upscaler,
    /// The size, as for a picture. The bits that count are those of `format`.
    pub request: Request,
    /// What the samples of the source mean, resolved by its size ([`Colour::resolved`]).
    pub read: Colour,
    /// The pixel format of the results. Where it subsamples chroma, the last samples of sides that it does not fit
    /// ([`Format::fits`]) stand for fewer pixels: nothing is cropped, but many encoders refuse such sizes.
    pub format: &'static Format,
    /// What the samples of the results mean ([`Colour::written`]).
    pub write: Colour,
    /// How many frames are worked on at the same time, at least 1; each takes the memory of a network. The result does not depend
    /// on it.
    pub lanes: usize,
    /// Whether frames stay on the device's threads from end to end ([`Upscaler::within`]), which is faster where nobody else uses
    /// the device meanwhile. The watcher must then not wait for anybody. The result does not depend on it.
    pub alone: bool,
    /// Which frames are not computed. Unless it is off, tiles that show what they showed in an earlier frame are not computed
    /// either, which changes no bit; they take as much memory as the request's tiling gives.
    pub dedup: Dedup,
}

/// How far a film has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FilmProgress {
    /// Frames that were written.
    pub frames: u64,
    /// Those of them for which an earlier result was used again.
    pub repeated: u64,
    /// What is done of the frames in work, in frames.
    pub begun: f64,
}

/// Asked again and again, also within a frame and from several threads: what was reached, and whether to go on.
pub type FilmWatcher<'a> = &'a (dyn Fn(FilmProgress) -> ControlFlow<()> + Sync);

/// A frame that was made, or the time at which the last one is shown again.
enum Made {
    New(Frame),
    Again(i64),
}

impl Film<'_> {
    /// Makes all frames larger and gives them to `sink` in order, each with the time of the frame that it was made from.
    ///
    /// `frames` is read on a thread of its own, `sink` is called on this one, and a few frames lie between them however long
    /// the film is. All frames must have the format and size of the first. The sink has had every frame before
    /// the one that failed when this returns with an error; after an error of the sink, or when the watcher
    /// says stop, `frames` may be asked for one more.
    ///
    /// # Errors
    /// Those of `frames` and `sink`; as [`Upscaler::enlarge`]; if a frame has another shape than the first or a colour matrix
    /// that is not supported.
    pub fn enlarge(
        &self,
        frames: impl Iterator<Item = Result<Frame>> + Send,
        sink: &mut dyn FnMut(&Frame) -> Result<()>,
        watcher: FilmWatcher,
    ) -> Result<FilmProgress> {
        let lanes = self.lanes.max(1);
        let meter = Meter::new(lanes, watcher);
        let upscaler = match self.dedup {
            Dedup::Off => self.upscaler.clone(),
            Dedup::Exact | Dedup::Near(_) => self.upscaler.holding(self.request.tiling.memory),
        };
        let mut last = None;
        let mut write = |made: Made| {
            let again = matches!(made, Made::Again(_));
            let frame = match (made, last.take()) {
                (Made::New(frame), _) => frame,
                (Made::Again(pts), Some(frame)) => Frame { pts, ..frame },
                (Made::Again(_), None) => return Err(Error::request("the first frame repeats none")),
            };
            sink(&frame)?;
            last = Some(frame);
            meter.written(again)
        };
        let work = |lane: usize, step: Step| match step {
            Step::New(frame) => {
                let made = || self.frame(&upscaler, &frame, &meter, lane);
                if self.alone { upscaler.within(made) } else { made() }.map(Made::New)
            }
            Step::Again(pts) => Ok(Made::Again(pts)),
        };
        pipeline::ordered(lanes, Steps::new(frames, self.dedup), &work, &mut write, &meter.halted)?;
        Ok(meter.progress())
    }

    /// Makes one frame larger.
    fn frame(&self, upscaler: &Upscaler, frame: &Frame, meter: &Meter, lane: usize) -> Result<Frame> {
        let image = to_image(frame, &self.read)?;
        let request = Request { bits: Some(self.format.bits), ..self.request };
        let image = upscaler.enlarge(image, &request, &|p| meter.ask(lane, p.fraction))?;
        let data = from_image(&image, self.format, &self.write)?;
        meter.begun(lane, 0.0);
        Ok(Frame::new(self.format, image.width, image.height, data, frame.pts)?)
    }
}

/// Adds up the work of all lanes, and tells them when to stop.
struct Meter<'a> {
    watcher: FilmWatcher<'a>,
    frames: AtomicU64,
    repeated: AtomicU64,
    /// For each lane, what is done of its frame, as the bits of a float.
    begun: Vec<AtomicU64>,
    halted: AtomicBool,
}

impl<'a> Meter<'a> {
    fn new(lanes: usize, watcher: FilmWatcher<'a>) -> Self {
        let [frames, repeated] = [AtomicU64::new(0), AtomicU64::new(0)];
        let begun = (0..lanes).map(|_| AtomicU64::new(0)).collect();
        Self { watcher, frames, repeated, begun, halted: AtomicBool::new(false) }
    }

    fn progress(&self) -> FilmProgress {
        let begun = self.begun.iter().map(|share| f64::from_bits(share.load(Ordering::Relaxed))).sum();
        let [frames, repeated] = [&self.frames, &self.repeated].map(|count| count.load(Ordering::Relaxed));
        FilmProgress { frames, repeated, begun }
    }

    /// Notes how much of a lane's frame is done.
    fn begun(&self, lane: usize, share: f64) {
        self.begun[lane].store(share.to_bits(), Ordering::Relaxed);
    }

    /// Notes how much of a lane's frame is done, and asks whether to go on.
    fn ask(&self, lane: usize, share: f64) -> ControlFlow<()> {
        self.begun(lane, share);
        if self.halted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        (self.watcher)(self.progress())
    }

    /// Counts a frame that was written, and asks whether to go on.
    fn written(&self, again: bool) -> Result<()> {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.repeated.fetch_add(u64::from(again), Ordering::Relaxed);
        heard((self.watcher)(self.progress()))
    }
}
