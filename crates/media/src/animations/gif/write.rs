//! Writing GIF: each frame gets a palette of its own, and stores what is new on the canvas.

use gif::{AnyExtension, DisposalMethod, Encoder, EncodingError, Extension, Repeat};

use super::super::canvas::Rect;
use super::super::changes::{changed, cut};
use super::super::delay::Clock;
use super::super::{Delay, Dither, Frame, FrameWriter, Loops, Options};
use super::TICKS;
use super::palette::Quantizer;
use crate::images::{RowWriter, Sink, WriteOptions, u8s};
use crate::{Channels, Error, Header, Metadata, Result, Samples};

/// From this alpha on a pixel is seen: GIF has no half-transparent ones.
const SEEN: u8 = 128;

/// What follows an XMP packet so that programs that do not know it find the end of the block.
const XMP_END: std::ops::RangeInclusive<u8> = 0..=255;

fn encoding_error(error: EncodingError) -> Error {
    match error {
        EncodingError::Io(error) => error.into(),
        error => Error::misuse(format!("gif: {error}")),
    }
}

pub(super) fn open(header: &Header, options: &Options, sink: Sink) -> Result<Box<dyn FrameWriter>> {
    Ok(Box::new(GifWriter::new(header, options, sink)?))
}

/// Opens a file for a single picture.
pub(crate) fn still(header: &Header, options: &WriteOptions, sink: Sink) -> Result<Box<dyn RowWriter>> {
    let once =
        Options { frames: 1, loops: Loops::Times(1), dither: Dither::default(), picture: options.clone() };
    let writer = GifWriter::new(header, &once, sink)?;
    Ok(Box::new(Still { writer, samples: Vec::with_capacity(header.bytes() as usize) }))
}

/// A picture that waits for its last row.
struct Still {
    writer: GifWriter,
    samples: Vec<u8>,
}

impl RowWriter for Still {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        self.samples.extend_from_slice(u8s(rows)?);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let samples = Samples::U8(std::mem::take(&mut self.samples));
        self.writer.write_frame(Frame { samples, delay: Delay::new(0, TICKS) })?;
        Box::new(self.writer).finish()
    }
}

struct GifWriter {
    encoder: Encoder<Sink>,
    header: Header,
    quantizer: Quantizer,
    clock: Clock,
    /// What a viewer has on its canvas before the frame that waits: red, green, blue, and 255 where something is seen.
    before: Vec<u8>,
    /// The frame that waits, because how it goes away depends on the next one; and its ticks.
    waiting: Option<(Vec<u8>, u16)>,
}

impl GifWriter {
    fn new(header: &Header, options: &Options, sink: Sink) -> Result<Self> {
        let (width, height) = (header.width as u16, header.height as u16);
        let mut encoder = Encoder::new(sink, width, height, &[]).map_err(encoding_error)?;
        encoder
            .set_repeat(match options.loops {
                Loops::Forever => Repeat::Infinite,
                Loops::Times(plays) => Repeat::Finite(plays.saturating_sub(1).min(u16::MAX.into()) as u16),
            })
            .map_err(encoding_error)?;
        extensions(&mut encoder, &options.picture.metadata)?;
        Ok(GifWriter {
            encoder,
            header: *header,
            quantizer: Quantizer { dither: options.dither, effort: options.picture.effort },
            clock: Clock::new("gif", TICKS, u16::MAX.into()),
            before: vec![0; header.pixels() as usize * 4],
            waiting: None,
        })
    }

    /// Writes the frame that waits. `next` is the one after it.
    fn write(&mut self, next: Option<&[u8]>) -> Result<()> {
        let Some((canvas, ticks)) = self.waiting.take() else { return Ok(()) };
        let vanishes = |next: &[u8]| {
            let pairs = canvas.chunks_exact(4).zip(next.chunks_exact(4));
            pairs.into_iter().any(|(now, next)| now[3] > next[3])
        };
        let (width, height) = (self.header.width, self.header.height);
        // Only a frame as large as the canvas takes everything away with it.
        let all = next.is_some_and(vanishes);
        let part = if all {
            Rect { x: 0, y: 0, width, height }
        } else {
            let corner = Rect { width: 1, height: 1, ..Rect::default() };
            changed(&self.before, &canvas, width, 4).unwrap_or(corner)
        };
        let (old, new) = (cut(&self.before, width, 4, part), cut(&canvas, width, 4, part));
        let pixels: Vec<Option<[u8; 3]>> = new
            .chunks_exact(4)
            .zip(old.chunks_exact(4))
            .map(|(new, old)| (new[3] > 0 && (all || new != old)).then(|| [new[0], new[1], new[2]]))
            .collect();
        // Some viewers take a frame away to transparency only if it has a transparent colour itself.
        let indexed = self.quantizer.index(&pixels, part.width as usize, all)?;
        let frame = gif::Frame {
            delay: ticks,
            dispose: if all { DisposalMethod::Background } else { DisposalMethod::Keep },
            transparent: indexed.hole,
            left: part.x as u16,
            top: part.y as u16,
            width: part.width as u16,
            height: part.height as u16,
            palette: Some(indexed.palette),
            buffer: indexed.indices.into(),
            ..gif::Frame::default()
        };
        self.encoder.write_frame(&frame).map_err(encoding_error)?;
        self.before = if all { vec![0; canvas.len()] } else { canvas };
        Ok(())
    }
}

impl FrameWriter for GifWriter {
    fn write_frame(&mut self, frame: Frame) -> Result<()> {
        let ticks = self.clock.ticks(frame.delay)? as u16;
        let canvas = seen(u8s(&frame.samples)?, self.header.channels);
        self.write(Some(&canvas))?;
        self.waiting = Some((canvas, ticks));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.write(None)?;
        // It writes the trailer.
        let mut sink = self.encoder.into_inner().map_err(encoding_error)?;
        Ok(sink.flush()?)
    }
}

/// Red, green, blue and 255 for each pixel that is seen, zeros for the others.
fn seen(samples: &[u8], channels: Channels) -> Vec<u8> {
    let pixel = |pixel: &[u8]| match pixel {
        [r, g, b, alpha] if *alpha >= SEEN => [*r, *g, *b, 255],
        [r, g, b] => [*r, *g, *b, 255],
        _ => [0; 4],
    };
    samples.chunks_exact(channels.count()).flat_map(pixel).collect()
}

/// The colour profile and the XMP packet.
fn extensions(encoder: &mut Encoder<Sink>, kept: &Metadata) -> Result<()> {
    let application = AnyExtension(Extension::Application as u8);
    if let Some(profile) = &kept.icc {
        let blocks: [&[u8]; 2] = [b"ICCRGBG1012", profile];
        encoder.write_raw_extension(application, &blocks).map_err(encoding_error)?;
    }
    if let Some(packet) = &kept.xmp {
        // The packet has no blocks: the numbers after it lead every reader to the zero at the end.
        let end = XMP_END.rev();
        let bytes = [&[0x21, 0xFF, 11], b"XMP DataXMP".as_slice(), packet, &[1]].concat();
        encoder.get_mut().write_all(&bytes.into_iter().chain(end).chain([0]).collect::<Vec<_>>())?;
    }
    Ok(())
}
