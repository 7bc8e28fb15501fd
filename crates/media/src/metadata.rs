//! What a file says about its picture, beside the samples.

use crate::images::Keeps;
use crate::{Header, exif, orientation::Orientation, profile, xmp};

/// The unit of a [`Density`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DensityUnit {
    /// No unit: only the ratio of x to y means something.
    Ratio,
    /// Pixels per inch (2.54 cm).
    Inch,
    /// Pixels per centimetre.
    Centimetre,
    /// Pixels per metre.
    Metre,
}

/// How many pixels there are to a unit of length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Density {
    /// Pixels per unit, from left to right.
    pub x: f64,
    /// Pixels per unit, from top to bottom.
    pub y: f64,
    /// The unit of length.
    pub unit: DensityUnit,
}

impl Density {
    /// The same density in pixels per metre; a [`DensityUnit::Ratio`] stays as it is.
    pub(crate) fn per_metre(self) -> Density {
        let factor = match self.unit {
            DensityUnit::Ratio => return self,
            DensityUnit::Inch => 1.0 / 0.0254,
            DensityUnit::Centimetre => 100.0,
            DensityUnit::Metre => 1.0,
        };
        Density { x: self.x * factor, y: self.y * factor, unit: DensityUnit::Metre }
    }

    /// The same density in a unit that formats without metres can store. Dots per inch where that gives
    /// (almost) whole numbers, because a file that said "72 dpi" had to say "2835 per metre" in PNG.
    pub(crate) fn per_inch_or_centimetre(self) -> Density {
        if self.unit != DensityUnit::Metre {
            return self;
        }
        let inch = Density { x: self.x * 0.0254, y: self.y * 0.0254, unit: DensityUnit::Inch };
        let whole = |v: f64| (v - v.round()).abs() < 0.02;
        if whole(inch.x) && whole(inch.y) {
            return Density { x: inch.x.round(), y: inch.y.round(), unit: DensityUnit::Inch };
        }
        Density { x: self.x / 100.0, y: self.y / 100.0, unit: DensityUnit::Centimetre }
    }
}

/// What a file says about its picture. Formats keep what they can; see
/// [`Keeps`](crate::images::Keeps).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The ICC colour profile, byte for byte.
    pub icc: Option<Vec<u8>>,
    /// The EXIF block: it starts with `II*\0` or `MM\0*`, without the `Exif\0\0` of JPEG.
    /// After [`images::read`](crate::images::read) its orientation is 1, because the pixels are upright.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet, UTF-8.
    pub xmp: Option<Vec<u8>>,
    /// The IPTC-IIM records (JPEG and TIFF).
    pub iptc: Option<Vec<u8>>,
    /// Pixels per unit of length.
    pub density: Option<Density>,
    /// PNG gAMA, times 100000.
    pub gamma: Option<u32>,
    /// PNG cHRM: x and y of white, red, green, blue, times 100000.
    pub chromaticities: Option<[u32; 8]>,
    /// CICP (ITU-T H.273): primaries, transfer, matrix, full range.
    pub cicp: Option<[u8; 4]>,
    /// PNG text chunks: keyword and text.
    pub texts: Vec<(String, String)>,
}

impl Metadata {
    /// Drops everything that does not change how the samples look: EXIF, XMP, IPTC, texts and density go,
    /// the colour information stays.
    pub fn strip(&mut self) {
        self.exif = None;
        self.xmp = None;
        self.iptc = None;
        self.density = None;
        self.texts.clear();
    }

    /// The orientation that the EXIF block asks for; upright if there is none.
    pub(crate) fn orientation(&self) -> Orientation {
        self.exif.as_deref().and_then(exif::orientation).unwrap_or_default()
    }

    /// After the pixels were turned: the tags say "upright", and the density follows its axes.
    pub(crate) fn turned(&mut self, by: Orientation) {
        if let Some(block) = &mut self.exif {
            exif::set_upright(block);
        }
        if let Some(packet) = &mut self.xmp {
            xmp::set_upright(packet);
        }
        if by.swaps_axes()
            && let Some(density) = &mut self.density
        {
            std::mem::swap(&mut density.x, &mut density.y);
        }
    }

    /// A copy for a picture with this header in a format that keeps so much: pixel dimensions in EXIF are updated, a
    /// thumbnail of another picture is dropped, and the ICC profile says what the format cannot say otherwise.
    pub(crate) fn for_output(&self, header: &Header, keeps: Keeps) -> Metadata {
        let mut copy = self.clone();
        if let Some(block) = &mut copy.exif {
            exif::set_size(block, header.width, header.height);
        }
        copy.icc = profile::icc(self, header.channels.colours(), keeps);
        copy
    }
}
