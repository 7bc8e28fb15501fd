use super::formats::{FORMATS, SUBSTITUTES};
use crate::{Channels, Depth};

/// How the samples of a raw video frame lie in memory: one of ffmpeg's pixel formats, with little-endian words.
///
/// Planes follow each other without padding. A sample is a byte, or a word of two where [`Format::bits`] is more than 8.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// The name that ffmpeg uses, as `yuv420p10le`.
    pub name: &'static str,
    /// What the components are.
    pub model: Model,
    /// The significant bits of a sample, 8 to 16.
    pub bits: u32,
    /// By how many bits the width and the height are shifted right, rounding up, to give those of U and V: 0, 1 or 2.
    pub chroma: [u32; 2],
    /// Whether the last component is alpha: straight, and always in full range.
    pub alpha: bool,
    /// Whether the name itself says that the range is full (`yuvj420p`).
    pub full: bool,
    /// By how many bits samples are shifted left in their words (6 for `p010le`).
    pub(super) shift: u32,
    pub(super) places: [Component; 4],
}

/// What the components of a format are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// Brightness and two colour differences.
    Yuv,
    /// Red, green, blue.
    Rgb,
    /// Brightness alone.
    Grey,
}

/// Where the samples of a component lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Component {
    /// The plane.
    pub plane: usize,
    /// Samples from one pixel's to the next one's.
    pub step: usize,
    /// Samples before the first in each row.
    pub offset: usize,
}

impl Format {
    /// The format of this name, if it is in the table.
    pub fn by_name(name: &str) -> Option<&'static Format> {
        // The table's names for 8 bits have two spellings in ffmpeg.
        let name = match name {
            "gray8" => "gray",
            "gray8a" => "ya8",
            name => name,
        };
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The format into which a decoder's output is to be converted: itself if it is in the table, otherwise one that
    /// holds all that it does (palettes, big-endian words, bit fields); `None` if there is none.
    pub fn for_decoder(name: &str) -> Option<&'static Format> {
        let substitute = || {
            let (_, to) = SUBSTITUTES.iter().find(|(from, _)| *from == name)?;
            Self::by_name(to)
        };
        let little = || Self::by_name(&format!("{}le", name.strip_suffix("be")?));
        Self::by_name(name).or_else(substitute).or_else(little)
    }

    /// The format whose samples are those of pictures with these channels, as they are for integers; floats take 16 bits.
    pub fn of_pictures(channels: Channels, depth: Depth) -> Option<&'static Format> {
        let names = match channels {
            Channels::Grey => ["gray", "gray16le"],
            Channels::GreyAlpha => ["ya8", "ya16le"],
            Channels::Rgb => ["rgb24", "rgb48le"],
            Channels::Rgba => ["rgba", "rgba64le"],
        };
        Self::by_name(names[usize::from(depth != Depth::U8)])
    }

    /// The planar format with these properties, if there is one. Grey formats take no notice of `chroma`.
    pub fn planar(model: Model, bits: u32, chroma: [u32; 2], alpha: bool) -> Option<&'static Format> {
        FORMATS.iter().find(|format| {
            format.model == model
                && format.bits == bits
                && format.alpha == alpha
                && (model == Model::Grey || format.chroma == chroma)
                && format.shift == 0
                && !format.full
                && (model == Model::Grey || format.components().iter().all(|c| c.step == 1))
        })
    }

    /// Where the components lie: Y, U, V or R, G, B or grey, and then alpha.
    pub fn components(&self) -> &[Component] {
        let colours = if self.model == Model::Grey { 1 } else { 3 };
        &self.places[..colours + usize::from(self.alpha)]
    }

    /// The number of planes, 1 to 4.
    pub fn planes(&self) -> usize {
        self.components().iter().map(|c| c.plane + 1).max().unwrap_or(1)
    }

    /// The bytes of a sample: 1 or 2.
    pub fn sample_bytes(&self) -> usize {
        if self.bits > 8 { 2 } else { 1 }
    }

    /// Whether sides of this many pixels are whole numbers of chroma samples. If not, the last one covers fewer pixels,
    /// which raw video allows and many encoders do not.
    pub fn fits(&self, width: u32, height: u32) -> bool {
        let [across, down] = self.chroma;
        width.is_multiple_of(1 << across) && height.is_multiple_of(1 << down)
    }

    /// The bytes of a frame of this size, or `u64::MAX` if they are more.
    pub fn frame_bytes(&self, width: u32, height: u32) -> u64 {
        let plane = |plane| {
            let (row, rows) = self.plane_size(plane, width, height);
            row.saturating_mul(rows)
        };
        let samples = (0..self.planes()).map(plane).fold(0, u64::saturating_add);
        samples.saturating_mul(self.sample_bytes() as u64)
    }

    /// The samples in a row of a plane, and its rows.
    pub fn plane_size(&self, plane: usize, width: u32, height: u32) -> (u64, u64) {
        let parts = self.components().iter().enumerate().filter(|(_, c)| c.plane == plane);
        parts.fold((0, 0), |(row, rows), (i, c)| {
            let (width, height) = self.component_size(i, width, height);
            (row.max(u64::from(width) * c.step as u64), rows.max(u64::from(height)))
        })
    }

    /// The width and height of a component, in its own samples.
    pub fn component_size(&self, component: usize, width: u32, height: u32) -> (u32, u32) {
        let [across, down] = if self.is_chroma(component) { self.chroma } else { [0; 2] };
        (width.div_ceil(1 << across), height.div_ceil(1 << down))
    }

    /// Whether a component is U or V.
    pub(super) fn is_chroma(&self, component: usize) -> bool {
        self.model == Model::Yuv && (1..=2).contains(&component)
    }
}

