//! PNG, third edition: <https://www.w3.org/TR/png-3/>. Reads every kind (of APNG the first frame), writes
//! 8 and 16 bit, streaming.

mod filter;
mod strips;

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use png::chunk::ChunkType;
use png::{BitDepth, ColorType, DecodingError, Encoder, EncodingError, Info, Transformations, Unit};

use self::strips::Strips;
use super::decoded::{Decoded, big_endian};
use super::rows::big_endian_bytes;
use super::{Effort, Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::{Channels, Density, DensityUnit, Depth, Error, Header, Image, Metadata, Result, Samples, exif};

/// The keyword of the text chunk that holds the XMP packet.
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

pub(crate) static FORMAT: Format = Format {
    name: "png",
    extensions: &["png", "apng"],
    mime: "image/png",
    magic: |b| b.starts_with(b"\x89PNG\r\n\x1a\n"),
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &Channels::ALL,
        depths: &[Depth::U8, Depth::U16],
        lossy: false,
        lossless: true,
        max_side: i32::MAX as u32,
        streams: true,
        keeps: Keeps { icc: true, cicp: true, gamma: true, exif: true, xmp: true, density: true },
        open,
    }),
};

pub(crate) fn decoding_error(e: DecodingError) -> Error {
    match e {
        DecodingError::LimitsExceeded => {
            Error::Limit { what: "a chunk of a PNG file is too large".into(), limit: 1 << 26 }
        }
        e => Error::malformed("png", e),
    }
}

pub(crate) fn reader(bytes: &[u8], limit: usize) -> Result<png::Reader<Cursor<&[u8]>>> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: limit });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.read_info().map_err(decoding_error)
}

pub(crate) fn shape(reader: &png::Reader<Cursor<&[u8]>>) -> Header {
    let (colour, depth) = reader.output_color_type();
    let channels = match colour {
        ColorType::Grayscale => Channels::Grey,
        ColorType::GrayscaleAlpha => Channels::GreyAlpha,
        ColorType::Rgba => Channels::Rgba,
        ColorType::Rgb | ColorType::Indexed => Channels::Rgb,
    };
    let depth = if depth == BitDepth::Sixteen { Depth::U16 } else { Depth::U8 };
    Header::new(reader.info().width, reader.info().height, channels, depth)
}

fn header(bytes: &[u8]) -> Result<Header> {
    let reader = reader(bytes, 1 << 26)?;
    Ok(metadata(reader.info()).orientation().upright(shape(&reader)))
}

fn read(bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    let limit = usize::try_from(limits.max_bytes).unwrap_or(usize::MAX);
    let mut reader = reader(bytes, limit)?;
    let header = shape(&reader);
    let size =
        reader.output_buffer_size().ok_or_else(|| Error::malformed("png", "picture size overflows"))?;
    let mut buffer = vec![0; size];
    reader.next_frame(&mut buffer).map_err(decoding_error)?;
    buffer.truncate(header.bytes() as usize);
    // Metadata after the pixels: nice to have, no reason to refuse the picture.
    let _ = reader.finish();
    let image = Image::new(header, big_endian(buffer, header.depth))?;
    Ok(Decoded::with_metadata(image, metadata(reader.info())))
}

pub(crate) fn metadata(info: &Info<'_>) -> Metadata {
    let mut texts: Vec<(String, String)> =
        info.uncompressed_latin1_text.iter().map(|t| (t.keyword.clone(), t.text.clone())).collect();
    texts.extend(
        info.compressed_latin1_text.iter().filter_map(|t| Some((t.keyword.clone(), t.get_text().ok()?))),
    );
    texts.extend(info.utf8_text.iter().filter_map(|t| Some((t.keyword.clone(), t.get_text().ok()?))));
    let xmp = texts.iter().position(|(k, _)| k == XMP_KEYWORD).map(|i| texts.remove(i).1.into_bytes());
    let density = info.pixel_dims.map(|d| Density {
        x: f64::from(d.xppu),
        y: f64::from(d.yppu),
        unit: if d.unit == Unit::Meter { DensityUnit::Metre } else { DensityUnit::Ratio },
    });
    // Where there is sRGB, the other two are for readers that do not know it.
    let gamma = info.gama_chunk.filter(|_| info.srgb.is_none());
    let chromaticities = info.chrm_chunk.filter(|_| info.srgb.is_none()).map(|c| {
        [c.white.0, c.white.1, c.red.0, c.red.1, c.green.0, c.green.1, c.blue.0, c.blue.1]
            .map(|v| v.into_scaled())
    });
    let cicp = info.coding_independent_code_points.map(|c| {
        [c.color_primaries, c.transfer_function, c.matrix_coefficients, u8::from(c.is_video_full_range_image)]
    });
    Metadata {
        icc: info.icc_profile.as_ref().map(|p| p.to_vec()),
        exif: info.exif_metadata.as_deref().and_then(exif::block).map(<[u8]>::to_vec),
        xmp,
        density,
        gamma: gamma.map(|g| g.into_scaled()),
        chromaticities,
        cicp,
        texts,
        ..Metadata::default()
    }
}

