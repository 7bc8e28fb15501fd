//! JPEG (ITU-T T.81) with JFIF, EXIF, XMP, ICC and IPTC segments. Reads baseline and progressive, grey,
//! YCbCr, RGB, CMYK and YCCK; writes baseline, streaming: the encoder pulls rows on its own thread.
//!
//! Quality is the scale of libjpeg, unchanged; it is what the other lossy formats are mapped to.

use std::cell::RefCell;
use std::io::Cursor;
use std::sync::mpsc::Receiver;

use jpeg_encoder::{
    Encoder, EncodingError, ImageBuffer, JpegColorType, PixelDensity, PixelDensityUnit, SamplingFactor,
};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::decoded::Decoded;
use super::rows::{Abandonable, Pulled};
use super::{Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::{Channels, DensityUnit, Depth, Error, Header, Image, Metadata, Result, Samples, cmyk, exif};

mod scans;
mod segments;

use scans::End;
use segments::Segments;

pub(super) static FORMAT: Format = Format {
    name: "jpeg",
    extensions: &["jpg", "jpeg", "jpe", "jfif"],
    mime: "image/jpeg",
    magic: |b| b.starts_with(b"\xff\xd8\xff"),
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &[Channels::Grey, Channels::Rgb],
        depths: &[Depth::U8],
        lossy: true,
        lossless: false,
        max_side: 65535,
        streams: true,
        keeps: Keeps { icc: true, cicp: false, gamma: false, exif: true, xmp: true, density: true },
        open,
    }),
};

fn stored_header(segments: &Segments) -> Header {
    let channels = if segments.components == 1 { Channels::Grey } else { Channels::Rgb };
    Header::new(segments.width, segments.height, channels, Depth::U8)
}

fn header(bytes: &[u8]) -> Result<Header> {
    let segments = Segments::parse(bytes)?;
    Ok(segments.metadata.orientation().upright(stored_header(&segments)))
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let segments = Segments::parse(bytes)?;
    let (mut samples, stored) = match scans::end(bytes, &segments) {
        End::Marked => decode(bytes, segments.components)?,
        End::Unmarked(data) => decode_unmarked(data, segments.components)?,
        End::Early => return Err(cut_off()),
    };
    let header = stored_header(&segments);
    let mut metadata = segments.metadata;
    if matches!(stored, ColorSpace::CMYK | ColorSpace::YCCK) {
        if stored == ColorSpace::YCCK {
            cmyk::ycck_to_cmyk(&mut samples);
        }
        // Adobe writes CMYK inverted: 255 is no ink. Files without its marker follow ISO 12640, 255 is ink.
        if segments.adobe {
            samples.iter_mut().for_each(|v| *v = 255 - *v);
        }
        let image = cmyk::to_rgb8(&samples, metadata.icc.as_deref());
        samples = image;
        metadata.icc = None;
    }
    let image = Image::new(header, Samples::U8(samples))?;
    Ok(Decoded::with_metadata(image, metadata))
}

/// The samples of a picture, and the colour space that they are stored in; RGB takes the place of YCbCr.
fn decode(bytes: &[u8], components: u8) -> Result<(Vec<u8>, ColorSpace)> {
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options(ColorSpace::RGB));
    decoder.decode_headers().map_err(decoding_error)?;
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let wanted = match stored {
        ColorSpace::Luma => ColorSpace::Luma,
        ColorSpace::CMYK | ColorSpace::YCCK => stored,
        _ if components == 1 => ColorSpace::Luma,
        _ => ColorSpace::RGB,
    };
    // Only now: junk between the headers does no harm, but what is wrong in a scan would leave a part of the picture grey.
    decoder.set_options(options(wanted).set_strict_mode(true));
    Ok((decoder.decode().map_err(decoding_error)?, stored))
}

/// Decodes data that no marker ends. All of the picture is there if it is the same whatever follows them.
fn decode_unmarked(data: &[u8], components: u8) -> Result<(Vec<u8>, ColorSpace)> {
    let followed = |by: &[u8]| {
        let ended = [data, by, b"\xff\xd9"].concat();
        decode(&ended, components).map_err(|_| cut_off())
    };
    // The decoder goes on with zeros behind the end. Each bit is another one in two of three, as what is lost may by chance
    // look like one of them.
    let decoded = followed(&[])?;
    for bits in [0x55, 0xAA] {
        if followed(&[bits; 16])? != decoded {
            return Err(cut_off());
        }
    }
    Ok(decoded)
}

fn options(colour: ColorSpace) -> DecoderOptions {
    DecoderOptions::default().set_max_width(65535).set_max_height(65535).jpeg_set_out_colorspace(colour)
}

fn cut_off() -> Error {
    Error::malformed("jpeg", "the file ends before the picture does")
}

fn decoding_error(e: DecodeErrors) -> Error {
    let text = match &e {
        DecodeErrors::Format(text) => text.clone(),
        DecodeErrors::FormatStatic(text) => (*text).into(),
        e => e.to_string(),
    };
    let sentence = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match e {
        DecodeErrors::Unsupported(_) => Error::unsupported(format!("jpeg: {sentence}")),
        _ => Error::malformed("jpeg", sentence),
    }
}

