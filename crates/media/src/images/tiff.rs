//! TIFF 6.0 and BigTIFF. Reads the first page: grey, RGB, palette, CMYK and YCbCr, strips and tiles, 1 to
//! 16 bit and float. Writes 8, 16 bit and float strips with Deflate, streaming.

use std::borrow::Cow;
use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{TiffError, decoder};

use super::decoded::Decoded;
use super::{Format, Keeps, Limits, Reader, Writer};
use crate::orientation::Orientation;
use crate::{
    Channels, Density, DensityUnit, Depth, Error, Header, Image, Metadata, Result, Samples, Transfer, cmyk,
    exif,
};

mod chain;
mod write;

pub(crate) use chain::{chain, is_extra, turn_to};
pub(crate) use write::{Book, page};

pub(crate) static FORMAT: Format = Format {
    name: "tiff",
    extensions: &["tif", "tiff"],
    mime: "image/tiff",
    magic: |b| [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|m| b.starts_with(*m)),
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &Channels::ALL,
        depths: &[Depth::U8, Depth::U16, Depth::F32],
        lossy: false,
        lossless: true,
        max_side: i32::MAX as u32,
        streams: true,
        keeps: Keeps { icc: true, cicp: false, gamma: false, exif: true, xmp: true, density: true },
        open: write::open,
    }),
};

const XMP: Tag = Tag::Unknown(700);
const IPTC: Tag = Tag::Unknown(33723);

/// The library refuses palettes; called grey, their indices come through.
const PHOTOMETRIC: u16 = 262;
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u32 = 3;

type Source<'a> = Decoder<Cursor<&'a [u8]>>;

/// The file with its first page in front and a palette picture called grey, and whether it was one.
fn prepared(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, bool)> {
    let bytes = chain::page_first(bytes)?;
    if exif::number(&bytes, PHOTOMETRIC) != Some(PALETTE) {
        return Ok((bytes, false));
    }
    let mut copy = bytes.into_owned();
    exif::set_number(&mut copy, PHOTOMETRIC, BLACK_IS_ZERO);
    Ok((Cow::Owned(copy), true))
}

fn tiff_error(e: TiffError) -> Error {
    match e {
        TiffError::UnsupportedError(e) => Error::unsupported(format!("tiff: {e}")),
        TiffError::LimitsExceeded => {
            Error::Limit { what: "a part of a TIFF file is too large".into(), limit: 0 }
        }
        e => Error::malformed("tiff", e),
    }
}

fn source<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Source<'a>> {
    let max = usize::try_from(limits.max_bytes).unwrap_or(usize::MAX);
    let mut allowed = decoder::Limits::default();
    allowed.decoding_buffer_size = max;
    allowed.intermediate_buffer_size = max.min(bytes.len().saturating_mul(64).max(1 << 28));
    allowed.ifd_value_size = bytes.len().max(1 << 20);
    Ok(Decoder::new(Cursor::new(bytes)).map_err(tiff_error)?.with_limits(allowed))
}

/// How the stored samples become those of an [`Image`].
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// They are.
    Direct,
    /// Grey of fewer than 8 bits.
    Packed(u8),
    /// Indices of up to 8 bits.
    Palette(u8),
    Cmyk,
    YCbCr,
}

