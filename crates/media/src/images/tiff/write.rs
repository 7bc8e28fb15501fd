//! Writing TIFF strip by strip and page by page. The `tiff` crate compresses only whole pictures, and a directory is a list
//! of numbers, so this is our own: strips as they come, the directory at the end.

use std::io::{SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::super::rows::little_endian_bytes;
use super::super::{Effort, RowWriter, Sink, WriteOptions};
use crate::exif::{self, Directories, Entry};
use crate::{Density, DensityUnit, Depth, Header, Metadata, Result, Samples};

/// The bytes of a strip before compression, roughly: readers hold one strip in memory.
const STRIP: usize = 1 << 20;
/// From this many uncompressed bytes on, offsets may not fit into 32 bits: leave room for the directory and
/// for data that Deflate makes larger.
const BIG: u64 = u32::MAX as u64 / 16 * 15;

const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;
const BYTE: u16 = 1;
const LONG8: u16 = 16;

pub(super) fn open(header: &Header, options: &WriteOptions, sink: Sink) -> Result<Box<dyn RowWriter>> {
    let metadata = &options.metadata;
    let blocks = [&metadata.icc, &metadata.exif, &metadata.xmp, &metadata.iptc];
    let extra: usize = blocks.iter().filter_map(|b| b.as_ref()).map(Vec::len).sum();
    let book = Book::new(header.bytes() + extra as u64, sink)?;
    Ok(page(header, options, Arc::new(Mutex::new(book))))
}

/// Begins a page after those that the book has.
pub(crate) fn page(header: &Header, options: &WriteOptions, book: Arc<Mutex<Book>>) -> Box<dyn RowWriter> {
    let row = header.row_samples() * header.depth.bytes();
    let rows_per_strip = (STRIP / row).clamp(1, header.height as usize);
    let level = match options.effort {
        Effort::Fast => 1,
        Effort::Balanced => 6,
        Effort::Small => 9,
    };
    Box::new(TiffWriter {
        book,
        header: *header,
        metadata: options.metadata.clone(),
        rows_per_strip,
        level: Compression::new(level),
        pending: Vec::new(),
        offsets: Vec::new(),
        counts: Vec::new(),
    })
}

/// A file of one page after the other, linked by their directories.
pub(crate) struct Book {
    sink: Sink,
    /// Whether offsets have 64 bits.
    big: bool,
    /// How many bytes were written.
    at: u64,
    /// Where the place of the next page's directory is to be filled in.
    link: u64,
}

impl Book {
    /// Begins a file for so many bytes of samples and metadata.
    pub(crate) fn new(bytes: u64, mut sink: Sink) -> Result<Self> {
        let big = bytes > BIG;
        let head: &[u8] = if big { b"II+\0\x08\0\0\0\0\0\0\0\0\0\0\0" } else { b"II*\0\0\0\0\0" };
        sink.write_all(head)?;
        Ok(Book { sink, big, at: head.len() as u64, link: if big { 8 } else { 4 } })
    }

    /// Flushes the sink.
    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.sink.flush()?)
    }

    /// Writes bytes at the next even place, and says where.
    fn put(&mut self, bytes: &[u8]) -> Result<u64> {
        let at = self.at;
        self.sink.write_all(bytes)?;
        self.at += bytes.len() as u64;
        if self.at % 2 == 1 {
            self.sink.write_all(&[0])?;
            self.at += 1;
        }
        Ok(at)
    }

    /// Writes a directory and says where.
    fn directory(&mut self, entries: Vec<Entry>) -> Result<u64> {
        if self.big {
            return self.put(&big_directory(self.at, entries));
        }
        let mut bytes = Vec::new();
        let at = exif::write_directory(&mut bytes, self.at as u32, entries);
        self.put(&bytes)?;
        Ok(u64::from(at))
    }

    /// Links the directory of a page, of so many entries, to the page before it.
    fn add(&mut self, directory: u64, entries: usize) -> Result<()> {
        self.sink.seek(SeekFrom::Start(self.link))?;
        let (head, entry) = if self.big {
            self.sink.write_all(&directory.to_le_bytes())?;
            (8, 20)
        } else {
            self.sink.write_all(&(directory as u32).to_le_bytes())?;
            (2, 12)
        };
        self.link = directory + head + entries as u64 * entry;
        self.sink.seek(SeekFrom::End(0))?;
        self.flush()
    }

    /// A list of offsets or lengths, in the width of the file.
    fn list(&self, tag: u16, values: &[u64]) -> Entry {
        let count = values.len() as u32;
        if self.big {
            return Entry {
                tag,
                kind: LONG8,
                count,
                data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            };
        }
        Entry {
            tag,
            kind: LONG,
            count,
            data: values.iter().flat_map(|v| (*v as u32).to_le_bytes()).collect(),
        }
    }
}

