//! AVIF: AV1 still pictures. Reads 8, 10 and 12 bit (the deeper ones as 16 bit); writes 8 bit, and 16-bit
//! samples as 10 bit, in full-resolution colour. The encoder needs the whole picture.
//!
//! Written files carry no ICC profile, no CICP and no XMP: the encoder library writes sRGB files only.

use ravif::{BitDepth, Encoder, MatrixCoefficients, PixelRange};

use super::decoded::Decoded;
use super::rows::Whole;
use super::{Effort, Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::{Channels, Depth, Error, Header, Image, Metadata, Result, Samples, alpha, exif};

mod container;
mod decode;

use container::Container;

pub(super) static FORMAT: Format = Format {
    name: "avif",
    extensions: &["avif"],
    mime: "image/avif",
    magic,
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &[Channels::Rgb, Channels::Rgba],
        depths: &[Depth::U8, Depth::U16],
        lossy: true,
        lossless: false,
        max_side: 65535,
        streams: false,
        keeps: Keeps { icc: false, cicp: false, gamma: false, exif: true, xmp: false, density: false },
        open,
    }),
};

/// A file type box that names AVIF, as its own brand or among the compatible ones.
fn magic(b: &[u8]) -> bool {
    let Some(size) = b.get(..4).map(|s| u32::from_be_bytes([s[0], s[1], s[2], s[3]]) as usize) else {
        return false;
    };
    let brands = b.get(8..size.min(b.len())).unwrap_or(&[]);
    b.get(4..8) == Some(b"ftyp") && brands.chunks_exact(4).any(|brand| brand == b"avif" || brand == b"avis")
}

/// sRGB in H.273.
const SRGB: [u8; 2] = [1, 13];

fn shape(container: &Container<'_>) -> Header {
    let depth = if container.bits > 8 { Depth::U16 } else { Depth::U8 };
    let colours = if container.monochrome { 1 } else { 3 };
    Header::new(container.width, container.height, Channels::of(colours, container.alpha.is_some()), depth)
}

fn header(bytes: &[u8]) -> Result<Header> {
    let container = Container::parse(bytes, false)?;
    Ok(container.orientation.upright(shape(&container)))
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let mut container = Container::parse(bytes, true)?;
    let header = shape(&container);
    let stream = std::mem::take(&mut container.colour);
    let picture = decode::picture(stream, header.width, header.height)?;
    if (decode::bits(&picture) > 8) != (container.bits > 8) {
        return Err(Error::malformed("avif", "the picture does not have the promised depth"));
    }
    // Without a colour box, the defaults of MIAF: sRGB, BT.601, full range.
    let [_, _, matrix, full_range] = container.cicp.unwrap_or([1, 13, 6, 1]);
    let alpha = match container.alpha.take() {
        Some(stream) => Some(decode::luma(&decode::picture(stream, header.width, header.height)?, true)?),
        None => None,
    };
    let mut floats = Vec::with_capacity(header.pixels() as usize * header.channels.count());
    let mut alpha = alpha.map(Vec::into_iter);
    let colours = header.channels.colours();
    decode::colours(&picture, matrix, full_range == 1, |rgb| {
        floats.extend_from_slice(&rgb[..colours]);
        if let Some(alpha) = &mut alpha {
            floats.push(alpha.next().unwrap_or(1.0));
        }
    })?;
    let mut samples = match header.depth {
        Depth::U8 => {
            Samples::U8(floats.into_iter().map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect())
        }
        _ => Samples::U16(floats.into_iter().map(|v| (v.clamp(0.0, 1.0) * 65535.0 + 0.5) as u16).collect()),
    };
    if container.premultiplied {
        alpha::unassociate(&mut samples, header.channels);
    }
    let mut image = Image::new(header, samples)?;
    image.metadata = metadata(&container);
    // Only the boxes turn the picture; an EXIF block that says otherwise has to follow.
    image.metadata.turned(Default::default());
    Ok(Decoded { image, orientation: container.orientation })
}

