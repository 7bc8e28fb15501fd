//! APNG: <https://www.w3.org/TR/png-3/#apng-frame-based-animation>. 8 and 16 bit.

use std::io::Cursor;

use super::canvas::{Blend, Canvas, Dispose, Level, Part, Rect};
use super::changes::{changed, cut};
use super::{Animated, Delay, Frame, FrameWriter, Limits, Loops, Opened, Options, check};
use crate::images::png::{
    self, Recorder, begin, decoding_error, encoder, encoding_error, metadata, reader, shape,
};
use crate::images::{Sink, big_endian, big_endian_bytes};
use crate::{Channels, Depth, Error, Header, Result, Samples, convert};

pub(super) static ANIMATED: Animated = Animated { format: &png::FORMAT, open, write: Some(write) };

/// What an fcTL chunk says.
#[derive(Clone, Copy)]
struct Control {
    rect: Rect,
    delay: Delay,
    dispose: Dispose,
    blend: Blend,
}

/// What the animation chunks of a file say.
struct Controls {
    /// Whether the picture that other programs show is not part of the animation.
    apart: bool,
    plays: u32,
    frames: Vec<Control>,
}

impl Controls {
    /// `None` if there is no animation of two frames or more.
    fn parse(bytes: &[u8]) -> Result<Option<Controls>> {
        let (mut header, mut frames, mut apart) = (None, Vec::new(), false);
        for (name, data) in chunks(bytes) {
            match (name, header) {
                (b"acTL", None) => header = Some((word(data, 0)?, word(data, 4)?)),
                (b"IDAT", None) => return Ok(None),
                (b"IDAT", _) => apart = apart || frames.is_empty(),
                (b"fcTL", Some((count, _))) if (frames.len() as u64) < u64::from(count) => {
                    frames.push(Control::parse(data)?)
                }
                _ => {}
            }
        }
        let Some((count, plays)) = header.filter(|(count, _)| *count > 1) else { return Ok(None) };
        if frames.len() as u64 != u64::from(count) {
            let what = format!("an animation of {count} frames has {}", frames.len());
            return Err(Error::malformed("png", what));
        }
        Ok(Some(Controls { apart, plays, frames }))
    }

    /// Whether the canvas may show through, whatever the pixels are.
    fn show_through(&self, header: &Header) -> bool {
        let whole = Rect { x: 0, y: 0, width: header.width, height: header.height };
        let first = self.frames.first();
        first.is_none_or(|first| first.rect != whole || first.dispose == Dispose::Previous)
            || self.frames.iter().any(|frame| frame.dispose == Dispose::Background)
    }
}

impl Control {
    fn parse(data: &[u8]) -> Result<Control> {
        let short = |at: usize| data.get(at..at + 2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]])));
        let (Some(numerator), Some(denominator), Some(&[dispose, blend])) =
            (short(20), short(22), data.get(24..26).and_then(|b| b.first_chunk()))
        else {
            return Err(Error::malformed("png", "a frame control chunk is too short"));
        };
        Ok(Control {
            rect: Rect {
                width: word(data, 4)?,
                height: word(data, 8)?,
                x: word(data, 12)?,
                y: word(data, 16)?,
            },
            // No denominator means hundredths.
            delay: Delay::new(numerator, if denominator == 0 { 100 } else { denominator }),
            dispose: match dispose {
                1 => Dispose::Background,
                2 => Dispose::Previous,
                _ => Dispose::Keep,
            },
            blend: if blend == 1 { Blend::Over } else { Blend::Source },
        })
    }
}

fn word(data: &[u8], at: usize) -> Result<u32> {
    let bytes =
        data.get(at..at + 4).ok_or_else(|| Error::malformed("png", "an animation chunk is too short"))?;
    Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// The name and the content of each chunk.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or(&[]);
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let name = rest.get(4..8)?.first_chunk()?;
        let data = rest.get(8..8usize.checked_add(length)?)?;
        rest = rest.get(12 + length..).unwrap_or(&[]);
        Some((name, data))
    })
}

fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Opened<'a>>> {
    let Some(controls) = Controls::parse(bytes)? else { return Ok(None) };
    let limit = usize::try_from(limits.picture.max_bytes).unwrap_or(usize::MAX);
    let reader = reader(bytes, limit)?;
    let stored = shape(&reader);
    let through = controls.show_through(&stored);
    let alpha = Header { channels: Channels::of(stored.channels.colours(), true), ..stored };
    let header = if stored.channels.has_alpha() || through { alpha } else { stored };
    let frames = controls.frames.len() as u32;
    check(limits, &alpha, frames)?;
    let loops = if controls.plays == 0 { Loops::Forever } else { Loops::Times(controls.plays) };
    let metadata = metadata(reader.info());
    let parts =
        Parts { reader, stored, header: alpha, controls: controls.frames.into_iter(), buffer: Vec::new() };
    let mut parts = parts;
    if controls.apart {
        parts.decode()?;
    }
    let source: Box<dyn Iterator<Item = Result<Frame>> + Send> = match alpha.depth {
        Depth::U16 => Box::new(Frames { parts, canvas: Canvas::<u16>::new(&alpha), wanted: header }),
        _ => Box::new(Frames { parts, canvas: Canvas::<u8>::new(&alpha), wanted: header }),
    };
    Ok(Some(Opened { header, frames, loops, metadata, cut: false, source }))
}

