//! Writing packets of one stream as NUT.

use std::io::Write;

use super::bytes::{put_v, put_vb};
use super::{MAGIC, Packet, Stream, crc, flag, side, startcode};
use crate::{Error, Result};

/// The version of the format, as two numbers.
const VERSION: &[u64] = &[3];

/// The one that has more than data in its packets. It is not final; ffmpeg reads it.
const SIDED: &[u64] = &[4, 1];

/// The longest way from one startcode to the next, unless a single frame is longer.
const MAX_DISTANCE: u64 = 1 << 15;

/// The frame code of all frames.
const CODE: u8 = 1;

/// Times are written whole: as numbers that are not among the lower bits.
const MSB_PTS_SHIFT: u32 = 7;

/// Writes packets, in the order in which they are decoded.
pub struct Writer<W> {
    to: W,
    /// Bytes so far, and where the last syncpoint begins.
    position: u64,
    syncpoint: Option<u64>,
}

impl<W: Write> Writer<W> {
    /// Writes the headers.
    ///
    /// # Errors
    /// [`Error::Io`] if the sink refuses.
    pub fn new(to: W, stream: &Stream) -> Result<Self> {
        let mut writer = Self { to, position: 0, syncpoint: None };
        let mut head = MAGIC.to_vec();
        put_packet(&mut head, startcode::MAIN, main(stream));
        put_packet(&mut head, startcode::STREAM, video(stream));
        writer.put(&head)?;
        Ok(writer)
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// [`Error::Io`] if the sink refuses, [`Error::Misuse`] if the time is before zero, which NUT cannot say.
    pub fn packet(&mut self, packet: &Packet) -> Result<()> {
        let time = u64::try_from(packet.pts)
            .map_err(|_| Error::misuse(format!("NUT has no times before zero, such as {}", packet.pts)))?;
        let mut head = Vec::new();
        let far = |last: u64| self.position + packet.data.len() as u64 - last > MAX_DISTANCE;
        if packet.key || self.syncpoint.is_none_or(far) {
            let mut body = Vec::new();
            // One time base: the time itself. Decoders that begin here need nothing before it.
            put_v(&mut body, if packet.key { time } else { 0 });
            put_v(&mut body, self.syncpoint.map_or(0, |last| (self.position - last) / 16));
            put_packet(&mut head, startcode::SYNCPOINT, body);
            self.syncpoint = Some(self.position);
        }
        let frame = head.len();
        let key = if packet.key { flag::KEY } else { 0 };
        let (beside, sided) = match packet.alpha.is_empty() {
            true => (Vec::new(), 0),
            false => (side::written(&packet.alpha), flag::SIDE_DATA),
        };
        head.push(CODE);
        put_v(&mut head, flag::CODED_PTS | flag::SIZE_MSB | flag::CHECKSUM | sided | key);
        put_v(&mut head, time + (1 << MSB_PTS_SHIFT));
        put_v(&mut head, (beside.len() + packet.data.len()) as u64);
        let sum = crc::of(&head[frame..]);
        head.extend(sum.to_be_bytes());
        head.extend(beside);
        self.put(&head)?;
        self.put(&packet.data)
    }

    /// The bytes written so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Flushes the sink and gives it back.
    ///
    /// # Errors
    /// [`Error::Io`] if the sink refuses.
    pub fn finish(mut self) -> Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn main(stream: &Stream) -> Vec<u8> {
    let mut body = Vec::new();
    let version = if stream.transparent { SIDED } else { VERSION };
    let (num, den) = (stream.time_base.num.into(), stream.time_base.den.into());
    for value in version.iter().copied().chain([1, MAX_DISTANCE, 1, num, den]) {
        put_v(&mut body, value);
    }
    // Runs of codes: flags, 6 fields, pts_delta, size_mul, stream, size_lsb, reserved, count.
    for (flags, count) in [(flag::INVALID, 1), (flag::CODED, 1), (flag::INVALID, 253)] {
        for value in [flags, 6, 0, 1, 0, 0, 0, count] {
            put_v(&mut body, value);
        }
    }
    // No beginnings of frames are left out; some readers insist on being told.
    put_v(&mut body, 0);
    if stream.transparent {
        // Nor are syncpoints other than usual.
        put_v(&mut body, 0);
    }
    body
}

fn video(stream: &Stream) -> Vec<u8> {
    let mut body = Vec::new();
    put_v(&mut body, 0);
    put_v(&mut body, 0);
    put_vb(&mut body, &stream.fourcc);
    let second = u64::from(stream.time_base.den / stream.time_base.num).max(1);
    for value in [0, MSB_PTS_SHIFT.into(), second, stream.decode_delay.into(), 0] {
        put_v(&mut body, value);
    }
    put_vb(&mut body, &stream.codec_private);
    let (across, down) = stream.sample_aspect.map_or((0, 0), |aspect| (aspect.num, aspect.den));
    for value in [stream.width, stream.height, across, down, 0] {
        put_v(&mut body, value.into());
    }
    body
}

/// Appends a startcode, the length, the body and the checksum.
fn put_packet(to: &mut Vec<u8>, code: u64, body: Vec<u8>) {
    let start = to.len();
    to.extend(code.to_be_bytes());
    put_v(to, body.len() as u64 + 4);
    if body.len() + 4 > 4096 {
        let sum = crc::of(&to[start..]);
        to.extend(sum.to_be_bytes());
    }
    to.extend(&body);
    to.extend(crc::of(&body).to_be_bytes());
}
