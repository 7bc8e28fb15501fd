//! NUT, a container with exact times in any time base, that can be written to and read from pipes.
//!
//! Source: the public specification "NUT Open Container Format", with what the libraries of FFmpeg add to it: headers of
//! frames that are left out ("elision").
//!
//! [`Reader`] trusts nothing that it reads: hostile files give errors, and memory is taken for bytes that are there.

mod bytes;
mod crc;
mod frames;
mod headers;
mod reader;
mod side;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

use super::Ratio;

/// The first bytes of each file.
const MAGIC: &[u8; 25] = b"nut/multimedia container\0";

/// The name of the format in errors.
const NAME: &str = "NUT";

/// What begins packets that are no frames.
mod startcode {
    pub(super) const MAIN: u64 = 0x4E4D_7A56_1F5F_04AD;
    pub(super) const STREAM: u64 = 0x4E53_1140_5BF2_F9DB;
    pub(super) const SYNCPOINT: u64 = 0x4E4B_E4AD_EECA_4569;
}

/// What frames say about themselves.
mod flag {
    pub(super) const KEY: u64 = 1;
    pub(super) const EOR: u64 = 1 << 1;
    pub(super) const CODED_PTS: u64 = 1 << 3;
    pub(super) const STREAM_ID: u64 = 1 << 4;
    pub(super) const SIZE_MSB: u64 = 1 << 5;
    pub(super) const CHECKSUM: u64 = 1 << 6;
    pub(super) const RESERVED: u64 = 1 << 7;
    pub(super) const SIDE_DATA: u64 = 1 << 8;
    pub(super) const HEADER_IDX: u64 = 1 << 10;
    pub(super) const MATCH_TIME: u64 = 1 << 11;
    pub(super) const CODED: u64 = 1 << 12;
    pub(super) const INVALID: u64 = 1 << 13;
}

/// A stream of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What the codec is called in AVI files: 2 or 4 bytes.
    pub fourcc: Vec<u8>,
    /// The unit of times, in seconds.
    pub time_base: Ratio,
    /// How many pictures a decoder holds back to bring them into order.
    pub decode_delay: u32,
    /// What a decoder must have before the first packet.
    pub codec_private: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Width of a pixel over its height, if known.
    pub sample_aspect: Option<Ratio>,
    /// Whether packets may carry a second picture, as those of VP8 and VP9 do.
    pub transparent: bool,
}

/// The bytes of one picture, or of what a codec made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it is shown, in the stream's time base.
    pub pts: i64,
    /// Whether a decoder can begin here.
    pub key: bool,
    /// The bytes.
    pub data: Vec<u8>,
    /// The bytes of the picture that says how transparent this one is, where that is a picture of its own; otherwise none.
    pub alpha: Vec<u8>,
}