fn stored(source: &mut Source<'_>, palette: bool) -> Result<(Header, Kind)> {
    let (width, height) = source.dimensions().map_err(tiff_error)?;
    let colour = source.colortype().map_err(tiff_error)?;
    let bits = colour.bit_depth();
    let (channels, kind) = match colour {
        ColorType::Gray(1 | 2 | 4 | 8) if palette => (Channels::Rgb, Kind::Palette(bits)),
        ColorType::Gray(1 | 2 | 4) => (Channels::Grey, Kind::Packed(bits)),
        ColorType::Gray(_) => (Channels::Grey, Kind::Direct),
        ColorType::GrayA(_) => (Channels::GreyAlpha, Kind::Direct),
        ColorType::RGB(_) => (Channels::Rgb, Kind::Direct),
        ColorType::RGBA(_) => (Channels::Rgba, Kind::Direct),
        ColorType::CMYK(8 | 16) => (Channels::Rgb, Kind::Cmyk),
        ColorType::YCbCr(8) => (Channels::Rgb, Kind::YCbCr),
        // Grey with an alpha channel, as the library sees it where the meaning is not said.
        ColorType::Multiband { num_samples: 2, .. } => (Channels::GreyAlpha, Kind::Direct),
        other => return Err(Error::unsupported(format!("tiff: pictures of type {other:?}"))),
    };
    let format = source.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(tiff_error)?;
    let float = format.is_some_and(|f| f.first() == Some(&3));
    let depth = match (kind, bits, float) {
        (Kind::Packed(_) | Kind::Palette(_) | Kind::YCbCr, ..) | (_, 8, false) => Depth::U8,
        (_, 16, false) | (Kind::Direct, 32, false) => Depth::U16,
        (Kind::Direct, 16 | 32 | 64, true) => Depth::F32,
        _ => return Err(Error::unsupported(format!("tiff: {bits}-bit samples of type {colour:?}"))),
    };
    let transfer = if depth == Depth::F32 { Transfer::Linear } else { Transfer::Encoded };
    Ok((Header { width, height, channels, depth, transfer }, kind))
}

fn orientation(source: &mut Source<'_>) -> Orientation {
    let tag = source.find_tag_unsigned::<u32>(Tag::Orientation).ok().flatten();
    tag.and_then(Orientation::from_exif).unwrap_or_default()
}

fn header(bytes: &[u8]) -> Result<Header> {
    let (bytes, palette) = prepared(bytes)?;
    // No picture is decoded, and no tag has more values than the file has bytes.
    let values = (bytes.len() as u64).saturating_mul(size_of::<decoder::ifd::Value>() as u64);
    let mut source = source(&bytes, &Limits { max_bytes: values, ..Limits::default() })?;
    let (header, _) = stored(&mut source, palette)?;
    Ok(orientation(&mut source).upright(header))
}

fn read(bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    let (bytes, palette) = prepared(bytes)?;
    let mut source = source(&bytes, limits)?;
    let (header, kind) = stored(&mut source, palette)?;
    let mut result = DecodingResult::U8(Vec::new());
    let layout = source.read_image_to_buffer(&mut result).map_err(tiff_error)?;
    let stride = layout.row_stride.map_or(0, |s| s.get());
    let mut metadata = metadata(&mut source, &bytes);
    let mut samples = match (kind, result) {
        (Kind::Packed(bits), DecodingResult::U8(v)) => {
            let scale = 255 / ((1u32 << bits) - 1) as u8;
            Samples::U8(unpack(&v, bits, &header, stride)?.into_iter().map(|v| v * scale).collect())
        }
        (Kind::Palette(bits), DecodingResult::U8(v)) => {
            let colours = source.get_tag_u16_vec(Tag::ColorMap).map_err(tiff_error)?;
            Samples::U8(look_up(&unpack(&v, bits, &header, stride)?, &colours))
        }
        (Kind::Cmyk, DecodingResult::U8(v)) => {
            Samples::U8(cmyk::to_rgb8(&interleave(v, layout.planes), metadata.icc.take().as_deref()))
        }
        (Kind::Cmyk, DecodingResult::U16(v)) => {
            Samples::U16(cmyk::to_rgb16(&interleave(v, layout.planes), metadata.icc.take().as_deref()))
        }
        (Kind::YCbCr, DecodingResult::U8(v)) => Samples::U8(rgb_of_ycbcr(interleave(v, layout.planes))),
        (Kind::Direct, DecodingResult::U8(v)) => Samples::U8(interleave(v, layout.planes)),
        (Kind::Direct, DecodingResult::U16(v)) => Samples::U16(interleave(v, layout.planes)),
        (Kind::Direct, DecodingResult::U32(v)) => {
            Samples::U16(interleave(v, layout.planes).into_iter().map(|v| (v >> 16) as u16).collect())
        }
        (Kind::Direct, DecodingResult::F16(v)) => {
            Samples::F32(interleave(v, layout.planes).into_iter().map(|v| v.to_f32()).collect())
        }
        (Kind::Direct, DecodingResult::F32(v)) => Samples::F32(interleave(v, layout.planes)),
        (Kind::Direct, DecodingResult::F64(v)) => {
            Samples::F32(interleave(v, layout.planes).into_iter().map(|v| v as f32).collect())
        }
        _ => return Err(Error::unsupported("tiff: signed integer samples")),
    };
    let associated = source.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten();
    if header.channels.has_alpha() && associated.is_some_and(|e| e.first() == Some(&1)) {
        crate::alpha::unassociate(&mut samples, header.channels);
    }
    let orientation = orientation(&mut source);
    let mut image = Image::new(header, samples)?;
    image.metadata = metadata;
    Ok(Decoded { image, orientation })
}

