//! Animated WebP (RFC 9649, section 2.7.1.1). Each frame is a picture of its own, lossy or lossless; the background colour
//! of the file is ignored, as the format allows, and transparent.

use std::io::{Seek, SeekFrom, Write};

use super::canvas::{Blend, Canvas, Dispose, Part, Rect};
use super::changes::{changed, cut};
use super::delay::Clock;
use super::{Animated, Delay, Frame, FrameWriter, Limits, Loops, Opened, Options, check};
use crate::images::webp::{self, chunk, chunks, config, decoder, decoding_error, encode, metadata};
use crate::images::{Sink, WriteOptions, u8s};
use crate::{Channels, Depth, Error, Header, Metadata, Result, Samples, convert};

pub(super) static ANIMATED: Animated = Animated { format: &webp::FORMAT, open, write: Some(write) };

/// Ticks per second.
const TICKS: u32 = 1000;
/// The largest number of three bytes.
const MOST: u32 = (1 << 24) - 1;

/// What an ANMF chunk says, and the chunks of its picture.
struct Control<'a> {
    rect: Rect,
    delay: Delay,
    dispose: Dispose,
    blend: Blend,
    picture: &'a [u8],
}

fn malformed(what: &str) -> Error {
    Error::malformed("webp", what)
}

/// A number of three bytes.
fn number(data: &[u8], at: usize) -> Result<u32> {
    let bytes = data.get(at..at + 3).ok_or_else(|| malformed("an animation chunk is too short"))?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]))
}

impl<'a> Control<'a> {
    fn parse(data: &'a [u8]) -> Result<Control<'a>> {
        let rect = Rect {
            x: number(data, 0)? * 2,
            y: number(data, 3)? * 2,
            width: number(data, 6)? + 1,
            height: number(data, 9)? + 1,
        };
        let flags = data.get(15).ok_or_else(|| malformed("an animation chunk is too short"))?;
        Ok(Control {
            rect,
            delay: Delay::new(number(data, 12)?, TICKS),
            dispose: if flags & 1 == 1 { Dispose::Background } else { Dispose::Keep },
            blend: if flags & 2 == 2 { Blend::Source } else { Blend::Over },
            picture: &data[16..],
        })
    }

    /// The picture with alpha.
    fn decode(&self) -> Result<Vec<u8>> {
        let Rect { width, height, .. } = self.rect;
        let file = alone(self.picture, width, height);
        let mut decoder = decoder(&file)?;
        if decoder.dimensions() != (width, height) || decoder.is_animated() {
            return Err(malformed("a frame does not have the size that it promises"));
        }
        let from = Header::new(width, height, Channels::of(3, decoder.has_alpha()), Depth::U8);
        let mut samples = vec![0; from.bytes() as usize];
        decoder.read_image(&mut samples).map_err(decoding_error)?;
        let to = Header { channels: Channels::Rgba, ..from };
        Ok(u8s(&convert(&Samples::U8(samples), &from, &to)?)?.to_vec())
    }
}

/// The picture of a frame as a file of its own.
fn alone(picture: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
    if picture.starts_with(b"ALPH") {
        chunk(&mut file, b"VP8X", &extended(ALPHA, width, height));
    }
    for (name, data) in chunks(picture) {
        if let b"ALPH" | b"VP8 " | b"VP8L" = name {
            chunk(&mut file, &[name[0], name[1], name[2], name[3]], data);
        }
    }
    let size = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

/// Flags of the VP8X chunk.
const ANIMATION: u8 = 0x02;
const XMP: u8 = 0x04;
const EXIF: u8 = 0x08;
const ALPHA: u8 = 0x10;
const ICC: u8 = 0x20;

/// Where the flags lie in a file.
const FLAGS_AT: u64 = 20;

/// The content of a VP8X chunk.
fn extended(flags: u8, width: u32, height: u32) -> [u8; 10] {
    let mut content = [0; 10];
    content[0] = flags;
    content[4..7].copy_from_slice(&(width - 1).to_le_bytes()[..3]);
    content[7..10].copy_from_slice(&(height - 1).to_le_bytes()[..3]);
    content
}

fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Opened<'a>>> {
    let body = bytes.get(12..).unwrap_or(&[]);
    let mut all = chunks(body);
    let Some((b"VP8X", head)) = all.next() else { return Ok(None) };
    if head.first().is_none_or(|flags| flags & ANIMATION == 0) {
        return Ok(None);
    }
    let (width, height) = (number(head, 4)? + 1, number(head, 7)? + 1);
    let (mut plays, mut controls) = (None, Vec::new());
    for (name, data) in all {
        match name {
            b"ANIM" => {
                let count = data.get(4..6).ok_or_else(|| malformed("an animation chunk is too short"))?;
                plays = Some(u16::from_le_bytes([count[0], count[1]]));
            }
            b"ANMF" => controls.push(Control::parse(data)?),
            _ => {}
        }
    }
    if is_short(bytes) {
        return Err(malformed("the file ends inside its animation"));
    }
    if controls.len() < 2 {
        return Ok(None);
    }
    let plays = plays.ok_or_else(|| malformed("an animation without its ANIM chunk"))?;
    let header = Header::new(width, height, Channels::Rgba, Depth::U8);
    let frames = u32::try_from(controls.len()).unwrap_or(u32::MAX);
    check(limits, &header, frames)?;
    for Control { rect, .. } in &controls {
        if rect.x + rect.width > width || rect.y + rect.height > height {
            return Err(malformed("a frame lies outside of the canvas"));
        }
    }
    let loops = if plays == 0 { Loops::Forever } else { Loops::Times(plays.into()) };
    let metadata = metadata(&mut decoder(bytes)?);
    let source = Frames { canvas: Canvas::new(&header), controls: controls.into_iter() };
    Ok(Some(Opened { header, frames, loops, metadata, cut: false, source: Box::new(source) }))
}

/// Whether the file is shorter than it says.
fn is_short(bytes: &[u8]) -> bool {
    let size = bytes.get(4..8).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b));
    (bytes.len() as u64) < u64::from(size) + 8
}

