//! Moving pictures in picture files: GIF, APNG, animated WebP and JPEG XL.
//!
//! Reading gives whole canvases: what a viewer shows while a frame lasts, with the disposal and blending of the format
//! applied. Writing takes whole canvases and stores what changes. Both hold a few canvases in memory, however long the
//! animation is.
//!
//! A format is one file in `animations/` with one constant, and one entry in `FORMATS`.

use crate::images::{self, Format, Limits as PictureLimits, Sink, WriteOptions};
use crate::orientation::Orientation;
use crate::{Channels, Error, Header, Metadata, Result, Samples, convert};

mod canvas;
mod changes;
mod delay;
mod gif;
mod jxl;
mod png;
mod webp;

pub use delay::{Delay, Loops};
pub(crate) use gif::{first as gif_first, header as gif_header, still as gif_still};

/// How GIF makes the colours between those of its palette.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dither {
    /// The error of each pixel goes to its neighbours (Floyd and Steinberg): colours are right from afar.
    #[default]
    Diffusion,
    /// Each pixel takes the nearest colour: no grain, but steps in slopes.
    None,
}

/// How large and how long an animation may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The limits of its canvas.
    pub picture: PictureLimits,
    /// The most frames; a million by default.
    pub max_frames: u32,
    /// The most pixels of all canvases together; 2^38 by default, which is an hour of Full HD.
    pub max_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { picture: PictureLimits::default(), max_frames: 1_000_000, max_pixels: 1 << 38 }
    }
}

/// The animations that a picture format can hold.
pub(crate) struct Animated {
    /// The picture format.
    format: &'static Format,
    /// Opens a file of the format; `None` if it holds no more than one picture.
    open: for<'a> fn(&'a [u8], &Limits) -> Result<Option<Opened<'a>>>,
    /// Begins a file, if this crate can write such animations.
    write: Option<Begin>,
}

/// Begins a file.
type Begin = fn(&Header, &Options, Sink) -> Result<Box<dyn FrameWriter>>;

/// All formats that move.
static FORMATS: &[&Animated] = &[&gif::ANIMATED, &png::ANIMATED, &webp::ANIMATED, &jxl::ANIMATED];

/// What a format finds out before the first frame.
struct Opened<'a> {
    header: Header,
    frames: u32,
    loops: Loops,
    metadata: Metadata,
    cut: bool,
    source: Box<dyn Iterator<Item = Result<Frame>> + Send + 'a>,
}

/// An animation that is being read: an iterator over its frames.
pub struct Animation<'a> {
    /// The picture format of the file.
    pub format: &'static Format,
    /// The shape of every frame: that of the upright canvas.
    pub header: Header,
    /// How many frames there are.
    pub frames: u32,
    /// How often it plays.
    pub loops: Loops,
    /// What the file says beside its frames; the orientation was applied, and the tags say so.
    pub metadata: Metadata,
    /// Whether the file ends without its end mark, so that frames may be missing.
    pub cut: bool,
    orientation: Orientation,
    /// As the format gives frames, and the same without alpha if it is not needed.
    stored: Header,
    kept: Header,
    left: u32,
    source: Box<dyn Iterator<Item = Result<Frame>> + Send + 'a>,
}

/// What an animation shows for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The whole canvas.
    pub samples: Samples,
    /// For how long.
    pub delay: Delay,
}

/// How to write an animation.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How many frames will come. Some formats say it first.
    pub frames: u32,
    /// How often it plays.
    pub loops: Loops,
    /// How GIF makes colours.
    pub dither: Dither,
    /// Fidelity, effort and metadata, as for pictures.
    pub picture: WriteOptions,
}

/// Takes an animation frame by frame and writes it.
pub trait FrameWriter: Send {
    /// Takes the next frame, a whole canvas in the shape of the header given to [`writer`].
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for another shape or too many frames, [`Error::Limit`] for a delay that the format cannot say,
    /// [`Error::Io`] from the sink. After an error the file is broken, and so are all further calls.
    fn write_frame(&mut self, frame: Frame) -> Result<()>;

    /// Completes the file and flushes the sink.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] if frames are missing; [`Error::Io`] from the sink.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Whether a picture file holds more than one picture to be shown one after the other.
///
/// # Errors
///
/// [`Error::Malformed`] if the file is broken, [`Error::Limit`] if it is too much.
pub fn moves(bytes: &[u8], limits: &Limits) -> Result<bool> {
    Ok(begin(bytes, limits)?.is_some())
}

/// Whether a file says that its pictures move, and they do so in a way of which this crate reads the first picture only:
/// AVIF sequences.
pub fn is_beyond_reading(bytes: &[u8]) -> bool {
    bytes.get(4..12) == Some(b"ftypavis")
}

/// Opens a picture file as an animation; `None` if it holds no more than one picture.
///
/// If it has alpha, all frames are decoded once to see whether any needs it; what is never seen through has none.
///
/// # Errors
///
/// [`Error::Malformed`] if the file is broken, [`Error::Limit`] before anything large is allocated.
pub fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Animation<'a>>> {
    let Some((format, opened)) = begin(bytes, limits)? else { return Ok(None) };
    let again = if opened.header.channels.has_alpha() { begin(bytes, limits)? } else { None };
    let alpha = again.map_or(Ok(false), |(_, again)| is_seen_through(again))?;
    let Opened { header: stored, frames, loops, mut metadata, cut, source } = opened;
    let orientation = metadata.orientation();
    metadata.turned(orientation);
    let kept = Header { channels: Channels::of(stored.channels.colours(), alpha), ..stored };
    let header = orientation.upright(kept);
    Ok(Some(Animation {
        format,
        header,
        frames,
        loops,
        metadata,
        cut,
        orientation,
        stored,
        kept,
        left: frames,
        source,
    }))
}

