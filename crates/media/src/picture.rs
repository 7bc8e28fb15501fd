//! A picture in memory: samples, their layout and what is known about them.

use crate::{Error, Metadata, Result};

/// The channels of one pixel, in the order in which they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One channel: brightness.
    Grey,
    /// Two: brightness, straight alpha.
    GreyAlpha,
    /// Three: red, green, blue.
    Rgb,
    /// Four: red, green, blue, straight alpha.
    Rgba,
}

impl Channels {
    /// All layouts, in the order of their number of channels.
    pub const ALL: [Channels; 4] = [Channels::Grey, Channels::GreyAlpha, Channels::Rgb, Channels::Rgba];

    /// The number of channels with alpha, 1 to 4.
    pub const fn count(self) -> usize {
        self.colours() + self.has_alpha() as usize
    }

    /// The number of channels without alpha, 1 or 3.
    pub const fn colours(self) -> usize {
        match self {
            Channels::Grey | Channels::GreyAlpha => 1,
            Channels::Rgb | Channels::Rgba => 3,
        }
    }

    /// Whether the last channel is alpha.
    pub const fn has_alpha(self) -> bool {
        matches!(self, Channels::GreyAlpha | Channels::Rgba)
    }

    /// The layout with 1 or 3 colours (any number above 1 counts as 3), with or without alpha.
    pub const fn of(colours: usize, alpha: bool) -> Self {
        match (colours > 1, alpha) {
            (false, false) => Channels::Grey,
            (false, true) => Channels::GreyAlpha,
            (true, false) => Channels::Rgb,
            (true, true) => Channels::Rgba,
        }
    }
}

/// The type of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depth {
    /// 8-bit integers; 255 is white.
    U8,
    /// 16-bit integers; 65535 is white.
    U16,
    /// 32-bit floats; 1.0 is white, larger values are brighter than white.
    F32,
}

impl Depth {
    /// The bytes of one sample: 1, 2 or 4.
    pub const fn bytes(self) -> usize {
        match self {
            Depth::U8 => 1,
            Depth::U16 => 2,
            Depth::F32 => 4,
        }
    }
}

/// How a colour sample relates to light. Alpha is linear in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// Display-referred, as encoded in the file: sRGB, or whatever the ICC profile or CICP code says.
    Encoded,
    /// Proportional to light (scene-linear).
    Linear,
}

/// Samples, interleaved by pixel, row-major from the top left, without padding.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// 8-bit integers.
    U8(Vec<u8>),
    /// 16-bit integers.
    U16(Vec<u16>),
    /// 32-bit floats.
    F32(Vec<f32>),
}

impl Samples {
    /// The type of the samples.
    pub fn depth(&self) -> Depth {
        match self {
            Samples::U8(_) => Depth::U8,
            Samples::U16(_) => Depth::U16,
            Samples::F32(_) => Depth::F32,
        }
    }

    /// The number of samples (not pixels, not bytes).
    pub fn len(&self) -> usize {
        match self {
            Samples::U8(v) => v.len(),
            Samples::U16(v) => v.len(),
            Samples::F32(v) => v.len(),
        }
    }

    /// Whether there is no sample at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of some of the samples, by index.
    ///
    /// # Panics
    ///
    /// If the range lies outside `0..self.len()`.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Samples {
        match self {
            Samples::U8(v) => Samples::U8(v[range].to_vec()),
            Samples::U16(v) => Samples::U16(v[range].to_vec()),
            Samples::F32(v) => Samples::F32(v[range].to_vec()),
        }
    }
}

/// The shape of a picture: everything but its samples and metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// The channels of one pixel.
    pub channels: Channels,
    /// The type of one sample.
    pub depth: Depth,
    /// How samples relate to light; integers are always [`Transfer::Encoded`].
    pub transfer: Transfer,
}

impl Header {
    /// A header of display-referred samples.
    pub const fn new(width: u32, height: u32, channels: Channels, depth: Depth) -> Self {
        Header { width, height, channels, depth, transfer: Transfer::Encoded }
    }

    /// The number of pixels.
    pub const fn pixels(&self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The bytes that all samples take.
    pub const fn bytes(&self) -> u64 {
        self.pixels().saturating_mul((self.channels.count() * self.depth.bytes()) as u64)
    }

    /// The number of samples in one row.
    pub const fn row_samples(&self) -> usize {
        self.width as usize * self.channels.count()
    }
}

/// A whole picture in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// The channels of one pixel.
    pub channels: Channels,
    /// `width × height × channels.count()` samples.
    pub samples: Samples,
    /// How samples relate to light; integers are always [`Transfer::Encoded`].
    pub transfer: Transfer,
    /// What the file says about the picture.
    pub metadata: Metadata,
}

impl Image {
    /// A picture from its shape and samples, without metadata.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] if the depth or the number of samples is not the header's.
    pub fn new(header: Header, samples: Samples) -> Result<Self> {
        let expected = header.pixels().saturating_mul(header.channels.count() as u64);
        if samples.depth() != header.depth || samples.len() as u64 != expected {
            return Err(Error::misuse(format!(
                "a picture of {}x{} {:?} {:?} has {expected} samples, got {} {:?}",
                header.width,
                header.height,
                header.channels,
                header.depth,
                samples.len(),
                samples.depth(),
            )));
        }
        let Header { width, height, channels, transfer, .. } = header;
        Ok(Image { width, height, channels, samples, transfer, metadata: Metadata::default() })
    }

    /// The shape of this picture.
    pub fn header(&self) -> Header {
        Header {
            width: self.width,
            height: self.height,
            channels: self.channels,
            depth: self.samples.depth(),
            transfer: self.transfer,
        }
    }
}