pub(crate) fn encoding_error(e: EncodingError) -> Error {
    match e {
        EncodingError::IoError(e) => e.into(),
        EncodingError::LimitsExceeded => {
            Error::Limit { what: "picture too large for PNG".into(), limit: u64::MAX }
        }
        e => Error::misuse(format!("png: {e}")),
    }
}

fn open(header: &Header, options: &WriteOptions, sink: Sink) -> Result<Box<dyn RowWriter>> {
    let sink = Recorder::new(sink);
    let writer = begin(encoder(header, options, &sink)?, &options.metadata)?;
    let level = match options.effort {
        // The lowest that is no larger than what the library makes of its fastest.
        Effort::Fast => Compression::new(3),
        Effort::Balanced => Compression::default(),
        Effort::Small => Compression::best(),
    };
    Ok(Box::new(PngWriter { strips: Strips::new(writer, header, level), sink }))
}

/// An encoder of such pictures.
pub(crate) fn encoder(
    header: &Header,
    options: &WriteOptions,
    sink: &Recorder,
) -> Result<Encoder<'static, Recorder>> {
    let kept = &options.metadata;
    let mut info = Info::with_size(header.width, header.height);
    info.color_type = match header.channels {
        Channels::Grey => ColorType::Grayscale,
        Channels::GreyAlpha => ColorType::GrayscaleAlpha,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
    };
    info.bit_depth = if header.depth == Depth::U16 { BitDepth::Sixteen } else { BitDepth::Eight };
    info.icc_profile = kept.icc.clone().map(Into::into);
    info.exif_metadata = kept.exif.clone().map(Into::into);
    info.pixel_dims = kept.density.map(Density::per_metre).map(|d| png::PixelDimensions {
        xppu: d.x.round() as u32,
        yppu: d.y.round() as u32,
        unit: if d.unit == DensityUnit::Metre { Unit::Meter } else { Unit::Unspecified },
    });
    let mut encoder = Encoder::with_info(sink.clone(), info).map_err(encoding_error)?;
    encoder.set_compression(match options.effort {
        Effort::Fast => png::Compression::Fast,
        Effort::Balanced => png::Compression::Balanced,
        Effort::Small => png::Compression::High,
    });
    Ok(encoder)
}

/// Writes all that comes before the pixels.
pub(crate) fn begin(encoder: Encoder<'static, Recorder>, kept: &Metadata) -> Result<png::Writer<Recorder>> {
    let mut writer = encoder.write_header().map_err(encoding_error)?;
    for (name, data) in chunks(kept) {
        writer.write_chunk(ChunkType(*name), &data).map_err(encoding_error)?;
    }
    Ok(writer)
}

/// The chunks that the library does not write by itself.
fn chunks(kept: &Metadata) -> Vec<(&'static [u8; 4], Vec<u8>)> {
    let mut chunks = Vec::new();
    if let Some(cicp) = kept.cicp {
        // PNG knows only RGB, whose matrix is 0.
        chunks.push((b"cICP", vec![cicp[0], cicp[1], 0, cicp[3]]));
    }
    if let Some(gamma) = kept.gamma {
        chunks.push((b"gAMA", gamma.to_be_bytes().to_vec()));
    }
    if let Some(points) = kept.chromaticities {
        chunks.push((b"cHRM", points.iter().flat_map(|v| v.to_be_bytes()).collect()));
    }
    let itxt = |keyword: &str, text: &[u8]| [keyword.as_bytes(), &[0; 5], text].concat();
    if let Some(xmp) = &kept.xmp {
        chunks.push((b"iTXt", itxt(XMP_KEYWORD, xmp)));
    }
    for (keyword, text) in &kept.texts {
        // Keywords are 1 to 79 Latin-1 bytes; an ASCII text needs no iTXt.
        if keyword.is_empty() || keyword.len() > 79 || !keyword.is_ascii() {
            continue;
        }
        let chunk = if text.is_ascii() {
            (b"tEXt", [keyword.as_bytes(), &[0], text.as_bytes()].concat())
        } else {
            (b"iTXt", itxt(keyword, text.as_bytes()))
        };
        chunks.push(chunk);
    }
    chunks
}

/// A sink that remembers its first error, because the library writes the last chunk in a destructor, where
/// errors are lost.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Mutex<(Sink, Option<io::Error>)>>);

impl Recorder {
    pub(crate) fn new(sink: Sink) -> Self {
        Recorder(Arc::new(Mutex::new((sink, None))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Sink) -> io::Result<T>) -> io::Result<T> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut guard.0);
        if let Err(error) = &result
            && guard.1.is_none()
        {
            guard.1 = Some(io::Error::new(error.kind(), error.to_string()));
        }
        result
    }

    /// Flushes the sink; gives the first error that it ever had.
    pub(crate) fn finish(&self) -> Result<()> {
        let flushed = self.with(|sink| sink.flush());
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).1.take() {
            Some(first) => Err(first.into()),
            None => Ok(flushed?),
        }
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|sink| sink.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|sink| sink.flush())
    }
}

struct PngWriter {
    strips: Strips,
    sink: Recorder,
}

impl RowWriter for PngWriter {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        match rows {
            Samples::U8(v) => self.strips.push(v),
            other => self.strips.push(&big_endian_bytes(other)),
        }
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.strips.finish()?;
        self.sink.finish()
    }
}