fn begin<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<(&'static Format, Opened<'a>)>> {
    let Some(format) = images::detect(bytes) else { return Ok(None) };
    let Some(animated) = of(format) else { return Ok(None) };
    Ok((animated.open)(bytes, limits)?.map(|opened| (format, opened)))
}

/// Whether any frame has a pixel that is not opaque.
fn is_seen_through(mut opened: Opened) -> Result<bool> {
    let count = opened.header.channels.count();
    for _ in 0..opened.frames {
        let Some(frame) = opened.source.next().transpose()? else { break };
        let seen_through = match &frame.samples {
            Samples::U8(v) => v.chunks_exact(count).any(|pixel| pixel[count - 1] < u8::MAX),
            Samples::U16(v) => v.chunks_exact(count).any(|pixel| pixel[count - 1] < u16::MAX),
            Samples::F32(v) => v.chunks_exact(count).any(|pixel| pixel[count - 1] < 1.0),
        };
        if seen_through {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether animations of a format can be written.
pub fn can_write(format: &Format) -> bool {
    of(format).is_some_and(|animated| animated.write.is_some())
}

/// The names of the formats in which animations can be written.
pub fn writable() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().filter(|animated| animated.write.is_some()).map(|animated| animated.format.name)
}

/// Opens a file for writing frames.
///
/// The header must be one that the format can store as it is: [`Header::fitted`] gives it.
///
/// # Errors
///
/// As [`images::writer`], and [`Error::Misuse`] for an animation without frames.
pub fn writer(
    format: &Format,
    header: &Header,
    options: &Options,
    sink: Sink,
) -> Result<Box<dyn FrameWriter>> {
    let open = of(format).and_then(|animated| animated.write).ok_or_else(|| {
        let names: Vec<_> = writable().collect();
        Error::unsupported(format!("{} cannot move; use one of {}", format.name, names.join(", ")))
    })?;
    let capability = images::check(format, header)?;
    if options.frames == 0 {
        return Err(Error::misuse("an animation without frames cannot be written"));
    }
    let mut options = options.clone();
    options.picture = options.picture.fitted(header, capability);
    let inner = open(header, &options, sink)?;
    Ok(Box::new(Checked { inner, header: *header, left: options.frames, broken: false }))
}

fn of(format: &Format) -> Option<&'static Animated> {
    FORMATS.iter().copied().find(|animated| animated.format == format)
}

/// Whether so many frames of such a canvas are allowed.
fn check(limits: &Limits, header: &Header, frames: u32) -> Result<()> {
    limits.picture.check(header)?;
    if frames > limits.max_frames {
        let what = format!("an animation of {frames} frames is too long");
        return Err(Error::Limit { what, limit: limits.max_frames.into() });
    }
    let pixels = header.pixels().saturating_mul(frames.into());
    if pixels > limits.max_pixels {
        let what = format!(
            "{frames} frames of {}x{} pixels are too much for one animation",
            header.width, header.height
        );
        return Err(Error::Limit { what, limit: limits.max_pixels });
    }
    Ok(())
}

impl Animation<'_> {
    /// What people should know of the file.
    pub fn remark(&self) -> Option<&'static str> {
        self.cut.then_some("the file ends without its end mark; frames may be missing")
    }
}

impl Iterator for Animation<'_> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let frame = match self.source.next() {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.left = 0;
                return Some(Err(error));
            }
            None => {
                let missing = std::mem::take(&mut self.left) + 1;
                let what = format!("{missing} of {} frames are missing", self.frames);
                return Some(Err(Error::malformed(self.format.name, what)));
            }
        };
        let samples = match self.stored == self.kept {
            true => Ok(frame.samples),
            false => convert(&frame.samples, &self.stored, &self.kept),
        };
        Some(samples.map(|samples| Frame { samples: self.orientation.apply(samples, self.kept), ..frame }))
    }
}

/// Checks what callers hand in, so that no format has to.
struct Checked {
    inner: Box<dyn FrameWriter>,
    header: Header,
    left: u32,
    broken: bool,
}

impl FrameWriter for Checked {
    fn write_frame(&mut self, frame: Frame) -> Result<()> {
        let Header { width, height, channels, depth, .. } = self.header;
        let samples = &frame.samples;
        if self.broken {
            return Err(Error::misuse("a frame written after an error"));
        }
        if samples.depth() != depth || samples.len() as u64 != self.header.pixels() * channels.count() as u64
        {
            return Err(Error::misuse(format!(
                "{} {:?} samples are not a frame of {width}x{height} {channels:?} {depth:?} pixels",
                samples.len(),
                samples.depth()
            )));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| Error::misuse("one frame too many"))?;
        let written = self.inner.write_frame(frame);
        self.broken = written.is_err();
        written
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if self.broken {
            return Err(Error::misuse("an animation finished after an error"));
        }
        if self.left > 0 {
            return Err(Error::misuse(format!("{} frames are missing", self.left)));
        }
        self.inner.finish()
    }
}