#[cfg(test)]
mod tests {
    use super::{FORMATS, Format, Model, SUBSTITUTES};

    #[test]
    fn sizes_of_frames_and_planes() {
        let bytes = |name, width, height| Format::by_name(name).unwrap().frame_bytes(width, height);
        assert_eq!(bytes("yuv420p", 5, 3), 15 + 2 * 6);
        assert_eq!(bytes("yuva420p10le", 5, 3), 2 * (15 + 2 * 6 + 15));
        assert_eq!(bytes("yuv410p", 9, 5), 45 + 2 * 6);
        assert_eq!(bytes("nv12", 5, 3), 15 + 12);
        assert_eq!(bytes("yuyv422", 5, 3), 12 * 3);
        assert_eq!(bytes("rgb48le", 5, 3), 90);
        assert_eq!(bytes("rgb0", 5, 3), 60);
        assert_eq!(bytes("rgba64le", u32::MAX, u32::MAX), u64::MAX);
        assert_eq!(Format::by_name("p010le").unwrap().planes(), 2);
    }

    #[test]
    fn names_are_unique_and_substitutes_exist() {
        for (i, format) in FORMATS.iter().enumerate() {
            assert!(FORMATS[..i].iter().all(|other| other.name != format.name), "{}", format.name);
            assert!(format.bits >= 8 && format.bits + format.shift <= 16, "{}", format.name);
        }
        for (from, to) in SUBSTITUTES {
            assert!(Format::by_name(from).is_none() && Format::by_name(to).is_some(), "{from} to {to}");
        }
    }

    #[test]
    fn formats_for_decoders_and_by_properties() {
        let name = |name| Format::for_decoder(name).map(|format| format.name);
        assert_eq!(name("yuv420p"), Some("yuv420p"));
        assert_eq!(name("yuv422p10be"), Some("yuv422p10le"));
        assert_eq!(name("pal8"), Some("rgba"));
        assert_eq!(name("gray8"), Some("gray"));
        assert_eq!(name("vaapi"), None);
        let planar = |model, bits, chroma, alpha| Format::planar(model, bits, chroma, alpha).map(|f| f.name);
        assert_eq!(planar(Model::Yuv, 10, [1, 1], false), Some("yuv420p10le"));
        assert_eq!(planar(Model::Yuv, 8, [0, 0], true), Some("yuva444p"));
        assert_eq!(planar(Model::Rgb, 12, [0, 0], false), Some("gbrp12le"));
        assert_eq!(planar(Model::Grey, 16, [1, 1], true), Some("ya16le"));
        assert_eq!(planar(Model::Yuv, 9, [0, 1], false), None);
    }
}
