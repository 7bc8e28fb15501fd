//! JPEG XL (ISO/IEC 18181): reads the first frame, 8 to 32 bit, with the colour profile of what it gives.

use jxl_oxide::image::BitDepth;
use jxl_oxide::{AllocTracker, InitializeResult, JxlImage, PixelFormat};

use super::decoded::Decoded;
use super::{Format, Limits, Reader};
use crate::orientation::Orientation;
use crate::{Channels, Depth, Error, Header, Image, Metadata, Result, Samples, Transfer, exif};

pub(crate) static FORMAT: Format = Format {
    name: "jxl",
    extensions: &["jxl"],
    mime: "image/jxl",
    magic: |b| b.starts_with(b"\xff\x0a") || b.starts_with(b"\0\0\0\x0cJXL \r\n\x87\n"),
    read: Some(Reader { header, read }),
    write: None,
};

/// H.273 transfer function 8: linear.
const LINEAR: u8 = 8;
/// sRGB, and grey with its curve, in H.273: nothing that a profile would have to say.
const SRGB: [u8; 3] = [1, 13, 0];

pub(crate) fn jxl_error(e: impl std::fmt::Display) -> Error {
    Error::malformed("jxl", e)
}

pub(crate) fn shape(image: &JxlImage) -> Result<Header> {
    let channels = match image.pixel_format() {
        PixelFormat::Gray => Channels::Grey,
        PixelFormat::Graya => Channels::GreyAlpha,
        PixelFormat::Rgb => Channels::Rgb,
        PixelFormat::Rgba => Channels::Rgba,
        other => return Err(Error::unsupported(format!("jxl: {other:?} pictures"))),
    };
    let depth = match image.image_header().metadata.bit_depth {
        BitDepth::IntegerSample { bits_per_sample: 0..=8 } => Depth::U8,
        BitDepth::IntegerSample { bits_per_sample: 9..=16 } => Depth::U16,
        _ => Depth::F32,
    };
    let linear = depth == Depth::F32 && image.rendered_cicp().is_some_and(|c| c[1] == LINEAR);
    let transfer = if linear { Transfer::Linear } else { Transfer::Encoded };
    Ok(Header { width: image.width(), height: image.height(), channels, depth, transfer })
}

/// The bytes fed at a time while only the header is wanted.
const STEP: usize = 4096;

fn header(bytes: &[u8]) -> Result<Header> {
    let mut waiting = JxlImage::builder().build_uninit();
    let mut rest = bytes;
    while !rest.is_empty() {
        let fed = waiting.feed_bytes(&rest[..rest.len().min(STEP)]).map_err(jxl_error)?;
        rest = &rest[fed..];
        match waiting.try_init().map_err(jxl_error)? {
            InitializeResult::Initialized(image) => return shape(&image),
            InitializeResult::NeedMoreData(_) if fed == 0 => break,
            InitializeResult::NeedMoreData(same) => waiting = same,
        }
    }
    Err(Error::malformed("jxl", "the file ends inside its header"))
}

fn read(bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    let image = load(bytes, limits)?;
    let header = shape(&image)?;
    let mut picture = Image::new(header, frame(&image, 0, &header)?)?;
    picture.metadata = metadata(&image);
    // The decoder has turned the pixels already; the tags have to follow.
    picture.metadata.turned(Orientation::Upright);
    Ok(Decoded { image: picture, orientation: Orientation::Upright })
}

/// A file whose frames are decoded when they are asked for.
pub(crate) fn load(bytes: &[u8], limits: &Limits) -> Result<JxlImage> {
    // The decoder works in floats and keeps a few copies.
    let budget = usize::try_from(limits.max_bytes.saturating_mul(8)).unwrap_or(usize::MAX);
    let tracker = AllocTracker::with_limit(budget);
    JxlImage::builder().alloc_tracker(tracker).read(bytes).map_err(jxl_error)
}

/// The samples of what the file shows as its frame of this number.
pub(crate) fn frame(image: &JxlImage, number: usize, header: &Header) -> Result<Samples> {
    let frame = image.render_frame(number).map_err(jxl_error)?;
    let mut stream = frame.stream();
    let count = header.pixels() as usize * header.channels.count();
    if stream.channels() as usize != header.channels.count()
        || (stream.width(), stream.height()) != (header.width, header.height)
    {
        return Err(Error::malformed("jxl", "the frame does not have the shape of the header"));
    }
    Ok(match header.depth {
        Depth::U8 => {
            let mut samples = vec![0u8; count];
            stream.write_to_buffer(&mut samples);
            Samples::U8(samples)
        }
        Depth::U16 => {
            let mut samples = vec![0u16; count];
            stream.write_to_buffer(&mut samples);
            Samples::U16(samples)
        }
        Depth::F32 => {
            let mut samples = vec![0f32; count];
            stream.write_to_buffer(&mut samples);
            Samples::F32(samples)
        }
    })
}

pub(crate) fn metadata(image: &JxlImage) -> Metadata {
    let cicp = image.rendered_cicp();
    let plain = cicp.is_some_and(|c| c[..3] == SRGB);
    let boxes = image.aux_boxes();
    let exif = match boxes.first_exif() {
        Ok(jxl_oxide::AuxBoxData::Data(raw)) => {
            raw.payload().get(raw.tiff_header_offset() as usize..).and_then(exif::block).map(<[u8]>::to_vec)
        }
        _ => None,
    };
    let xmp = match boxes.first_xml() {
        jxl_oxide::AuxBoxData::Data(packet) => Some(packet.to_vec()),
        _ => None,
    };
    Metadata {
        icc: (!plain).then(|| image.rendered_icc()).filter(|p| !p.is_empty()),
        exif,
        xmp,
        cicp: cicp.filter(|_| !plain),
        ..Metadata::default()
    }
}
