//! What a format is, and how a picture has to change to fit into one.

use super::decoded::Decoded;
use super::{Limits, RowWriter, Sink, WriteOptions};
use crate::{Channels, Depth, Error, Header, Result, Transfer};

/// A picture file format.
pub struct Format {
    /// Lower-case name for people and options, unique among [`FORMATS`](super::FORMATS).
    pub name: &'static str,
    /// Lower-case extensions without the dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// MIME type.
    pub mime: &'static str,
    /// Whether a file that starts with these bytes (the more, the better; 64 are enough) is of this format.
    pub magic: fn(&[u8]) -> bool,
    /// How to read it, if this crate can.
    pub read: Option<Reader>,
    /// How to write it, if this crate can.
    pub write: Option<Writer>,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Format").field(&self.name).finish()
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

/// How to read a format. Use [`read`](super::read) and [`read_header`](super::read_header) rather than these functions.
pub struct Reader {
    /// The shape of the upright picture, without decoding pixels.
    pub(crate) header: fn(&[u8]) -> Result<Header>,
    /// The picture as stored. The limits were already checked against the header.
    pub(crate) read: fn(&[u8], &Limits) -> Result<Decoded>,
}

/// How to write a format, and what of a picture it keeps.
pub struct Writer {
    /// The channel layouts it stores.
    pub channels: &'static [Channels],
    /// The sample types it stores.
    pub depths: &'static [Depth],
    /// Whether [`WriteOptions::quality`] below 100 trades size for fidelity.
    pub lossy: bool,
    /// Whether it can store every sample exactly (for WebP: at quality 100).
    pub lossless: bool,
    /// The largest width and height in pixels.
    pub max_side: u32,
    /// Whether rows go to the sink as they come; otherwise the whole picture is held in memory, once as
    /// samples and once encoded.
    pub streams: bool,
    /// Which metadata it keeps.
    pub keeps: Keeps,
    /// Opens a file. Header and metadata are already fitted to the format; rows are already checked.
    pub(crate) open: fn(&Header, &WriteOptions, Sink) -> Result<Box<dyn RowWriter>>,
}

/// Which metadata a format keeps on writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeps {
    /// ICC profile.
    pub icc: bool,
    /// CICP: code points for primaries and transfer.
    pub cicp: bool,
    /// Gamma and chromaticities.
    pub gamma: bool,
    /// EXIF block.
    pub exif: bool,
    /// XMP packet.
    pub xmp: bool,
    /// Pixels per unit of length.
    pub density: bool,
}

impl Header {
    /// The shape in which this format stores such a picture: the same if it can, otherwise
    ///
    /// - 16 bit and float become 8 bit where the format has only 8; float becomes 16 bit where it has 16;
    /// - alpha is dropped where the format has none ([`convert`](crate::convert) lays the picture on white);
    /// - grey stays grey where the format has grey, otherwise it becomes RGB.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if the format cannot be written.
    pub fn fitted(&self, format: &Format) -> Result<Header> {
        let writer = format
            .write
            .as_ref()
            .ok_or_else(|| Error::unsupported(format!("{} cannot be written", format.name)))?;
        let (alpha, grey) = (self.channels.has_alpha(), self.channels.colours() == 1);
        let colours = if grey { [1, 3] } else { [3, 3] };
        let wishes = [(colours[0], alpha), (colours[1], alpha), (colours[0], !alpha), (colours[1], !alpha)];
        let channels = wishes
            .map(|(colours, alpha)| Channels::of(colours, alpha))
            .into_iter()
            .find(|c| writer.channels.contains(c))
            .unwrap_or(Channels::Rgb);
        let depths: &[Depth] = match self.depth {
            Depth::U8 => &[Depth::U8, Depth::U16, Depth::F32],
            Depth::U16 => &[Depth::U16, Depth::F32, Depth::U8],
            Depth::F32 => &[Depth::F32, Depth::U16, Depth::U8],
        };
        let depth = depths.iter().copied().find(|d| writer.depths.contains(d)).unwrap_or(Depth::U8);
        let transfer = match (self.depth, depth) {
            (_, Depth::U8 | Depth::U16) => Transfer::Encoded,
            (Depth::F32, Depth::F32) => self.transfer,
            (_, Depth::F32) => Transfer::Linear,
        };
        Ok(Header { channels, depth, transfer, ..*self })
    }
}
