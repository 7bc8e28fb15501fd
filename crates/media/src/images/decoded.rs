//! What a format's reader hands back, and reading through the decoders of the `image` crate.

use image::{ColorType, ImageDecoder, ImageError};

use crate::orientation::Orientation;
use crate::{Channels, Depth, Error, Header, Image, Metadata, Result, Samples, Transfer};

/// A picture as stored, and how to turn it upright.
pub(crate) struct Decoded {
    pub(crate) image: Image,
    pub(crate) orientation: Orientation,
}

impl Decoded {
    /// A picture whose orientation is what its EXIF block says.
    pub(crate) fn with_metadata(mut image: Image, metadata: Metadata) -> Self {
        let orientation = metadata.orientation();
        image.metadata = metadata;
        Decoded { image, orientation }
    }

    /// The picture turned upright, with tags that say so.
    pub(crate) fn upright(self) -> Image {
        let Decoded { mut image, orientation } = self;
        let header = image.header();
        image.samples = orientation.apply(image.samples, header);
        let upright = orientation.upright(header);
        (image.width, image.height) = (upright.width, upright.height);
        image.metadata.turned(orientation);
        image
    }
}

/// The error of a library that only gives a sentence. Premature ends are the file's fault, not the disk's,
/// because readers here read from memory.
pub(crate) fn image_error(format: &'static str, error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(e) => Error::unsupported(format!("{format}: {e}")),
        e => Error::malformed(format, e),
    }
}

/// The shape of what a decoder of the `image` crate gives.
pub(crate) fn header(format: &'static str, decoder: &impl ImageDecoder) -> Result<Header> {
    let (width, height) = decoder.dimensions();
    let (channels, depth) = match decoder.color_type() {
        ColorType::L8 => (Channels::Grey, Depth::U8),
        ColorType::La8 => (Channels::GreyAlpha, Depth::U8),
        ColorType::Rgb8 => (Channels::Rgb, Depth::U8),
        ColorType::Rgba8 => (Channels::Rgba, Depth::U8),
        ColorType::L16 => (Channels::Grey, Depth::U16),
        ColorType::La16 => (Channels::GreyAlpha, Depth::U16),
        ColorType::Rgb16 => (Channels::Rgb, Depth::U16),
        ColorType::Rgba16 => (Channels::Rgba, Depth::U16),
        ColorType::Rgb32F => (Channels::Rgb, Depth::F32),
        ColorType::Rgba32F => (Channels::Rgba, Depth::F32),
        other => return Err(Error::unsupported(format!("{format}: samples of type {other:?}"))),
    };
    let transfer = if depth == Depth::F32 { Transfer::Linear } else { Transfer::Encoded };
    Ok(Header { width, height, channels, depth, transfer })
}

/// Decodes with a decoder of the `image` crate.
pub(crate) fn pixels(format: &'static str, decoder: impl ImageDecoder) -> Result<Image> {
    let header = header(format, &decoder)?;
    let mut bytes = vec![0; header.bytes() as usize];
    decoder.read_image(&mut bytes).map_err(|e| image_error(format, e))?;
    Image::new(header, native(bytes, header.depth))
}

/// Samples from bytes in the order of this machine.
pub(crate) fn native(bytes: Vec<u8>, depth: Depth) -> Samples {
    match depth {
        Depth::U8 => Samples::U8(bytes),
        Depth::U16 => Samples::U16(bytes.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect()),
        Depth::F32 => Samples::F32(
            bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect(),
        ),
    }
}

/// Samples from big-endian bytes.
pub(crate) fn big_endian(bytes: Vec<u8>, depth: Depth) -> Samples {
    match depth {
        Depth::U16 => Samples::U16(bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect()),
        depth => native(bytes, depth),
    }
}