fn metadata(container: &Container<'_>) -> Metadata {
    let exif = container.exif.as_deref().and_then(|block| {
        let offset = u32::from_be_bytes(block.get(..4)?.try_into().ok()?) as usize;
        exif::block(block.get(4..)?.get(offset..)?).map(<[u8]>::to_vec)
    });
    // Samples are RGB now: the matrix is 0 and the range is full.
    let cicp = container.cicp.filter(|c| c[..2] != SRGB && c[..2] != [2, 2]).map(|c| [c[0], c[1], 0, 1]);
    Metadata {
        icc: container.icc.map(<[u8]>::to_vec),
        exif,
        xmp: container.xmp.clone(),
        cicp,
        ..Metadata::default()
    }
}

/// From the quality scale of this crate to that of the encoder library, piecewise linear: about equal
/// PSNR on photographs.
const QUALITY: [(f32, f32); 5] = [(1.0, 1.0), (50.0, 54.0), (75.0, 71.0), (90.0, 89.0), (100.0, 100.0)];
/// Fixed, because the number of tiles, and with it the file, follows the number of threads.
const THREADS: usize = 8;

fn open(header: &Header, options: &WriteOptions, sink: Sink) -> Result<Box<dyn RowWriter>> {
    let header = *header;
    let quality = super::interpolate(&QUALITY, f32::from(options.quality));
    let speed = match options.effort {
        Effort::Fast => 10,
        Effort::Balanced => 8,
        Effort::Small => 4,
    };
    let mut encoder = Encoder::new()
        .with_quality(quality)
        .with_alpha_quality(quality)
        .with_speed(speed)
        .with_num_threads(Some(THREADS));
    if let Some(block) = options.metadata.exif.clone() {
        encoder = encoder.with_exif(block);
    }
    let capacity = header.pixels() as usize * header.channels.count();
    if header.depth == Depth::U8 {
        let encode = move |samples: Vec<u8>| encode(&encoder, &header, &samples, 255);
        return Ok(Box::new(Whole { samples: Vec::with_capacity(capacity), sink, encode: Box::new(encode) }));
    }
    let encode = move |samples: Vec<u16>| encode(&encoder, &header, &samples, 65535);
    Ok(Box::new(Whole { samples: Vec::with_capacity(capacity), sink, encode: Box::new(encode) }))
}

/// Encodes RGB or RGBA samples from 0 to `max` with 8 (`max` 255) or 10 bits.
fn encode<T>(encoder: &Encoder<'_>, header: &Header, samples: &[T], max: u16) -> Result<Vec<u8>>
where
    T: Copy + Into<f32> + Sync,
{
    let (width, height, count) = (header.width as usize, header.height as usize, header.channels.count());
    let steps = if max == 255 { 255.0 } else { 1023.0 };
    let scale = steps / f32::from(max);
    let pixels = samples.chunks_exact(count);
    let planes = pixels.clone().map(|p| ycbcr([p[0], p[1], p[2]].map(|v| v.into() * scale), steps));
    let alpha = header.channels.has_alpha().then(|| pixels.map(|p| (p[3].into() * scale + 0.5) as u16));
    let (range, matrix) = (PixelRange::Full, MatrixCoefficients::BT601);
    let encoded = if max == 255 {
        let planes = planes.map(|p| p.map(|v| v as u8));
        let alpha = alpha.map(|a| a.map(|v| v as u8));
        let encoder = encoder.clone().with_bit_depth(BitDepth::Eight);
        encoder.encode_raw_planes_8_bit(width, height, planes, alpha, range, matrix)
    } else {
        let encoder = encoder.clone().with_bit_depth(BitDepth::Ten);
        encoder.encode_raw_planes_10_bit(width, height, planes, alpha, range, matrix)
    };
    Ok(encoded
        .map_err(|e| Error::unsupported(format!("avif: the encoder refuses the picture: {e}")))?
        .avif_file)
}

/// Full-range BT.601, which is what sRGB files in AVIF use.
fn ycbcr([r, g, b]: [f32; 3], max: f32) -> [u16; 3] {
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    let middle = (max + 1.0) / 2.0;
    let chroma = |c: f32, weight: f32| (c - y) / (2.0 * (1.0 - weight)) + middle;
    [y, chroma(b, 0.114), chroma(r, 0.299)].map(|v| (v + 0.5).clamp(0.0, max) as u16)
}
