//! GIF 89a: reads the first picture of an animation, laid on its canvas; writes one with a palette of its own. How the
//! rest is read and written is a matter of [`animations`](crate::animations).

use super::decoded::Decoded;
use super::{Format, Keeps, Limits, Reader, Writer};
use crate::orientation::Orientation;
use crate::{Channels, Depth, Header, Result, animations};

pub(crate) static FORMAT: Format = Format {
    name: "gif",
    extensions: &["gif"],
    mime: "image/gif",
    magic: |b| b.starts_with(b"GIF87a") || b.starts_with(b"GIF89a"),
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &[Channels::Rgb, Channels::Rgba],
        depths: &[Depth::U8],
        lossy: false,
        lossless: false,
        max_side: 65535,
        streams: false,
        keeps: Keeps { icc: true, cicp: false, gamma: false, exif: false, xmp: true, density: false },
        open: animations::gif_still,
    }),
};

fn header(bytes: &[u8]) -> Result<Header> {
    animations::gif_header(bytes)
}

fn read(bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    let image = animations::gif_first(bytes, limits)?;
    Ok(Decoded { image, orientation: Orientation::Upright })
}