/// The frames: pictures laid on a canvas.
struct Frames<'a> {
    canvas: Canvas<u8>,
    controls: std::vec::IntoIter<Control<'a>>,
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        let control = self.controls.next()?;
        Some(control.decode().map(|samples| {
            let Control { rect, delay, dispose, blend, .. } = control;
            self.canvas.show(&Part { rect, samples: &samples, blend, dispose });
            Frame { samples: self.canvas.samples(), delay }
        }))
    }
}

fn write(header: &Header, options: &Options, mut sink: Sink) -> Result<Box<dyn FrameWriter>> {
    let kept = &options.picture.metadata;
    let alpha = if header.channels.has_alpha() { ALPHA } else { 0 };
    let has = |data: &Option<Vec<u8>>, flag: u8| if data.is_some() { flag } else { 0 };
    let flags = ANIMATION | alpha | has(&kept.icc, ICC) | has(&kept.exif, EXIF) | has(&kept.xmp, XMP);
    let mut head = b"RIFF\0\0\0\0WEBP".to_vec();
    chunk(&mut head, b"VP8X", &extended(flags, header.width, header.height));
    if let Some(profile) = &kept.icc {
        chunk(&mut head, b"ICCP", profile);
    }
    let plays = match options.loops {
        Loops::Forever => 0,
        Loops::Times(plays) => plays.clamp(1, u16::MAX.into()) as u16,
    };
    chunk(&mut head, b"ANIM", &[[0; 4].as_slice(), &plays.to_le_bytes()].concat());
    sink.write_all(&head)?;
    Ok(Box::new(WebpWriter {
        sink,
        size: head.len() as u64,
        flags,
        header: *header,
        config: config(&options.picture)?,
        kept: kept.clone(),
        clock: Clock::new("webp", TICKS, MOST),
        before: None,
    }))
}

