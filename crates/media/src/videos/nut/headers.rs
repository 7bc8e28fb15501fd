//! The headers before the first frame.

use super::bytes::{Bytes, broken};
use super::{Ratio, Stream, flag};
use crate::{Error, Result};

/// Larger headers are no headers.
const MOST_STREAMS: u64 = 250;

/// The bytes of all headers of frames that may be left out.
const MOST_ELIDED: usize = 1024;

/// What a code before a frame means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) flags: u64,
    pub(super) stream: u64,
    pub(super) size_mul: u64,
    pub(super) size_lsb: u64,
    pub(super) pts_delta: i64,
    pub(super) reserved: u64,
    pub(super) header: u64,
}

impl Code {
    const INVALID: Self = Self {
        flags: flag::INVALID,
        stream: 0,
        size_mul: 0,
        size_lsb: 0,
        pts_delta: 0,
        reserved: 0,
        header: 0,
    };
}

/// What holds for the whole file.
pub(super) struct Main {
    /// Whether there may be something beside the data of packets.
    pub(super) sided: bool,
    pub(super) streams: usize,
    pub(super) time_bases: Vec<Ratio>,
    pub(super) codes: [Code; 256],
    /// The beginnings of frames that are not stored with them; the first is empty.
    pub(super) elided: Vec<Vec<u8>>,
}

/// A stream's own header.
pub(super) struct StreamHeader {
    pub(super) id: u64,
    pub(super) time_base: usize,
    pub(super) msb_pts_shift: u32,
    /// What pictures are; `None` if the stream has none.
    pub(super) video: Option<Stream>,
}

impl Main {
    pub(super) fn read(mut from: Bytes) -> Result<Self> {
        let version = from.v()?;
        if !(2..=4).contains(&version) {
            return Err(Error::unsupported(format!("NUT of version {version}")));
        }
        if version > 3 {
            from.v()?;
        }
        let streams = from.small("the number of streams", MOST_STREAMS)? as usize;
        from.v()?;
        let count = from.small("the number of time bases", MOST_STREAMS)?;
        let time_bases = (0..count).map(|_| time_base(&mut from)).collect::<Result<Vec<_>>>()?;
        let codes = codes(&mut from)?;
        let mut elided = vec![Vec::new()];
        if !from.0.is_empty() {
            for _ in 0..from.small("the number of elided headers", 127)? {
                elided.push(from.vb()?.to_vec());
            }
        }
        if streams == 0 || time_bases.is_empty() || elided.iter().map(Vec::len).sum::<usize>() > MOST_ELIDED {
            return Err(broken("a main header without streams or time bases, or with too much else"));
        }
        Ok(Self { sided: version > 3, streams, time_bases, codes, elided })
    }
}

fn time_base(from: &mut Bytes) -> Result<Ratio> {
    let most = (1 << 31) - 1;
    let (num, den) = (from.small("a time base", most)?, from.small("a time base", most)?);
    Ratio::new(num, den).ok_or_else(|| broken(format!("a time base of {num}/{den}")))
}

/// The table of codes, in runs.
fn codes(from: &mut Bytes) -> Result<[Code; 256]> {
    let mut codes = [Code::INVALID; 256];
    let mut run = Code { size_mul: 1, ..Code::INVALID };
    let mut next = 0;
    while next < codes.len() {
        let (flags, fields) = (from.v()?, from.small("the number of fields", 64)?);
        (run.flags, run.size_lsb, run.reserved) = (flags, 0, 0);
        let mut count = None;
        for field in 0..fields {
            match field {
                0 => run.pts_delta = from.s()?,
                1 => run.size_mul = from.v()?,
                2 => run.stream = from.v()?,
                3 => run.size_lsb = from.v()?,
                4 => run.reserved = from.v()?,
                5 => count = Some(from.v()?),
                7 => run.header = from.v()?,
                _ => drop(from.v()?),
            }
        }
        // The specification says 14 bits, and ffmpeg writes more where frames are long apart.
        if run.size_mul >= 1 << 32 || run.size_lsb >= 1 << 32 || run.pts_delta.unsigned_abs() >= 1 << 40 {
            return Err(broken("a table of frame codes with too large numbers"));
        }
        let count = count.unwrap_or_else(|| run.size_mul.saturating_sub(run.size_lsb));
        if count == 0 || count > codes.len() as u64 {
            return Err(broken("a table of frame codes of wrong length"));
        }
        for step in 0..count {
            next += usize::from(next == usize::from(b'N'));
            let code = codes.get_mut(next).ok_or_else(|| broken("a table of frame codes of wrong length"))?;
            *code = Code { size_lsb: run.size_lsb + step, ..run };
            next += 1;
        }
    }
    Ok(codes)
}

impl StreamHeader {
    /// # Errors
    /// If the numbers cannot be, or name a time base that there is not.
    pub(super) fn read(mut from: Bytes, main: &Main) -> Result<Self> {
        let (id, class) = (from.v()?, from.v()?);
        let fourcc = from.vb()?.to_vec();
        let time_base = from.v()? as usize;
        let msb_pts_shift = from.small("msb_pts_shift", 15)?;
        from.v()?;
        let decode_delay = from.small("decode_delay", 1000)?;
        from.v()?;
        let codec_private = from.vb()?.to_vec();
        let unit = *main.time_bases.get(time_base).ok_or_else(|| broken("a stream without time base"))?;
        let mut video = None;
        if class == 0 {
            let mut side = || from.small("a side of the picture", 1 << 20);
            let (width, height, across, down) = (side()?, side()?, side()?, side()?);
            if width == 0 || height == 0 {
                return Err(broken(format!("pictures of {width}x{height} pixels")));
            }
            let sample_aspect = Ratio::new(across, down);
            video = Some(Stream {
                fourcc,
                time_base: unit,
                decode_delay,
                codec_private,
                width,
                height,
                sample_aspect,
                transparent: main.sided,
            });
        }
        Ok(Self { id, time_base, msb_pts_shift, video })
    }
}
