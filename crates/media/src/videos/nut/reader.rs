//! Reading pictures from a NUT file or pipe, from its beginning to its end.

use std::io::{BufReader, Read};

use super::bytes::{Bytes, broken, number};
use super::frames::FrameHeader;
use super::headers::{Main, StreamHeader};
use super::{MAGIC, Packet, Ratio, Stream, crc, side, startcode};
use crate::{Error, Result};

/// Headers are no larger.
const LARGEST_HEADER: u64 = 16 << 20;

/// Packets with a longer body protect their own length.
const UNPROTECTED: u64 = 4096;

/// Reads the one stream of pictures of a NUT file; other streams are passed over.
pub struct Reader<R> {
    from: BufReader<R>,
    main: Main,
    /// Of each stream: its time base, how many lower bits its times may have, its last time.
    clocks: Vec<(Ratio, u32, i64)>,
    /// Which stream is that of pictures.
    chosen: usize,
    stream: Stream,
    largest: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the headers. No packet may be larger than `largest` bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] if this is no NUT file or has no pictures, [`Error::Io`] if it cannot be read.
    pub fn new(from: R, largest: u64) -> Result<Self> {
        let mut from = BufReader::with_capacity(1 << 16, from);
        let mut magic = [0; MAGIC.len()];
        fill(&mut from, &mut magic)?;
        if magic != *MAGIC {
            return Err(broken("it does not begin like one"));
        }
        let main = Main::read(Bytes(&expected(&mut from, startcode::MAIN)?))?;
        let (mut clocks, mut video) = (Vec::new(), None);
        for id in 0..main.streams {
            let header = StreamHeader::read(Bytes(&expected(&mut from, startcode::STREAM)?), &main)?;
            if header.id != id as u64 {
                return Err(broken("streams that are not in order"));
            }
            clocks.push((main.time_bases[header.time_base], header.msb_pts_shift, 0));
            video = video.or(header.video.map(|stream| (id, stream)));
        }
        let (chosen, stream) = video.ok_or_else(|| broken("no stream of pictures"))?;
        Ok(Self { from, main, clocks, chosen, stream, largest })
    }

    /// The stream of pictures.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The next packet of the stream of pictures; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the file is broken or ends in the middle of something, [`Error::Limit`] if the packet is
    /// too large, [`Error::Io`] if it cannot be read.
    pub fn packet(&mut self) -> Result<Option<Packet>> {
        loop {
            let mut first = [0];
            if self.from.read(&mut first)? == 0 {
                return Ok(None);
            }
            if first[0] == b'N' {
                self.header()?;
                continue;
            }
            let from = &mut self.from;
            let header = FrameHeader::read(first[0], &self.main, || byte(from))?;
            let clock = &mut self.clocks[header.stream];
            clock.2 = header.pts.resolve(clock.2, clock.1)?;
            let pts = clock.2;
            let (data, alpha) = self.body(&header)?;
            if header.stream == self.chosen && !header.end {
                return Ok(Some(Packet { pts, key: header.key, data, alpha }));
            }
        }
    }

    /// The bytes of a frame, with those that were left out, and those of its transparency.
    fn body(&mut self, header: &FrameHeader) -> Result<(Vec<u8>, Vec<u8>)> {
        if header.size > self.largest {
            return Err(Error::Limit {
                what: format!("a packet of {} bytes", header.size),
                limit: self.largest,
            });
        }
        let mut data = self.main.elided[header.elided].clone();
        let stored = header.size - data.len() as u64;
        if !header.sided {
            take(&mut self.from, stored, &mut data)?;
            return Ok((data, Vec::new()));
        }
        let mut all = Vec::new();
        take(&mut self.from, stored, &mut all)?;
        let mut rest = Bytes(&all);
        let alpha = side::read(&mut rest)?;
        data.extend(rest.0);
        Ok((data, alpha))
    }

    /// Reads a header between frames. Only syncpoints matter: times go on from them.
    fn header(&mut self) -> Result<()> {
        let mut rest = [0; 7];
        fill(&mut self.from, &mut rest)?;
        let code = rest.iter().fold(u64::from(b'N'), |code, &byte| code << 8 | u64::from(byte));
        let body = body(&mut self.from, code)?;
        if code != startcode::SYNCPOINT {
            return Ok(());
        }
        let time = Bytes(&body).v()?;
        let count = self.main.time_bases.len() as u64;
        let (ticks, base) = ((time / count) as i128, self.main.time_bases[(time % count) as usize]);
        for (own, _, last) in &mut self.clocks {
            let top = ticks * i128::from(base.num) * i128::from(own.den);
            *last = i64::try_from(top / (i128::from(base.den) * i128::from(own.num))).unwrap_or(i64::MAX);
        }
        Ok(())
    }
}

/// The body of the next header, which must be of this kind; unknown ones before it are passed over.
fn expected(from: &mut impl Read, wanted: u64) -> Result<Vec<u8>> {
    loop {
        let mut code = [0; 8];
        fill(from, &mut code)?;
        let code = u64::from_be_bytes(code);
        if code >> 56 != u64::from(b'N') {
            return Err(broken("headers are missing"));
        }
        let body = body(from, code)?;
        if code == wanted {
            return Ok(body);
        }
    }
}

/// The body of the header that began with this startcode, without its checksum, which is checked.
fn body(from: &mut impl Read, code: u64) -> Result<Vec<u8>> {
    let mut head = code.to_be_bytes().to_vec();
    let length = number(|| {
        let next = byte(from)?;
        head.push(next);
        Ok(next)
    })?;
    if length > UNPROTECTED {
        let mut sum = [0; 4];
        fill(from, &mut sum)?;
        if crc::of(&head) != u32::from_be_bytes(sum) {
            return Err(broken("the checksum of a header is wrong"));
        }
    }
    if !(4..=LARGEST_HEADER).contains(&length) {
        return Err(broken(format!("a header of {length} bytes")));
    }
    let mut body = Vec::new();
    take(from, length, &mut body)?;
    if crc::of(&body) != 0 {
        return Err(broken("the checksum of a header is wrong"));
    }
    body.truncate(body.len() - 4);
    Ok(body)
}

fn byte(from: &mut impl Read) -> Result<u8> {
    let mut byte = [0];
    fill(from, &mut byte)?;
    Ok(byte[0])
}

fn fill(from: &mut impl Read, to: &mut [u8]) -> Result<()> {
    from.read_exact(to).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => broken("it ends too early"),
        _ => error.into(),
    })
}

/// Appends so many bytes. Memory grows with what is there, not with what was promised.
fn take(from: &mut impl Read, length: u64, to: &mut Vec<u8>) -> Result<()> {
    /// Promises are believed up to here.
    const TRUSTED: u64 = 64 << 20;
    to.reserve(length.min(TRUSTED) as usize);
    let got = from.take(length).read_to_end(to)? as u64;
    if got < length { Err(broken("it ends too early")) } else { Ok(()) }
}
