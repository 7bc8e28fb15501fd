//! GIF 89a: reads the first picture of an animation, laid on its canvas.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;

use super::decoded::{self, Decoded, image_error};
use super::{Format, Limits, Reader};
use crate::orientation::Orientation;
use crate::{Header, Result};

pub(super) static FORMAT: Format = Format {
    name: "gif",
    extensions: &["gif"],
    mime: "image/gif",
    magic: |b| b.starts_with(b"GIF87a") || b.starts_with(b"GIF89a"),
    read: Some(Reader { header, read }),
    write: None,
};

fn decoder(bytes: &[u8]) -> Result<GifDecoder<Cursor<&[u8]>>> {
    GifDecoder::new(Cursor::new(bytes)).map_err(|e| image_error("gif", e))
}

fn header(bytes: &[u8]) -> Result<Header> {
    decoded::header("gif", &decoder(bytes)?)
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let image = decoded::pixels("gif", decoder(bytes)?)?;
    Ok(Decoded { image, orientation: Orientation::Upright })
}
