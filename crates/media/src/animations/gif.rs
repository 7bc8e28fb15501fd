//! GIF 89a (<https://www.w3.org/Graphics/GIF/spec-gif89a.txt>), with the looping extension that all viewers know. A count
//! of n in it means n plays after the first one.
//!
//! The background is transparent, whatever the file says, as in all viewers.

use std::io::{self, Read};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, MemoryLimit, Repeat};

use super::canvas::{Blend, Canvas, Dispose, Part, Rect};
use super::{Animated, Delay, Frame, Limits, Loops, Opened, check};
use crate::images;
use crate::{Channels, Depth, Error, Header, Image, Metadata, Result, convert};

mod palette;
mod write;

pub(crate) use write::still;

pub(super) static ANIMATED: Animated =
    Animated { format: &images::gif::FORMAT, open, write: Some(write::open) };

/// Ticks per second.
const TICKS: u32 = 100;

fn decoding_error(error: DecodingError) -> Error {
    match error {
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => {
            Error::Limit { what: "a frame of a GIF file is too large".into(), limit: u64::from(u32::MAX) }
        }
        error => Error::malformed("gif", error),
    }
}

/// A file, and after it the trailer that it may lack.
struct Source<'a> {
    rest: &'a [u8],
    /// Whether the added trailer was read, because the file has none.
    cut: Arc<AtomicBool>,
}

const TRAILER: u8 = 0x3B;

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.rest.read(buffer)? {
            0 if !buffer.is_empty() && !self.cut.swap(true, Ordering::Relaxed) => {
                buffer[0] = TRAILER;
                Ok(1)
            }
            read => Ok(read),
        }
    }
}

/// The frames of a file, one after the other.
struct Frames<'a> {
    decoder: Decoder<Source<'a>>,
    /// Whether the file has ended.
    cut: Arc<AtomicBool>,
    canvas: Canvas<u8>,
    most: u64,
    buffer: Vec<u8>,
}

impl<'a> Frames<'a> {
    fn new(bytes: &'a [u8], limits: &Limits) -> Result<(Self, Header)> {
        let most = limits.picture.max_bytes;
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        options.set_memory_limit(NonZeroU64::new(most).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
        let cut = Arc::new(AtomicBool::new(false));
        let decoder = options.read_info(Source { rest: bytes, cut: cut.clone() }).map_err(decoding_error)?;
        let (width, height) = (decoder.width().into(), decoder.height().into());
        let header = Header::new(width, height, Channels::Rgba, Depth::U8);
        if width == 0 || height == 0 {
            return Err(Error::malformed("gif", format!("a canvas of {width}x{height} pixels")));
        }
        limits.picture.check(&header)?;
        let canvas = Canvas::new(&header);
        Ok((Frames { decoder, cut, canvas, most, buffer: Vec::new() }, header))
    }

    /// Shows the next frame on the canvas, and says for how long.
    fn advance(&mut self) -> Result<Option<Delay>> {
        let Some(frame) = self.decoder.next_frame_info().map_err(decoding_error)? else { return Ok(None) };
        let rect = Rect {
            x: frame.left.into(),
            y: frame.top.into(),
            width: frame.width.into(),
            height: frame.height.into(),
        };
        let delay = Delay::new(frame.delay.into(), TICKS);
        let dispose = match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Dispose::Keep,
            DisposalMethod::Background => Dispose::Background,
            DisposalMethod::Previous => Dispose::Previous,
        };
        let bytes = u64::from(rect.width) * u64::from(rect.height) * 4;
        if bytes > self.most {
            let what = format!("a frame of {}x{} pixels is too large", rect.width, rect.height);
            return Err(Error::Limit { what, limit: self.most });
        }
        self.buffer.resize(bytes as usize, 0);
        self.decoder.read_into_buffer(&mut self.buffer).map_err(decoding_error)?;
        if self.cut.load(Ordering::Relaxed) {
            return Err(Error::malformed("gif", "the file ends before the frame does"));
        }
        self.canvas.show(&Part { rect, samples: &self.buffer, blend: Blend::Over, dispose });
        Ok(Some(delay))
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        let delay = self.advance().transpose()?;
        Some(delay.map(|delay| Frame { samples: self.canvas.samples(), delay }))
    }
}

/// How many frames there are, found without decoding them, and what the file says beside them.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Opened<'a>>> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let cut = Arc::new(AtomicBool::new(false));
    let source = Source { rest: bytes, cut: cut.clone() };
    let Ok(mut scan) = options.read_info(source) else { return Ok(None) };
    let mut frames = 0;
    loop {
        match scan.next_frame_info() {
            Ok(None) => break,
            Ok(Some(_)) => frames += 1,
            // The reader of single pictures says what is wrong.
            Err(_) if frames < 2 => return Ok(None),
            Err(error) => return Err(decoding_error(error)),
        }
    }
    if frames < 2 {
        return Ok(None);
    }
    let (source, header) = Frames::new(bytes, limits)?;
    check(limits, &header, frames)?;
    let loops = match scan.repeat() {
        Repeat::Infinite => Loops::Forever,
        Repeat::Finite(more) => Loops::Times(u32::from(more) + 1),
    };
    let metadata = metadata(&scan);
    let cut = cut.load(Ordering::Relaxed);
    Ok(Some(Opened { header, frames, loops, metadata, cut, source: Box::new(source) }))
}

/// The shape of the first picture; with alpha if anything might shine through.
pub(crate) fn header(bytes: &[u8]) -> Result<Header> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(bytes).map_err(decoding_error)?;
    let (width, height) = (decoder.width(), decoder.height());
    let frame = decoder.next_frame_info().map_err(decoding_error)?;
    let frame = frame.ok_or_else(|| Error::malformed("gif", "there is no picture in it"))?;
    let whole = (frame.left, frame.top) == (0, 0) && frame.width >= width && frame.height >= height;
    let channels = Channels::of(3, !whole || frame.transparent.is_some());
    Ok(Header::new(width.into(), height.into(), channels, Depth::U8))
}

/// The first picture, on its canvas.
pub(crate) fn first(bytes: &[u8], limits: &images::Limits) -> Result<Image> {
    let header = header(bytes)?;
    let (mut frames, stored) = Frames::new(bytes, &Limits { picture: *limits, ..Limits::default() })?;
    frames.advance()?.ok_or_else(|| Error::malformed("gif", "there is no picture in it"))?;
    let mut image = Image::new(header, convert(&frames.canvas.samples(), &stored, &header)?)?;
    image.metadata = metadata(&frames.decoder);
    Ok(image)
}

fn metadata<R: Read>(decoder: &Decoder<R>) -> Metadata {
    Metadata {
        icc: decoder.icc_profile().map(<[u8]>::to_vec),
        xmp: decoder.xmp_metadata().map(<[u8]>::to_vec),
        ..Metadata::default()
    }
}