/// The first frame is whole; of the others, the smallest part that holds what changed.
struct WebpWriter {
    sink: Sink,
    size: u64,
    /// Those of the VP8X chunk.
    flags: u8,
    header: Header,
    config: ::webp::WebPConfig,
    kept: Metadata,
    clock: Clock,
    before: Option<Vec<u8>>,
}

impl WebpWriter {
    fn put(&mut self, name: &[u8; 4], data: &[u8]) -> Result<()> {
        let mut bytes = Vec::with_capacity(data.len() + 9);
        chunk(&mut bytes, name, data);
        self.size += bytes.len() as u64;
        if self.size > u64::from(u32::MAX) {
            let what = "a WebP file of more than 4 GiB".to_owned();
            return Err(Error::Limit { what, limit: u32::MAX.into() });
        }
        Ok(self.sink.write_all(&bytes)?)
    }

    /// What has changed, from an even column and row on, as the format wants it; `None` if nothing has.
    fn part(&self, canvas: &[u8]) -> Option<Rect> {
        let Header { width, height, channels, .. } = self.header;
        let Some(before) = &self.before else { return Some(Rect { x: 0, y: 0, width, height }) };
        let part = changed(before, canvas, width, channels.count())?;
        let (dx, dy) = (part.x % 2, part.y % 2);
        Some(Rect { x: part.x - dx, y: part.y - dy, width: part.width + dx, height: part.height + dy })
    }

    /// A part of a canvas as a file of its own.
    fn picture(&self, canvas: &[u8], part: Rect) -> Result<Vec<u8>> {
        let samples = cut(canvas, self.header.width, self.header.channels.count(), part);
        let header = Header { width: part.width, height: part.height, ..self.header };
        encode(&samples, &header, &self.config)
    }
}

/// A pixel that changes nothing where it is laid over something.
fn nothing() -> Result<(Rect, Vec<u8>)> {
    let header = Header::new(1, 1, Channels::Rgba, Depth::U8);
    let lossless = config(&WriteOptions { quality: 100, ..WriteOptions::default() })?;
    Ok((Rect { width: 1, height: 1, ..Rect::default() }, encode(&[0; 4], &header, &lossless)?))
}

/// The flag of frames that are not blended with what is there.
const REPLACE: u8 = 2;

impl FrameWriter for WebpWriter {
    fn write_frame(&mut self, frame: Frame) -> Result<()> {
        let ticks = self.clock.ticks(frame.delay)?;
        let canvas = u8s(&frame.samples)?;
        let (part, file, flags) = match self.part(canvas) {
            Some(part) => (part, self.picture(canvas, part)?, REPLACE),
            None => {
                // A lossy pixel would not be quite the one that is there.
                let (part, file) = nothing()?;
                self.flags |= ALPHA;
                (part, file, 0)
            }
        };
        let three = |number: u32| number.to_le_bytes()[..3].to_vec();
        let numbers = [part.x / 2, part.y / 2, part.width - 1, part.height - 1, ticks];
        let mut data = numbers.map(three).concat();
        data.push(flags);
        for (name, content) in chunks(file.get(12..).unwrap_or(&[])) {
            if name != b"VP8X" {
                chunk(&mut data, &[name[0], name[1], name[2], name[3]], content);
            }
        }
        self.put(b"ANMF", &data)?;
        if let Samples::U8(canvas) = frame.samples {
            self.before = Some(canvas);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        for (name, data) in [(b"EXIF", self.kept.exif.take()), (b"XMP ", self.kept.xmp.take())] {
            if let Some(data) = data {
                self.put(name, &data)?;
            }
        }
        self.sink.seek(SeekFrom::Start(4))?;
        self.sink.write_all(&((self.size - 8) as u32).to_le_bytes())?;
        self.sink.seek(SeekFrom::Start(FLAGS_AT))?;
        self.sink.write_all(&[self.flags])?;
        self.sink.seek(SeekFrom::End(0))?;
        Ok(self.sink.flush()?)
    }
}