struct TiffWriter {
    book: Arc<Mutex<Book>>,
    header: Header,
    metadata: Metadata,
    rows_per_strip: usize,
    level: Compression,
    pending: Vec<u8>,
    offsets: Vec<u64>,
    counts: Vec<u64>,
}

impl TiffWriter {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row_bytes(&self) -> usize {
        self.header.row_samples() * self.header.depth.bytes()
    }

    fn strip(&mut self, bytes: &[u8]) -> Result<()> {
        let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), self.level);
        encoder.write_all(bytes)?;
        let strip = encoder.finish()?;
        let at = self.book().put(&strip)?;
        self.offsets.push(at);
        self.counts.push(strip.len() as u64);
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        let Header { width, height, channels, depth, .. } = self.header;
        let count = channels.count();
        let photometric = if channels.colours() == 3 { 2 } else { 1 };
        let format = if depth == Depth::F32 { 3 } else { 1 };
        let predictor = if depth == Depth::F32 { 1 } else { 2 };
        let book = self.book();
        let (offsets, counts) = (book.list(273, &self.offsets), book.list(279, &self.counts));
        drop(book);
        let mut entries = vec![
            longs(256, &[width]),
            longs(257, &[height]),
            shorts(258, &vec![depth.bytes() as u16 * 8; count]),
            shorts(259, &[8]),
            shorts(262, &[photometric]),
            offsets,
            shorts(274, &[1]),
            shorts(277, &[count as u16]),
            longs(278, &[self.rows_per_strip as u32]),
            counts,
            shorts(284, &[1]),
            shorts(317, &[predictor]),
            shorts(339, &vec![format; count]),
        ];
        if channels.has_alpha() {
            // 2: straight alpha.
            entries.push(shorts(338, &[2]));
        }
        if let Some(density) = self.metadata.density.map(Density::per_inch_or_centimetre) {
            let unit = match density.unit {
                DensityUnit::Ratio => 1,
                DensityUnit::Inch => 2,
                DensityUnit::Centimetre | DensityUnit::Metre => 3,
            };
            entries.extend([rational(282, density.x), rational(283, density.y), shorts(296, &[unit])]);
        }
        let mut block = |tag, kind, data: &Option<Vec<u8>>| {
            if let Some(data) = data {
                entries.push(Entry { tag, kind, count: data.len() as u32, data: data.clone() });
            }
        };
        block(700, BYTE, &self.metadata.xmp);
        block(33723, UNDEFINED, &self.metadata.iptc);
        block(34675, UNDEFINED, &self.metadata.icc);
        entries
    }

    /// Writes the EXIF directories, and gives the entries of the main directory that belong to them.
    fn exif(&self) -> Result<Vec<Entry>> {
        let parsed = self.metadata.exif.as_deref().and_then(Directories::parse);
        let Some(Directories { main, exif, gps }) = parsed else { return Ok(Vec::new()) };
        let mut entries = main;
        for (tag, sub) in [(0x8769, exif), (0x8825, gps)] {
            if !sub.is_empty() {
                let mut book = self.book();
                let at = book.directory(sub)?;
                entries.push(if book.big { book.list(tag, &[at]) } else { longs(tag, &[at as u32]) });
            }
        }
        Ok(entries)
    }
}

impl RowWriter for TiffWriter {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        let count = self.header.channels.count();
        let row = self.header.row_samples();
        self.pending.extend(match rows {
            Samples::U8(v) => little_endian_bytes(&Samples::U8(differences(v, row, count, u8::wrapping_sub))),
            Samples::U16(v) => {
                little_endian_bytes(&Samples::U16(differences(v, row, count, u16::wrapping_sub)))
            }
            Samples::F32(_) => little_endian_bytes(rows),
        });
        let strip = self.rows_per_strip * self.row_bytes();
        let pending = std::mem::take(&mut self.pending);
        let mut whole = pending.chunks_exact(strip);
        for bytes in whole.by_ref() {
            self.strip(bytes)?;
        }
        self.pending = whole.remainder().to_vec();
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.strip(&rest)?;
        }
        let exif = self.exif()?;
        let mut entries = self.entries();
        entries.extend(exif);
        let (mut book, count) = (self.book(), entries.len());
        let at = book.directory(entries)?;
        book.add(at, count)
    }
}

