//! TGA (Truevision 1991). It has no signature, so it is recognised by whether its header makes sense, and tried last.

use std::io::Cursor;

use image::codecs::tga::TgaDecoder;

use super::decoded::{self, Decoded, image_error};
use super::{Format, Limits, Reader};
use crate::orientation::Orientation;
use crate::{Channels, Header, Image, Result, Samples};

pub(super) static FORMAT: Format = Format {
    name: "tga",
    extensions: &["tga", "icb", "vda", "vst"],
    mime: "image/x-tga",
    magic: plausible,
    read: Some(Reader { header, read }),
    write: None,
};

fn decoder(bytes: &[u8]) -> Result<TgaDecoder<Cursor<&[u8]>>> {
    TgaDecoder::new(Cursor::new(bytes)).map_err(|e| image_error("tga", e))
}

fn header(bytes: &[u8]) -> Result<Header> {
    decoded::header("tga", &decoder(bytes)?)
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let mut image = decoded::pixels("tga", decoder(bytes)?)?;
    if attribute_bits(bytes) == 0 {
        show_if_blank(&mut image);
    }
    Ok(Decoded { image, orientation: Orientation::Upright })
}

/// How many bits of a pixel are alpha, as the descriptor says it.
fn attribute_bits(bytes: &[u8]) -> u8 {
    bytes.get(17).map_or(0, |descriptor| descriptor & 0x0F)
}

/// Makes a picture opaque of which nothing can be seen: its alpha is padding. Many writers of true alpha say that there are no
/// attribute bits, so that alone tells nothing.
fn show_if_blank(image: &mut Image) {
    let Channels::Rgba = image.channels else { return };
    let Samples::U8(samples) = &mut image.samples else { return };
    if samples.iter().skip(3).step_by(4).all(|&alpha| alpha == 0) {
        samples.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    }
}

/// Whether the 18 bytes of a TGA header fit together.
fn plausible(b: &[u8]) -> bool {
    let Some(&[_, palette, kind, .., descriptor]) = b.get(..18) else { return false };
    let (width, height) = (u16::from_le_bytes([b[12], b[13]]), u16::from_le_bytes([b[14], b[15]]));
    let palette_fits = match (palette, kind) {
        (1, 1 | 9) => matches!(b[7], 15 | 16 | 24 | 32) && b[16] == 8,
        (0 | 1, 2 | 10) => matches!(b[16], 15 | 16 | 24 | 32),
        (0, 3 | 11) => matches!(b[16], 8 | 16),
        _ => false,
    };
    palette_fits && width > 0 && height > 0 && descriptor & 0xC0 == 0
}