/// The parts that frames bring, decoded one after the other.
struct Parts<'a> {
    reader: ::png::Reader<Cursor<&'a [u8]>>,
    /// As the file has samples, and the same with alpha.
    stored: Header,
    header: Header,
    controls: std::vec::IntoIter<Control>,
    buffer: Vec<u8>,
}

impl Parts<'_> {
    /// The next picture of the file, with alpha.
    fn decode(&mut self) -> Result<(u32, u32, Samples)> {
        let size = self.reader.output_buffer_size();
        let size = size.ok_or_else(|| Error::malformed("png", "picture size overflows"))?;
        self.buffer.resize(size, 0);
        let info = self.reader.next_frame(&mut self.buffer).map_err(decoding_error)?;
        let (width, height) = (info.width, info.height);
        let (from, to) = (Header { width, height, ..self.stored }, Header { width, height, ..self.header });
        let bytes = self.buffer.get(..from.bytes() as usize).unwrap_or(&self.buffer).to_vec();
        Ok((width, height, convert(&big_endian(bytes, from.depth), &from, &to)?))
    }

    fn next(&mut self) -> Option<Result<(Control, Samples)>> {
        let control = self.controls.next()?;
        let decoded = self.decode().and_then(|(width, height, samples)| {
            match (width, height) == (control.rect.width, control.rect.height) {
                true => Ok((control, samples)),
                false => Err(Error::malformed("png", "a frame does not have the size that it promises")),
            }
        });
        Some(decoded)
    }
}

/// The frames: parts laid on a canvas.
struct Frames<'a, T> {
    parts: Parts<'a>,
    canvas: Canvas<T>,
    wanted: Header,
}

impl<T: Level> Iterator for Frames<'_, T> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        let shown = self.parts.next()?.and_then(|(control, samples)| {
            let Control { rect, delay, dispose, blend } = control;
            let samples = T::of_samples(&samples).ok_or_else(|| Error::misuse("samples of another depth"))?;
            self.canvas.show(&Part { rect, samples, blend, dispose });
            Ok(Frame { samples: convert(&self.canvas.samples(), &self.parts.header, &self.wanted)?, delay })
        });
        Some(shown)
    }
}

fn write(header: &Header, options: &Options, sink: Sink) -> Result<Box<dyn FrameWriter>> {
    let sink = Recorder::new(sink);
    let mut encoder = encoder(header, &options.picture, &sink)?;
    let plays = match options.loops {
        Loops::Forever => 0,
        Loops::Times(plays) => plays.max(1),
    };
    encoder.set_animated(options.frames, plays).map_err(encoding_error)?;
    let writer = begin(encoder, &options.picture.metadata)?;
    Ok(Box::new(ApngWriter { writer, sink, header: *header, before: None }))
}

/// The first frame is whole; of the others, the smallest part that holds what changed.
struct ApngWriter {
    writer: ::png::Writer<Recorder>,
    sink: Recorder,
    header: Header,
    before: Option<Samples>,
}

/// The largest number in a delay.
const MOST: u32 = u16::MAX as u32;

impl FrameWriter for ApngWriter {
    fn write_frame(&mut self, frame: Frame) -> Result<()> {
        let Header { width, channels, .. } = self.header;
        let delay = frame.delay.within(MOST).ok_or_else(|| Error::Limit {
            what: format!("png cannot show a frame for {} seconds", frame.delay.seconds()),
            limit: MOST.into(),
        })?;
        let part = self.before.as_ref().map(|before| {
            let corner = Rect { width: 1, height: 1, ..Rect::default() };
            between(before, &frame.samples, width, channels.count()).unwrap_or(corner)
        });
        let writer = &mut self.writer;
        if let Some(part) = part {
            writer.reset_frame_position().map_err(encoding_error)?;
            writer.set_frame_dimension(part.width, part.height).map_err(encoding_error)?;
            writer.set_frame_position(part.x, part.y).map_err(encoding_error)?;
        }
        writer.set_frame_delay(delay.numerator as u16, delay.denominator as u16).map_err(encoding_error)?;
        writer.set_blend_op(::png::BlendOp::Source).map_err(encoding_error)?;
        writer.set_dispose_op(::png::DisposeOp::None).map_err(encoding_error)?;
        let bytes = match part {
            None => big_endian_bytes(&frame.samples),
            Some(part) => big_endian_bytes(&piece(&frame.samples, width, channels.count(), part)),
        };
        writer.write_image_data(&bytes).map_err(encoding_error)?;
        self.before = Some(frame.samples);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish().map_err(encoding_error)?;
        self.sink.finish()
    }
}

fn between(before: &Samples, after: &Samples, width: u32, count: usize) -> Option<Rect> {
    match (before, after) {
        (Samples::U8(a), Samples::U8(b)) => changed(a, b, width, count),
        (Samples::U16(a), Samples::U16(b)) => changed(a, b, width, count),
        _ => None,
    }
}

fn piece(canvas: &Samples, width: u32, count: usize, part: Rect) -> Samples {
    match canvas {
        Samples::U8(v) => Samples::U8(cut(v, width, count, part)),
        Samples::U16(v) => Samples::U16(cut(v, width, count, part)),
        Samples::F32(v) => Samples::F32(cut(v, width, count, part)),
    }
}