/// TIFF's horizontal predictor: every sample minus the same channel of the pixel to its left.
fn differences<T: Copy>(rows: &[T], row: usize, channels: usize, minus: fn(T, T) -> T) -> Vec<T> {
    let mut out = rows.to_vec();
    for (to, from) in out.chunks_exact_mut(row).zip(rows.chunks_exact(row)) {
        for i in channels..row {
            to[i] = minus(from[i], from[i - channels]);
        }
    }
    out
}

fn shorts(tag: u16, values: &[u16]) -> Entry {
    let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Entry { tag, kind: SHORT, count: values.len() as u32, data }
}

fn longs(tag: u16, values: &[u32]) -> Entry {
    let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Entry { tag, kind: LONG, count: values.len() as u32, data }
}

fn rational(tag: u16, value: f64) -> Entry {
    let denominator = if value.fract() == 0.0 { 1 } else { 10_000 };
    let numerator = (value * f64::from(denominator)).round() as u32;
    let data = [numerator.to_le_bytes(), u32::to_le_bytes(denominator)].concat();
    Entry { tag, kind: RATIONAL, count: 1, data }
}

/// A BigTIFF directory with its values, to lie at `at`.
fn big_directory(at: u64, mut entries: Vec<Entry>) -> Vec<u8> {
    entries.sort_by_key(|e| e.tag);
    let mut out = (entries.len() as u64).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let values_at = at + 8 + entries.len() as u64 * 20 + 8;
    for entry in &entries {
        out.extend(entry.tag.to_le_bytes());
        out.extend(entry.kind.to_le_bytes());
        out.extend(u64::from(entry.count).to_le_bytes());
        if entry.data.len() <= 8 {
            let mut inline = [0; 8];
            inline[..entry.data.len()].copy_from_slice(&entry.data);
            out.extend(inline);
        } else {
            out.extend((values_at + values.len() as u64).to_le_bytes());
            values.extend_from_slice(&entry.data);
            values.resize(values.len().next_multiple_of(8), 0);
        }
    }
    out.extend([0; 8]);
    out.extend(values);
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::{Limits, WriteOptions, read};
    use super::{Book, open, page};
    use crate::{Channels, Depth, Header, Image, Samples};
    use std::io::{Cursor, Write};
    use std::sync::{Arc, Mutex};

    /// A sink whose bytes can still be seen after it was given away.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Cursor<Vec<u8>>>>);

    impl Write for Shared {
        fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(b)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl std::io::Seek for Shared {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.lock().unwrap().seek(to)
        }
    }

    /// BigTIFF on a small picture: nobody wants to test with 4 GB.
    #[test]
    fn big_tiff() {
        let header = Header::new(5, 3, Channels::Rgba, Depth::U16);
        let samples = Samples::U16((0..60).map(|v| v * 1000).collect());
        let shared = Shared::default();
        let huge = Header::new(30_000, 30_000, Channels::Rgba, Depth::U16);
        let _ = open(&huge, &WriteOptions::default(), Box::new(shared.clone())).unwrap();
        assert_eq!(shared.0.lock().unwrap().get_ref()[..4], *b"II+\0");

        let sink = Shared::default();
        let book = Book::new(u64::MAX, Box::new(sink.clone())).unwrap();
        let mut metadata = crate::Metadata { icc: Some(vec![7; 33]), ..Default::default() };
        metadata.exif = Some(
            super::Directories {
                exif: vec![super::Entry {
                    tag: 0x829A,
                    kind: 5,
                    count: 1,
                    data: vec![1, 0, 0, 0, 60, 0, 0, 0],
                }],
                ..Default::default()
            }
            .to_block(),
        );
        let options = WriteOptions { metadata: metadata.clone(), ..WriteOptions::default() };
        let mut writer = page(&header, &options, Arc::new(Mutex::new(book)));
        writer.write_rows(&samples).unwrap();
        writer.finish().unwrap();
        let file = sink.0.lock().unwrap().get_ref().clone();
        let Image { samples: got, metadata: kept, .. } = read(&file, &Limits::default()).unwrap();
        assert_eq!(got, samples);
        assert_eq!(kept.icc, metadata.icc);
    }
}
