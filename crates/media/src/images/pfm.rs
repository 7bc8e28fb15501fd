//! Portable float map: grey or RGB, scene-linear floats, from bottom to top.
//! <https://www.pauldebevec.com/Research/HDR/PFM/>

use std::io::SeekFrom;

use super::decoded::Decoded;
use super::rows::little_endian_bytes;
use super::{Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::orientation::Orientation;
use crate::{Channels, Depth, Error, Header, Image, Result, Samples, Transfer};

pub(super) static FORMAT: Format = Format {
    name: "pfm",
    extensions: &["pfm"],
    mime: "image/x-portable-floatmap",
    magic: |b| matches!(b, [b'P', b'F' | b'f', b' ' | b'\t' | b'\n' | b'\r', ..]),
    read: Some(Reader { header: |bytes| Ok(parse(bytes)?.header), read }),
    write: Some(Writer {
        channels: &[Channels::Grey, Channels::Rgb],
        depths: &[Depth::F32],
        lossy: false,
        lossless: true,
        max_side: i32::MAX as u32,
        streams: true,
        keeps: Keeps { icc: false, cicp: false, gamma: false, exif: false, xmp: false, density: false },
        open,
    }),
};

struct Parsed {
    header: Header,
    big_endian: bool,
    data: usize,
}

fn parse(bytes: &[u8]) -> Result<Parsed> {
    let broken = || Error::malformed("pfm", "header");
    let mut at = 0;
    let mut word = || {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        let start = at;
        while bytes.get(at).is_some_and(|b| !b.is_ascii_whitespace()) {
            at += 1;
        }
        std::str::from_utf8(&bytes[start..at]).map_err(|_| broken())
    };
    let channels = if word()? == "PF" { Channels::Rgb } else { Channels::Grey };
    let width = word()?.parse().map_err(|_| broken())?;
    let height = word()?.parse().map_err(|_| broken())?;
    let scale: f32 = word()?.parse().map_err(|_| broken())?;
    let header = Header { width, height, channels, depth: Depth::F32, transfer: Transfer::Linear };
    // A positive scale means big-endian; its size is not a factor but a hint about exposure.
    Ok(Parsed { header, big_endian: scale > 0.0, data: at + 1 })
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let Parsed { header, big_endian, data } = parse(bytes)?;
    let size = header.bytes() as usize;
    let pixels = bytes.get(data..).and_then(|b| b.get(..size));
    let pixels = pixels.ok_or_else(|| Error::malformed("pfm", "the file ends before the last row"))?;
    let mut samples = Vec::with_capacity(size / 4);
    for row in pixels.chunks_exact(header.row_samples() * 4).rev() {
        let decode = if big_endian { f32::from_be_bytes } else { f32::from_le_bytes };
        samples.extend(row.chunks_exact(4).map(|b| decode([b[0], b[1], b[2], b[3]])));
    }
    let image = Image::new(header, Samples::F32(samples))?;
    Ok(Decoded { image, orientation: Orientation::Upright })
}

fn open(header: &Header, _options: &WriteOptions, mut sink: Sink) -> Result<Box<dyn RowWriter>> {
    let letter = if header.channels == Channels::Rgb { 'F' } else { 'f' };
    let head = format!("P{letter}\n{} {}\n-1.0\n", header.width, header.height);
    sink.write_all(head.as_bytes())?;
    Ok(Box::new(PfmWriter { sink, header: *header, data: head.len() as u64, row: 0 }))
}

struct PfmWriter {
    sink: Sink,
    header: Header,
    data: u64,
    row: u64,
}

impl RowWriter for PfmWriter {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        let stride = self.header.row_samples() * 4;
        let bytes = little_endian_bytes(rows);
        let out: Vec<u8> = bytes.chunks_exact(stride).rev().flatten().copied().collect();
        self.row += (bytes.len() / stride) as u64;
        let below = u64::from(self.header.height) - self.row;
        self.sink.seek(SeekFrom::Start(self.data + below * stride as u64))?;
        Ok(self.sink.write_all(&out)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.sink.seek(SeekFrom::End(0))?;
        Ok(self.sink.flush()?)
    }
}
