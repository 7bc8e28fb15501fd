//! Radiance HDR (RGBE): scene-linear floats.

use std::io::Cursor;

use image::codecs::hdr::HdrDecoder;

use super::decoded::{self, Decoded, image_error};
use super::{Format, Limits, Reader};
use crate::orientation::Orientation;
use crate::{Header, Result};

pub(super) static FORMAT: Format = Format {
    name: "hdr",
    extensions: &["hdr", "pic"],
    mime: "image/vnd.radiance",
    magic: |b| b.starts_with(b"#?RADIANCE") || b.starts_with(b"#?RGBE"),
    read: Some(Reader { header, read }),
    write: None,
};

fn decoder(bytes: &[u8]) -> Result<HdrDecoder<Cursor<&[u8]>>> {
    HdrDecoder::new(Cursor::new(bytes)).map_err(|e| image_error("hdr", e))
}

fn header(bytes: &[u8]) -> Result<Header> {
    decoded::header("hdr", &decoder(bytes)?)
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let image = decoded::pixels("hdr", decoder(bytes)?)?;
    Ok(Decoded { image, orientation: Orientation::Upright })
}
