//! QOI, the quite OK image format: <https://qoiformat.org/qoi-specification.pdf>. 8-bit RGB and RGBA.
//! The encoder is our own, because it has to stream.

use std::io::Cursor;

use image::codecs::qoi::QoiDecoder;

use super::decoded::{self, Decoded, image_error};
use super::rows::u8s;
use super::{Format, Keeps, Limits, Reader, RowWriter, Sink, WriteOptions, Writer};
use crate::orientation::Orientation;
use crate::{Channels, Depth, Error, Header, Result, Samples};

pub(super) static FORMAT: Format = Format {
    name: "qoi",
    extensions: &["qoi"],
    mime: "image/qoi",
    magic: |b| b.starts_with(b"qoif"),
    read: Some(Reader { header, read }),
    write: Some(Writer {
        channels: &[Channels::Rgb, Channels::Rgba],
        depths: &[Depth::U8],
        lossy: false,
        lossless: true,
        max_side: u32::MAX,
        streams: true,
        keeps: Keeps { icc: false, cicp: false, gamma: false, exif: false, xmp: false, density: false },
        open,
    }),
};

/// The reference decoder refuses more pixels than this.
const MAX_PIXELS: u64 = 400_000_000;

fn decoder(bytes: &[u8]) -> Result<QoiDecoder<Cursor<&[u8]>>> {
    QoiDecoder::new(Cursor::new(bytes)).map_err(|e| image_error("qoi", e))
}

fn header(bytes: &[u8]) -> Result<Header> {
    decoded::header("qoi", &decoder(bytes)?)
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
    let image = decoded::pixels("qoi", decoder(bytes)?)?;
    Ok(Decoded { image, orientation: Orientation::Upright })
}

fn open(header: &Header, _options: &WriteOptions, mut sink: Sink) -> Result<Box<dyn RowWriter>> {
    if header.pixels() > MAX_PIXELS {
        let what = format!("QOI stores no picture of {} pixels; use png instead", header.pixels());
        return Err(Error::Limit { what, limit: MAX_PIXELS });
    }
    let mut head = b"qoif".to_vec();
    head.extend(header.width.to_be_bytes());
    head.extend(header.height.to_be_bytes());
    head.extend([header.channels.count() as u8, 0]);
    sink.write_all(&head)?;
    let channels = header.channels.count();
    Ok(Box::new(QoiWriter { sink, channels, seen: [[0; 4]; 64], last: [0, 0, 0, 255], run: 0 }))
}

struct QoiWriter {
    sink: Sink,
    channels: usize,
    seen: [[u8; 4]; 64],
    last: [u8; 4],
    run: u8,
}

impl QoiWriter {
    fn end_run(&mut self, out: &mut Vec<u8>) {
        if self.run > 0 {
            out.push(0xC0 | (self.run - 1));
            self.run = 0;
        }
    }

    fn pixel(&mut self, [r, g, b, a]: [u8; 4], out: &mut Vec<u8>) {
        let pixel = [r, g, b, a];
        if pixel == self.last {
            self.run += 1;
            if self.run == 62 {
                self.end_run(out);
            }
            return;
        }
        self.end_run(out);
        let sum = usize::from(r) * 3 + usize::from(g) * 5 + usize::from(b) * 7 + usize::from(a) * 11;
        let [lr, lg, lb, la] = std::mem::replace(&mut self.last, pixel);
        let known = std::mem::replace(&mut self.seen[sum % 64], pixel);
        if known == pixel {
            out.push((sum % 64) as u8);
            return;
        }
        if a != la {
            out.extend([0xFF, r, g, b, a]);
            return;
        }
        let (dr, dg, db) = (r.wrapping_sub(lr), g.wrapping_sub(lg), b.wrapping_sub(lb));
        let small = |d: u8| d.wrapping_add(2);
        if small(dr) < 4 && small(dg) < 4 && small(db) < 4 {
            out.push(0x40 | small(dr) << 4 | small(dg) << 2 | small(db));
            return;
        }
        let (green, red, blue) =
            (dg.wrapping_add(32), dr.wrapping_sub(dg).wrapping_add(8), db.wrapping_sub(dg).wrapping_add(8));
        if green < 64 && red < 16 && blue < 16 {
            out.extend([0x80 | green, red << 4 | blue]);
        } else {
            out.extend([0xFE, r, g, b]);
        }
    }
}

impl RowWriter for QoiWriter {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        let mut out = Vec::with_capacity(rows.len());
        for p in u8s(rows)?.chunks_exact(self.channels) {
            self.pixel([p[0], p[1], p[2], p.get(3).copied().unwrap_or(255)], &mut out);
        }
        Ok(self.sink.write_all(&out)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let mut out = Vec::new();
        self.end_run(&mut out);
        out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        self.sink.write_all(&out)?;
        Ok(self.sink.flush()?)
    }
}
