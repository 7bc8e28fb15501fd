//! Netpbm: reads PBM, PGM, PPM (plain and raw) and PAM, writes raw PGM, PPM and (with alpha) PAM, 8 and 16 bit.

use std::io::Cursor;

use image::codecs::pnm::PnmDecoder;

use super::decoded::{self, Decoded, image_error};
use super::rows::big_endian_bytes;
use super::{Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::orientation::Orientation;
use crate::{Channels, Depth, Header, Result, Samples};

pub(super) static FORMAT: Format = Format {
    name: "pnm",
    extensions: &["pnm", "pbm", "pgm", "ppm", "pam"],
    mime: "image/x-portable-anymap",
    magic: begins_header,
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &Channels::ALL,
        depths: &[Depth::U8, Depth::U16],
        lossy: false,
        lossless: true,
        max_side: u32::MAX,
        streams: true,
        keeps: Keeps { icc: false, cicp: false, gamma: false, exif: false, xmp: false, density: false },
        open,
    }),
};

/// Whether these bytes begin a header: behind the two of the format and white space come a comment and a size, of PAM a line
/// for each of its fields.
fn begins_header(b: &[u8]) -> bool {
    let [b'P', kind @ b'1'..=b'7', rest @ ..] = b else { return false };
    let behind = rest.trim_ascii_start();
    let parted = behind.len() < rest.len();
    match behind.first() {
        Some(b'#') => true,
        Some(b'0'..=b'9') => parted && *kind != b'7',
        Some(b'A'..=b'Z') => parted && *kind == b'7',
        _ => false,
    }
}

fn decoder(bytes: &[u8]) -> Result<PnmDecoder<Cursor<&[u8]>>> {
    PnmDecoder::new(Cursor::new(bytes)).map_err(|e| image_error("pnm", e))
}

fn header(bytes: &[u8]) -> Result<Header> {
    decoded::header("pnm", &decoder(bytes)?)
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let image = decoded::pixels("pnm", decoder(bytes)?)?;
    Ok(Decoded { image, orientation: Orientation::Upright })
}

fn open(header: &Header, _options: &WriteOptions, mut sink: Sink) -> Result<Box<dyn RowWriter>> {
    let Header { width, height, channels, depth, .. } = *header;
    let max = if depth == Depth::U16 { 65535 } else { 255 };
    let head = match channels {
        Channels::Grey => format!("P5\n{width} {height}\n{max}\n"),
        Channels::Rgb => format!("P6\n{width} {height}\n{max}\n"),
        Channels::GreyAlpha | Channels::Rgba => {
            let kind = if channels == Channels::Rgba { "RGB_ALPHA" } else { "GRAYSCALE_ALPHA" };
            let count = channels.count();
            format!(
                "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {count}\nMAXVAL {max}\nTUPLTYPE {kind}\nENDHDR\n"
            )
        }
    };
    sink.write_all(head.as_bytes())?;
    Ok(Box::new(PnmWriter { sink }))
}

struct PnmWriter {
    sink: Sink,
}

impl RowWriter for PnmWriter {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        Ok(self.sink.write_all(&big_endian_bytes(rows))?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        Ok(self.sink.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_from_texts() {
        for header in ["P6\n4 4\n255\n", "P1 # a comment", "P5#a comment\n4 4", "P7\nWIDTH 4\n"] {
            assert!(begins_header(header.as_bytes()), "{header}");
        }
        for text in ["P1 - urgent", "P3: later", "P64 4", "P7 4 4", "P5\n", "P8 4 4", "P"] {
            assert!(!begins_header(text.as_bytes()), "{text}");
        }
    }
}
