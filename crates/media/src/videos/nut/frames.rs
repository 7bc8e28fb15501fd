//! What stands before the bytes of a frame.

use super::bytes::{broken, number, signed};
use super::headers::{Code, Main};
use super::{crc, flag};
use crate::Result;

/// Frames are read with their whole beginning elsewhere only if they are no longer than this.
const LONGEST_ELIDED: u64 = 4096;

/// What a frame says about itself.
pub(super) struct FrameHeader {
    pub(super) stream: usize,
    pub(super) pts: Pts,
    pub(super) key: bool,
    /// Whether it only says that the stream ends.
    pub(super) end: bool,
    /// The bytes that follow, those left out included.
    pub(super) size: u64,
    /// Which beginning was left out.
    pub(super) elided: usize,
    /// Whether something stands before the data.
    pub(super) sided: bool,
}

/// How a time is stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pts {
    /// So much after the one before.
    Delta(i64),
    /// As a number in which the lower bits may be all.
    Coded(u64),
}

impl Pts {
    /// The time, where the one before is known.
    pub(super) fn resolve(self, last: i64, shift: u32) -> Result<i64> {
        let wide = match self {
            Self::Delta(delta) => last.checked_add(delta),
            Self::Coded(coded) if coded < 1 << shift => {
                let mask = (1_i64 << shift) - 1;
                let delta = last.checked_sub(mask / 2);
                delta.and_then(|delta| delta.checked_add((coded as i64).wrapping_sub(delta) & mask))
            }
            Self::Coded(coded) => i64::try_from(coded - (1 << shift)).ok(),
        };
        wide.filter(|pts| pts.unsigned_abs() < 1 << 62).ok_or_else(|| broken("a time that is too large"))
    }
}

impl FrameHeader {
    /// Reads what follows the code. `next` gives byte after byte.
    pub(super) fn read(code: u8, main: &Main, mut next: impl FnMut() -> Result<u8>) -> Result<Self> {
        let mut seen = vec![code];
        let mut next = || {
            let byte = next()?;
            seen.push(byte);
            Ok(byte)
        };
        let Code { mut flags, mut stream, size_mul, size_lsb, pts_delta, mut reserved, mut header } =
            main.codes[usize::from(code)];
        if flags & flag::INVALID != 0 {
            return Err(broken(format!("an invalid frame code {code}")));
        }
        let mut v = || number(&mut next);
        if flags & flag::CODED != 0 {
            flags ^= v()?;
        }
        if flags & flag::STREAM_ID != 0 {
            stream = v()?;
        }
        let pts = if flags & flag::CODED_PTS != 0 { Pts::Coded(v()?) } else { Pts::Delta(pts_delta) };
        let mut size = size_lsb;
        if flags & flag::SIZE_MSB != 0 {
            size = v()?.checked_mul(size_mul).and_then(|most| most.checked_add(size)).unwrap_or(u64::MAX);
        }
        if flags & flag::MATCH_TIME != 0 {
            signed(v()?);
        }
        if flags & flag::HEADER_IDX != 0 {
            header = v()?;
        }
        if flags & flag::RESERVED != 0 {
            reserved = v()?;
        }
        if reserved > 256 || stream >= main.streams as u64 {
            return Err(broken("a frame of no stream, or with data of unknown meaning"));
        }
        for _ in 0..reserved {
            v()?;
        }
        if flags & flag::CHECKSUM != 0 {
            let mut sum = 0;
            for _ in 0..4 {
                sum = sum << 8 | u32::from(next()?);
            }
            let head = seen.len() - 4;
            if crc::of(&seen[..head]) != sum {
                return Err(broken("the checksum of a frame is wrong"));
            }
        }
        let elided = if size > LONGEST_ELIDED { 0 } else { header as usize };
        let left_out = main.elided.get(elided).ok_or_else(|| broken("a frame without its beginning"))?.len();
        if size < left_out as u64 {
            return Err(broken("a frame that is shorter than its beginning"));
        }
        let (key, end, sided) =
            (flags & flag::KEY != 0, flags & flag::EOR != 0, flags & flag::SIDE_DATA != 0);
        Ok(Self { stream: stream as usize, pts, key, end, size, elided, sided })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_bits_mean_the_nearest_time() {
        // The example of the specification, with 8 bits.
        let (mut last, mut got) = (257, Vec::new());
        for coded in [255, 0, 4, 2, 3] {
            last = Pts::Coded(coded).resolve(last, 8).unwrap();
            got.push(last);
        }
        assert_eq!(got, [255, 256, 260, 258, 259]);
        assert_eq!(Pts::Coded(256 + 1000).resolve(5, 8).unwrap(), 1000);
        assert!(Pts::Coded(u64::MAX).resolve(0, 8).is_err());
        assert!(Pts::Delta(1).resolve(i64::MAX, 8).is_err());
    }
}