fn metadata(source: &mut Source<'_>, bytes: &[u8]) -> Metadata {
    let mut block = |tag| source.get_tag_u8_vec(tag).ok().filter(|b| !b.is_empty());
    let (icc, xmp) = (block(Tag::IccProfile), block(XMP));
    let iptc = block(IPTC);
    let mut number = |tag| {
        let value = match source.find_tag(tag).ok()?? {
            Value::Rational(n, d) => f64::from(n) / f64::from(d),
            other => other.into_u32().map(f64::from).ok()?,
        };
        Some(value).filter(|v| v.is_finite() && *v > 0.0)
    };
    let resolution = number(Tag::XResolution).zip(number(Tag::YResolution));
    let unit = match source.find_tag_unsigned::<u16>(Tag::ResolutionUnit).ok().flatten() {
        Some(1) => DensityUnit::Ratio,
        Some(3) => DensityUnit::Centimetre,
        _ => DensityUnit::Inch,
    };
    // "1:1 without unit" says nothing.
    let density =
        resolution.filter(|(x, y)| unit != DensityUnit::Ratio || x != y).map(|(x, y)| Density { x, y, unit });
    // Deep inside, EXIF is TIFF: its directories are those of this file.
    let directories = exif::Directories::parse(bytes).filter(|d| !d.is_empty());
    let exif = directories.map(|d| d.to_block());
    Metadata { icc, exif, xmp, iptc, density, ..Metadata::default() }
}

/// Samples of one plane after the other to samples of one pixel after the other.
fn interleave<T: Copy>(samples: Vec<T>, planes: usize) -> Vec<T> {
    if planes <= 1 {
        return samples;
    }
    let plane = samples.len() / planes;
    (0..plane).flat_map(|i| (0..planes).map(move |p| (p, i))).map(|(p, i)| samples[p * plane + i]).collect()
}

/// Rows of packed samples, the first in the highest bits, each row starting at a byte.
fn unpack(rows: &[u8], bits: u8, header: &Header, stride: usize) -> Result<Vec<u8>> {
    let width = header.width as usize;
    let stride = stride.max((width * bits as usize).div_ceil(8));
    if rows.len() < stride * header.height as usize {
        return Err(Error::malformed("tiff", "packed rows are too short"));
    }
    let per_byte = 8 / bits as usize;
    let mask = ((1u32 << bits) - 1) as u8;
    let mut out = Vec::with_capacity(header.pixels() as usize);
    for row in rows.chunks_exact(stride).take(header.height as usize) {
        out.extend((0..width).map(|x| {
            let shift = 8 - bits as usize * (x % per_byte + 1);
            (row[x / per_byte] >> shift) & mask
        }));
    }
    Ok(out)
}

fn look_up(indices: &[u8], colours: &[u16]) -> Vec<u8> {
    let count = colours.len() / 3;
    // Some writers put 8-bit values into the 16-bit table.
    let shift = if colours.iter().any(|&c| c > 255) { 8 } else { 0 };
    let entry = |i: u8, plane: usize| {
        (i as usize).lt(&count).then(|| colours[plane * count + i as usize]).map_or(0, |c| (c >> shift) as u8)
    };
    indices.iter().flat_map(|&i| [entry(i, 0), entry(i, 1), entry(i, 2)]).collect()
}

/// Full-range BT.601, the default coefficients of TIFF, in place.
fn rgb_of_ycbcr(mut samples: Vec<u8>) -> Vec<u8> {
    for p in samples.chunks_exact_mut(3) {
        let (y, cb, cr) = (f32::from(p[0]), f32::from(p[1]) - 128.0, f32::from(p[2]) - 128.0);
        let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        for (sample, value) in p.iter_mut().zip(rgb) {
            *sample = (value + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
    samples
}