fn open(header: &Header, options: &WriteOptions, sink: Sink) -> Result<Box<dyn RowWriter>> {
    let kept = &options.metadata;
    let fits = |name: &str, block: &Option<Vec<u8>>, limit: usize| match block {
        Some(block) if block.len() > limit => Err(Error::Limit {
            what: format!(
                "{name} of {} bytes does not fit into a JPEG file; drop it or use png",
                block.len()
            ),
            limit: limit as u64,
        }),
        _ => Ok(()),
    };
    fits("an EXIF block", &kept.exif, 65533 - exif::PREFIX.len())?;
    fits("an XMP packet", &kept.xmp, 65533 - segments::XMP.len())?;
    fits("an IPTC block", &kept.iptc, 65000)?;
    fits("an ICC profile", &kept.icc, 255 * 65000)?;
    let (shape, metadata, quality) = (*header, kept.clone(), options.quality);
    Ok(Box::new(Pulled::start(sink, move |rows, sink| encode(shape, &metadata, quality, rows, sink))?))
}

fn encode(
    header: Header,
    kept: &Metadata,
    quality: u8,
    rows: Receiver<Vec<u8>>,
    sink: &mut Abandonable,
) -> Result<()> {
    let mut encoder = Encoder::new(sink, quality);
    let half = quality < 90 && header.channels == Channels::Rgb;
    encoder.set_sampling_factor(if half { SamplingFactor::F_2_2 } else { SamplingFactor::F_1_1 });
    if let Some(density) = kept.density.map(crate::Density::per_inch_or_centimetre) {
        let unit = match density.unit {
            DensityUnit::Ratio => PixelDensityUnit::PixelAspectRatio,
            DensityUnit::Inch => PixelDensityUnit::Inches,
            DensityUnit::Centimetre | DensityUnit::Metre => PixelDensityUnit::Centimeters,
        };
        let whole = |v: f64| v.round().clamp(1.0, 65535.0) as u16;
        encoder.set_density(PixelDensity { density: (whole(density.x), whole(density.y)), unit });
    }
    if let Some(block) = &kept.exif {
        encoder.add_exif_metadata(block).map_err(encoding_error)?;
    }
    if let Some(packet) = &kept.xmp {
        encoder.add_app_segment(1, [segments::XMP, packet].concat()).map_err(encoding_error)?;
    }
    if let Some(profile) = &kept.icc {
        encoder.add_icc_profile(profile).map_err(encoding_error)?;
    }
    if let Some(records) = &kept.iptc {
        encoder.add_app_segment(13, segments::photoshop(records)).map_err(encoding_error)?;
    }
    let current = RefCell::new(Current { batch: Vec::new(), next: 0, row: None });
    encoder.encode_image(Rows { header, rows, current }).map_err(encoding_error)
}

fn encoding_error(e: EncodingError) -> Error {
    match e {
        EncodingError::IoError(e) => e.into(),
        e => Error::misuse(format!("jpeg: {e}")),
    }
}

/// The rows to come, as the encoder wants to see them: by number, never backwards.
struct Rows {
    header: Header,
    rows: Receiver<Vec<u8>>,
    current: RefCell<Current>,
}

/// Where in which batch the row is that was asked for last.
struct Current {
    batch: Vec<u8>,
    next: usize,
    row: Option<(u16, std::ops::Range<usize>)>,
}

impl Rows {
    /// Moves on to row `y`. Rows that never come (the picture was abandoned) repeat the last one; the sink
    /// then refuses the next bytes, which ends the encoder.
    fn advance(&self, y: u16, current: &mut Current) {
        let len = self.header.row_samples();
        while current.row.as_ref().is_none_or(|(row, _)| *row != y) {
            if current.next + len > current.batch.len() {
                match self.rows.recv() {
                    Ok(batch) => (current.batch, current.next) = (batch, 0),
                    Err(_) if current.batch.len() >= len => current.next = current.batch.len() - len,
                    Err(_) => (current.batch, current.next) = (vec![0; len], 0),
                }
            }
            let row = current.row.as_ref().map_or(0, |(row, _)| row + 1);
            current.row = Some((row, current.next..current.next + len));
            current.next += len;
        }
    }
}

impl ImageBuffer for Rows {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        if self.header.channels == Channels::Grey { JpegColorType::Luma } else { JpegColorType::Ycbcr }
    }

    fn width(&self) -> u16 {
        self.header.width as u16
    }

    fn height(&self) -> u16 {
        self.header.height as u16
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let mut current = self.current.borrow_mut();
        self.advance(y, &mut current);
        let Some((_, range)) = current.row.clone() else { return };
        let row = &current.batch[range];
        if self.header.channels == Channels::Grey {
            buffers[0].extend_from_slice(row);
            return;
        }
        for pixel in row.chunks_exact(3) {
            let (y, cb, cr) = jpeg_encoder::rgb_to_ycbcr(pixel[0], pixel[1], pixel[2]);
            buffers[0].push(y);
            buffers[1].push(cb);
            buffers[2].push(cr);
        }
    }
}
