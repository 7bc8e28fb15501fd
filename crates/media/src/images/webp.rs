//! WebP (RFC 9649): 8 bit, lossy or (at quality 100) lossless. The encoder needs the whole picture.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};
use webp::{PixelLayout, WebPConfig};

use super::decoded::Decoded;
use super::rows::Whole;
use super::{Effort, Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::{Channels, Depth, Error, Header, Image, Metadata, Result, Samples, exif};

pub(crate) static FORMAT: Format = Format {
    name: "webp",
    extensions: &["webp"],
    mime: "image/webp",
    magic: |b| b.starts_with(b"RIFF") && b.get(8..12) == Some(b"WEBP"),
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &[Channels::Rgb, Channels::Rgba],
        depths: &[Depth::U8],
        lossy: true,
        lossless: true,
        max_side: 16383,
        streams: false,
        keeps: Keeps { icc: true, cicp: false, gamma: false, exif: true, xmp: true, density: false },
        open,
    }),
};

pub(crate) fn decoding_error(e: DecodingError) -> Error {
    Error::malformed("webp", e)
}

pub(crate) fn decoder(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>> {
    WebPDecoder::new(Cursor::new(bytes)).map_err(decoding_error)
}

fn shape(decoder: &WebPDecoder<Cursor<&[u8]>>) -> Header {
    let (width, height) = decoder.dimensions();
    Header::new(width, height, Channels::of(3, decoder.has_alpha()), Depth::U8)
}

pub(crate) fn metadata(decoder: &mut WebPDecoder<Cursor<&[u8]>>) -> Metadata {
    let block = decoder.exif_metadata().ok().flatten();
    Metadata {
        icc: decoder.icc_profile().ok().flatten(),
        exif: block.as_deref().and_then(exif::block).map(<[u8]>::to_vec),
        xmp: decoder.xmp_metadata().ok().flatten(),
        ..Metadata::default()
    }
}

fn header(bytes: &[u8]) -> Result<Header> {
    let mut decoder = decoder(bytes)?;
    let stored = shape(&decoder);
    Ok(metadata(&mut decoder).orientation().upright(stored))
}

/// The bytes of a file that follow its first eight, as it says itself.
fn promised(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize)
}

fn read(bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    // The decoder takes the data of a lossy picture for whole, however few they are.
    if promised(bytes).is_none_or(|promised| bytes.len() - 8 < promised) {
        return Err(Error::malformed("webp", "the file is shorter than it says"));
    }
    let mut decoder = decoder(bytes)?;
    decoder.set_memory_limit(usize::try_from(limits.max_bytes).unwrap_or(usize::MAX));
    let header = shape(&decoder);
    let mut samples = vec![0; header.bytes() as usize];
    decoder.read_image(&mut samples).map_err(decoding_error)?;
    let metadata = metadata(&mut decoder);
    Ok(Decoded::with_metadata(Image::new(header, Samples::U8(samples))?, metadata))
}

/// From the quality scale of this crate to that of libwebp, piecewise linear: about equal PSNR on
/// photographs, as far as WebP's half-resolution colour allows.
const QUALITY: [(f32, f32); 5] = [(1.0, 0.0), (50.0, 46.0), (75.0, 74.0), (90.0, 89.0), (99.0, 99.0)];

fn open(header: &Header, options: &WriteOptions, sink: Sink) -> Result<Box<dyn RowWriter>> {
    let (header, kept) = (*header, options.metadata.clone());
    let config = config(options)?;
    let encode = move |samples: Vec<u8>| {
        let encoded = encode(&samples, &header, &config)?;
        Ok(with_metadata(&encoded, &header, &kept))
    };
    let samples = Vec::with_capacity(header.bytes() as usize);
    Ok(Box::new(Whole { samples, sink, encode: Box::new(encode) }))
}

/// What the encoder is asked for.
pub(crate) fn config(options: &WriteOptions) -> Result<WebPConfig> {
    let mut config =
        WebPConfig::new().map_err(|()| Error::unsupported("webp: the encoder does not start"))?;
    config.method = match options.effort {
        Effort::Fast => 1,
        Effort::Balanced => 4,
        Effort::Small => 6,
    };
    if options.quality == 100 {
        config.lossless = 1;
        // Keep colours under fully transparent pixels: lossless means every sample.
        config.exact = 1;
        config.quality = 75.0;
    } else {
        config.quality = super::interpolate(&QUALITY, f32::from(options.quality));
        // Like JPEG's full-resolution colour from 90 on: sharper colour edges at half resolution.
        config.use_sharp_yuv = i32::from(options.quality >= 90);
    }
    Ok(config)
}

/// A whole picture as a file without metadata.
pub(crate) fn encode(samples: &[u8], header: &Header, config: &WebPConfig) -> Result<Vec<u8>> {
    let layout = if header.channels.has_alpha() { PixelLayout::Rgba } else { PixelLayout::Rgb };
    let encoded = webp::Encoder::new(samples, layout, header.width, header.height)
        .encode_advanced(config)
        .map_err(|e| Error::unsupported(format!("webp: the encoder refuses the picture: {e:?}")))?;
    Ok(encoded.to_vec())
}

/// The name and the content of each chunk from `bytes` on, until one is not whole.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let head = rest.get(..8)?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let data = rest.get(8..8usize.checked_add(length)?)?;
        rest = rest.get(8 + length.next_multiple_of(2)..).unwrap_or(&[]);
        Some((&head[..4], data))
    })
}

/// Turns what the encoder made into an extended file with metadata, if there is any.
fn with_metadata(encoded: &[u8], header: &Header, kept: &Metadata) -> Vec<u8> {
    if kept.icc.is_none() && kept.exif.is_none() && kept.xmp.is_none() {
        return encoded.to_vec();
    }
    let mut flags = 0;
    let mut chunks = Vec::new();
    let mut extended = [0; 10];
    if let Some(profile) = &kept.icc {
        flags |= 0x20;
        chunk(&mut chunks, b"ICCP", profile);
    }
    for (name, data) in self::chunks(encoded.get(12..).unwrap_or(&[])) {
        if name != b"VP8X" {
            chunk(&mut chunks, &[name[0], name[1], name[2], name[3]], data);
        }
    }
    if let Some(block) = &kept.exif {
        flags |= 0x08;
        chunk(&mut chunks, b"EXIF", block);
    }
    if let Some(packet) = &kept.xmp {
        flags |= 0x04;
        chunk(&mut chunks, b"XMP ", packet);
    }
    if header.channels.has_alpha() {
        flags |= 0x10;
    }
    extended[0] = flags;
    extended[4..7].copy_from_slice(&(header.width - 1).to_le_bytes()[..3]);
    extended[7..10].copy_from_slice(&(header.height - 1).to_le_bytes()[..3]);
    let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
    chunk(&mut file, b"VP8X", &extended);
    file.extend(chunks);
    let size = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

pub(crate) fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(name);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}
