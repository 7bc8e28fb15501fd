//! Windows bitmap. Writes 8-bit grey (as a palette), 24-bit RGB and 32-bit RGBA, bottom-up as everybody
//! expects, which costs one seek per batch of rows.

use std::io::{Cursor, SeekFrom};

use image::codecs::bmp::BmpDecoder;

use super::decoded::{self, Decoded, image_error};
use super::rows::u8s;
use super::{Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::orientation::Orientation;
use crate::{Channels, Density, DensityUnit, Depth, Error, Header, Metadata, Result, Samples};

pub(super) static FORMAT: Format = Format {
    name: "bmp",
    extensions: &["bmp", "dib"],
    mime: "image/bmp",
    // Two letters are no signature: the four reserved bytes must be zero, too.
    magic: |b| b.starts_with(b"BM") && b.get(6..10) == Some(&[0; 4]) && b.len() >= 18,
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &[Channels::Grey, Channels::Rgb, Channels::Rgba],
        depths: &[Depth::U8],
        lossy: false,
        lossless: true,
        max_side: i32::MAX as u32,
        streams: true,
        keeps: Keeps { icc: false, cicp: false, gamma: false, exif: false, xmp: false, density: true },
        open,
    }),
};

fn decoder(bytes: &[u8]) -> Result<BmpDecoder<Cursor<&[u8]>>> {
    BmpDecoder::new(Cursor::new(bytes)).map_err(|e| image_error("bmp", e))
}

fn header(bytes: &[u8]) -> Result<Header> {
    let header = decoded::header("bmp", &decoder(bytes)?)?;
    Ok(if is_grey(bytes) { Header { channels: Channels::Grey, ..header } } else { header })
}

/// Whether every colour of the palette is a grey; false without a palette.
fn is_grey(bytes: &[u8]) -> bool {
    let field = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (Some(size @ 40..=124), Some(used), Some(&[bits, 0])) = (field(14), field(46), bytes.get(28..30))
    else {
        return false;
    };
    if bits > 8 {
        return false;
    }
    let count = if used == 0 { 1 << bits } else { (used as usize).min(1 << bits) };
    let palette = bytes.get(14 + size as usize..).and_then(|b| b.get(..count * 4));
    palette.is_some_and(|p| p.chunks_exact(4).all(|c| c[0] == c[1] && c[1] == c[2]))
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let mut image = decoded::pixels("bmp", decoder(bytes)?)?;
    if is_grey(bytes) && image.channels == Channels::Rgb {
        let Samples::U8(colours) = &image.samples else { return Err(Error::malformed("bmp", "palette")) };
        image.samples = Samples::U8(colours.iter().copied().step_by(3).collect());
        image.channels = Channels::Grey;
    }
    let mut decoded = Decoded { image, orientation: Orientation::Upright };
    decoded.image.metadata = Metadata { density: density(bytes), ..Metadata::default() };
    Ok(decoded)
}

/// Pixels per metre, from any header of 40 bytes or more.
fn density(bytes: &[u8]) -> Option<Density> {
    let field = |at: usize| Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (size, x, y) = (field(14)?, field(38)?, field(42)?);
    (size >= 40 && x > 0 && y > 0).then(|| Density {
        x: f64::from(x),
        y: f64::from(y),
        unit: DensityUnit::Metre,
    })
}

/// The file header and the first fields of the picture header.
const FILE_HEADER: u32 = 14;
const INFO_HEADER: u32 = 40;
/// BITMAPV4HEADER, needed for alpha.
const V4_HEADER: u32 = 108;

fn open(header: &Header, options: &WriteOptions, mut sink: Sink) -> Result<Box<dyn RowWriter>> {
    let (info, palette) = match header.channels {
        Channels::Rgba => (V4_HEADER, 0),
        Channels::Grey => (INFO_HEADER, 1024),
        _ => (INFO_HEADER, 0),
    };
    let stride = header.row_samples().next_multiple_of(4) as u64;
    let data = FILE_HEADER + info + palette;
    let size = stride * u64::from(header.height);
    let Ok(file) = u32::try_from(u64::from(data) + size) else {
        let what = format!("a picture of {size} bytes does not fit into a BMP file; use png or tiff instead");
        return Err(Error::Limit { what, limit: u64::from(u32::MAX) });
    };
    let density = options.metadata.density.map(Density::per_metre).filter(|d| d.unit == DensityUnit::Metre);
    let (x, y) = density.map_or((0, 0), |d| (d.x.round() as i32, d.y.round() as i32));
    let mut out = b"BM".to_vec();
    for value in [file, 0, data, info, header.width, header.height] {
        out.extend(value.to_le_bytes());
    }
    out.extend(1u16.to_le_bytes());
    out.extend((header.channels.count() as u16 * 8).to_le_bytes());
    let compression = if info == V4_HEADER { 3 } else { 0 };
    for value in [compression, size as u32, x as u32, y as u32, palette / 4, 0] {
        out.extend(value.to_le_bytes());
    }
    if info == V4_HEADER {
        for mask in [0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0xFF00_0000u32] {
            out.extend(mask.to_le_bytes());
        }
        out.extend(b"BGRs");
        out.resize((FILE_HEADER + V4_HEADER) as usize, 0);
    }
    if palette > 0 {
        out.extend((0..=255).flat_map(|v| [v, v, v, 0]));
    }
    sink.write_all(&out)?;
    Ok(Box::new(BmpWriter { sink, header: *header, data: u64::from(data), stride, row: 0 }))
}

struct BmpWriter {
    sink: Sink,
    header: Header,
    data: u64,
    stride: u64,
    row: u64,
}

impl RowWriter for BmpWriter {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        let count = self.header.channels.count();
        let mut out = Vec::with_capacity(rows.len());
        let rows = u8s(rows)?;
        for row in rows.chunks_exact(self.header.row_samples()).rev() {
            if count == 1 {
                out.extend_from_slice(row);
            } else {
                for pixel in row.chunks_exact(count) {
                    out.extend([pixel[2], pixel[1], pixel[0]]);
                    out.extend(&pixel[3..]);
                }
            }
            out.resize(out.len().next_multiple_of(4), 0);
        }
        self.row += (rows.len() / self.header.row_samples()) as u64;
        let below = u64::from(self.header.height) - self.row;
        self.sink.seek(SeekFrom::Start(self.data + below * self.stride))?;
        Ok(self.sink.write_all(&out)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.sink.seek(SeekFrom::End(0))?;
        Ok(self.sink.flush()?)
    }
}
