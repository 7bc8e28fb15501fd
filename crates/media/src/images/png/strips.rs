//! The pixels of a PNG file, compressed in strips of rows, several at a time.
//!
//! Rows are filtered as if there were no strips. The compression begins anew with each, and ends at a whole byte: one after the
//! other, they are one stream in zlib's format ([RFC 1950](https://www.rfc-editor.org/rfc/rfc1950)). Where strips begin depends on
//! the picture alone, so that the number of threads changes no byte.

use std::collections::VecDeque;
use std::io;
use std::thread::{self, JoinHandle};

use flate2::{Compress, Compression, FlushCompress};
use png::chunk::IDAT;

use super::filter::filtered;
use super::{Recorder, encoding_error};
use crate::{Header, Result};

/// The bytes of a strip, but at least a row: many times what compression looks back (32 KiB), so that beginning anew costs little.
const STRIP: usize = 1 << 20;

/// The fewest bytes of a chunk of the file, but for the last one.
const CHUNK: usize = 1 << 16;

/// The most bytes of a chunk.
const LARGEST: usize = i32::MAX as usize;

/// The end of a compressed stream: a last block with nothing in it.
const END: [u8; 2] = [3, 0];

/// Takes the rows of a picture.
pub(super) struct Strips {
    writer: png::Writer<Recorder>,
    level: Compression,
    /// The bytes of a row, and of a pixel.
    row: usize,
    pixel: usize,
    /// The row before those that wait, and these.
    rows: Vec<u8>,
    /// Strips in the making, the first one first.
    working: VecDeque<JoinHandle<io::Result<Strip>>>,
    /// How many there may be.
    most: usize,
    /// What is to be written next.
    chunk: Vec<u8>,
    sum: Checksum,
}

/// A strip, compressed.
struct Strip {
    data: Vec<u8>,
    sum: Checksum,
}

impl Strips {
    /// A writer for pictures of this shape, after all that comes before their pixels.
    pub(super) fn new(writer: png::Writer<Recorder>, header: &Header, level: Compression) -> Self {
        let pixel = header.channels.count() * header.depth.bytes();
        let row = header.width as usize * pixel;
        // A deflate stream with a window of 32 KiB, compressed quickly or not; as one number the two bytes are a multiple of 31.
        let start = if level.level() > 6 { [0x78, 0xda] } else { [0x78, 0x9c] };
        Self {
            writer,
            level,
            row,
            pixel,
            rows: vec![0; row],
            working: VecDeque::new(),
            most: thread::available_parallelism().map_or(1, usize::from),
            chunk: start.to_vec(),
            sum: Checksum::NOTHING,
        }
    }

    /// Takes whole rows.
    pub(super) fn push(&mut self, rows: &[u8]) -> Result<()> {
        let strip = (STRIP / self.row).max(1) * self.row;
        for row in rows.chunks_exact(self.row) {
            self.rows.extend_from_slice(row);
            if self.rows.len() == self.row + strip {
                let work = self.strip();
                self.working.push_back(thread::Builder::new().spawn(work)?);
            }
            if self.working.len() > self.most {
                self.take_first()?;
            }
        }
        Ok(())
    }

    /// Writes all that is left.
    pub(super) fn finish(mut self) -> Result<()> {
        let last = (self.rows.len() > self.row).then(|| self.strip()());
        while !self.working.is_empty() {
            self.take_first()?;
        }
        if let Some(last) = last {
            self.take(last?)?;
        }
        self.chunk.extend(END);
        self.chunk.extend(self.sum.value().to_be_bytes());
        self.put()?;
        self.writer.finish().map_err(encoding_error)
    }

    /// What makes a strip of the rows that wait; they wait no longer.
    fn strip(&mut self) -> impl FnOnce() -> io::Result<Strip> + Send + 'static {
        let (row, pixel, level) = (self.row, self.pixel, self.level);
        let last = self.rows[self.rows.len() - row..].to_vec();
        let rows = std::mem::replace(&mut self.rows, last);
        move || Strip::new(&filtered(&rows, row, pixel), level)
    }

    /// Takes the first strip in the making, when it is made.
    fn take_first(&mut self) -> Result<()> {
        let Some(first) = self.working.pop_front() else { return Ok(()) };
        let strip = first.join().unwrap_or_else(|_| Err(io::Error::other("compressing a PNG panicked")));
        self.take(strip?)
    }

    fn take(&mut self, strip: Strip) -> Result<()> {
        self.sum = self.sum.followed_by(strip.sum);
        self.chunk.extend(strip.data);
        if self.chunk.len() >= CHUNK { self.put() } else { Ok(()) }
    }

    /// Writes what is to be written next.
    fn put(&mut self) -> Result<()> {
        for chunk in self.chunk.chunks(LARGEST) {
            self.writer.write_chunk(IDAT, chunk).map_err(encoding_error)?;
        }
        self.chunk.clear();
        Ok(())
    }
}

impl Strip {
    fn new(filtered: &[u8], level: Compression) -> io::Result<Self> {
        let (mut stream, mut data) = (Compress::new(level, false), Vec::new());
        // Up to a whole byte, without an end: that is so once there was room for more. (The library's own writer asks for the rest
        // without saying once more that it wants all.)
        while data.len() == data.capacity() {
            data.reserve(CHUNK);
            let rest = &filtered[stream.total_in() as usize..];
            stream.compress_vec(rest, &mut data, FlushCompress::Sync)?;
        }
        Ok(Self { data, sum: Checksum::of(filtered) })
    }
}

/// Adler's checksum of bytes: one more than their sum, and the sum of those sums after each byte.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Checksum {
    sums: [u64; 2],
    length: u64,
}

impl Checksum {
    const NOTHING: Self = Self { sums: [1, 0], length: 0 };

    /// All sums are modulo the largest prime number of 16 bits.
    const MODULUS: u64 = 65521;

    fn of(bytes: &[u8]) -> Self {
        let value = simd_adler32::adler32(&bytes);
        Self { sums: [value & 0xffff, value >> 16].map(u64::from), length: bytes.len() as u64 }
    }

    /// That of both, one after the other.
    fn followed_by(self, next: Self) -> Self {
        let [[a, b], [c, d]] = [self.sums, next.sums];
        // The next one began with 1 where all would have gone on with `a`.
        let more = a + Self::MODULUS - 1;
        let sums = [c + more, b + d + next.length % Self::MODULUS * more];
        Self { sums: sums.map(|sum| sum % Self::MODULUS), length: self.length + next.length }
    }

    fn value(self) -> u32 {
        (self.sums[1] << 16 | self.sums[0]) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_parts_make_that_of_the_whole() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for at in [0, 1, 70_000, bytes.len()] {
            let (first, rest) = bytes.split_at(at);
            assert_eq!(Checksum::of(first).followed_by(Checksum::of(rest)), Checksum::of(&bytes));
        }
        assert_eq!(
            Checksum::NOTHING.followed_by(Checksum::of(&bytes)).value(),
            simd_adler32::adler32(&&bytes[..])
        );
    }
}
