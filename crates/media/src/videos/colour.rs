use super::{Format, Model};

/// What the samples of a video mean: its colour tags as ffprobe names them, each unknown if `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Colour {
    /// From RGB to YUV (`color_space`).
    pub matrix: Option<Matrix>,
    /// Which codes are black and white (`color_range`).
    pub range: Option<Range>,
    /// The colours of red, green, blue and white (`color_primaries`); not used here, only carried.
    pub primaries: Option<Tag>,
    /// From light to samples (`color_transfer`); not used here, only carried.
    pub transfer: Option<Tag>,
    /// Where chroma samples lie between luma samples (`chroma_location`).
    pub location: Option<Location>,
}

/// From RGB to YUV, by the names and codes of ITU-T H.273 (MatrixCoefficients).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// None: Y is green, U blue, V red.
    Identity,
    /// ITU-R BT.709.
    Bt709,
    /// The FCC's of 1953.
    Fcc,
    /// ITU-R BT.601, as systems with 625 lines are tagged.
    Bt470bg,
    /// ITU-R BT.601, as systems with 525 lines are tagged.
    Smpte170m,
    /// SMPTE 240M.
    Smpte240m,
    /// YCgCo.
    Ycgco,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020nc,
    /// A matrix that is known by name, but not linear or not implemented.
    Other(Tag),
}

/// Which codes are black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// With foot room and head room: 16 to 235 of 8 bits, chroma 16 to 240.
    Limited,
    /// All codes.
    Full,
}

/// Where chroma samples lie between luma samples, where chroma is subsampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// On the left column, between the rows (MPEG-2, H.264, HEVC).
    Left,
    /// Between the columns, between the rows (JPEG, MPEG-1).
    Center,
    /// On the left column, on the upper row (BT.2020, UHD).
    TopLeft,
    /// Between the columns, on the upper row.
    Top,
    /// On the left column, on the lower row.
    BottomLeft,
    /// Between the columns, on the lower row.
    Bottom,
}

/// A name of ffprobe and the code of ITU-T H.273, which ffmpeg takes as the value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// As ffprobe prints it.
    pub name: &'static str,
    /// As files store it.
    pub code: u8,
}

const fn tag(name: &'static str, code: u8) -> Tag {
    Tag { name, code }
}

static MATRICES: &[(Matrix, Tag)] = &[
    (Matrix::Identity, tag("gbr", 0)),
    (Matrix::Bt709, tag("bt709", 1)),
    (Matrix::Fcc, tag("fcc", 4)),
    (Matrix::Bt470bg, tag("bt470bg", 5)),
    (Matrix::Smpte170m, tag("smpte170m", 6)),
    (Matrix::Smpte240m, tag("smpte240m", 7)),
    (Matrix::Ycgco, tag("ycgco", 8)),
    (Matrix::Bt2020nc, tag("bt2020nc", 9)),
];

static OTHER_MATRICES: &[Tag] = &[
    tag("bt2020c", 10),
    tag("smpte2085", 11),
    tag("chroma-derived-nc", 12),
    tag("chroma-derived-c", 13),
    tag("ictcp", 14),
    tag("ipt-c2", 15),
    tag("ycgco-re", 16),
    tag("ycgco-ro", 17),
];

static PRIMARIES: &[Tag] = &[
    tag("bt709", 1),
    tag("bt470m", 4),
    tag("bt470bg", 5),
    tag("smpte170m", 6),
    tag("smpte240m", 7),
    tag("film", 8),
    tag("bt2020", 9),
    tag("smpte428", 10),
    tag("smpte431", 11),
    tag("smpte432", 12),
    tag("ebu3213", 22),
];

static TRANSFERS: &[Tag] = &[
    tag("bt709", 1),
    tag("bt470m", 4),
    tag("bt470bg", 5),
    tag("smpte170m", 6),
    tag("smpte240m", 7),
    tag("linear", 8),
    tag("log100", 9),
    tag("log316", 10),
    tag("iec61966-2-4", 11),
    tag("bt1361e", 12),
    tag("iec61966-2-1", 13),
    tag("bt2020-10", 14),
    tag("bt2020-12", 15),
    tag("smpte2084", 16),
    tag("smpte428", 17),
    tag("arib-std-b67", 18),
];

static LOCATIONS: &[(Location, &str)] = &[
    (Location::Left, "left"),
    (Location::Center, "center"),
    (Location::TopLeft, "topleft"),
    (Location::Top, "top"),
    (Location::BottomLeft, "bottomleft"),
    (Location::Bottom, "bottom"),
];

fn named(tags: &[Tag], name: &str) -> Option<Tag> {
    tags.iter().copied().find(|tag| tag.name == name)
}

impl Tag {
    /// The primaries that ffprobe calls so; `None` for `unknown` and names from the future.
    pub fn primaries(name: &str) -> Option<Tag> {
        named(PRIMARIES, name)
    }

    /// The transfer characteristics that ffprobe calls so; `None` for `unknown` and names from the future.
    pub fn transfer(name: &str) -> Option<Tag> {
        named(TRANSFERS, name)
    }
}

impl Matrix {
    /// The matrix that ffprobe calls so; `None` for `unknown` and names from the future.
    pub fn by_name(name: &str) -> Option<Matrix> {
        let known = MATRICES.iter().find(|(_, tag)| tag.name == name).map(|(matrix, _)| *matrix);
        known.or_else(|| named(OTHER_MATRICES, name).map(Matrix::Other))
    }

    /// Its name and code.
    pub fn tag(self) -> Tag {
        let known = MATRICES.iter().find(|(matrix, _)| *matrix == self).map(|(_, tag)| *tag);
        match (known, self) {
            (Some(tag), _) | (None, Matrix::Other(tag)) => tag,
            (None, _) => tag("unknown", 2),
        }
    }
}

impl Range {
    /// The range that ffprobe calls so: `tv` or `pc`.
    pub fn by_name(name: &str) -> Option<Range> {
        match name {
            "tv" => Some(Range::Limited),
            "pc" => Some(Range::Full),
            _ => None,
        }
    }

    /// As ffprobe prints it and ffmpeg takes it.
    pub fn name(self) -> &'static str {
        match self {
            Range::Limited => "tv",
            Range::Full => "pc",
        }
    }
}

impl Location {
    /// The location that ffprobe calls so; `None` for `unspecified`.
    pub fn by_name(name: &str) -> Option<Location> {
        LOCATIONS.iter().find(|(_, n)| *n == name).map(|(location, _)| *location)
    }

    /// As ffprobe prints it and ffmpeg takes it.
    pub fn name(self) -> &'static str {
        LOCATIONS.iter().find(|(location, _)| *location == self).map_or("unspecified", |(_, name)| name)
    }
}

impl Colour {
    /// The tags that are used here, with what is unknown assumed as players do:
    ///
    /// - The range of RGB and of names like `yuvj420p` is full, whatever the tag says; that of other YUV is limited if
    ///   unknown, that of grey full (as ffmpeg takes both).
    /// - The matrix, if unknown, is that of BT.2020 for its primaries or for PQ and HLG; BT.601 for `yuvj420p` and the
    ///   like (JPEG); otherwise by size: BT.709 from 1280 columns or 577 lines on, BT.601 below (625 lines for
    ///   576, 525 for others). The size is that of the *source*: resolve once, and use the result for frames of
    ///   both sizes.
    /// - Chroma lies at the left if unknown; for `yuvj420p` and the like in the centre.
    pub fn resolved(&self, format: &Format, width: u32, height: u32) -> Colour {
        let range = match format.model {
            Model::Rgb => Range::Full,
            _ if format.full => Range::Full,
            Model::Yuv => self.range.unwrap_or(Range::Limited),
            Model::Grey => self.range.unwrap_or(Range::Full),
        };
        let matrix = match (format.model, self.matrix) {
            (Model::Rgb, _) => Matrix::Identity,
            (_, Some(matrix)) => matrix,
            (_, None) => self.likely_matrix(format, width, height),
        };
        let usual = if format.full { Location::Center } else { Location::Left };
        let location = self.location.unwrap_or(usual);
        Colour { matrix: Some(matrix), range: Some(range), location: Some(location), ..*self }
    }

    fn likely_matrix(&self, format: &Format, width: u32, height: u32) -> Matrix {
        let is = |tag: Option<Tag>, names: &[&str]| tag.is_some_and(|tag| names.contains(&tag.name));
        let wide = is(self.primaries, &["bt2020"])
            || is(self.transfer, &["smpte2084", "arib-std-b67", "bt2020-10", "bt2020-12"]);
        match height {
            _ if wide => Matrix::Bt2020nc,
            _ if format.full => Matrix::Bt470bg,
            577.. => Matrix::Bt709,
            _ if width >= 1280 => Matrix::Bt709,
            576 => Matrix::Bt470bg,
            _ => Matrix::Smpte170m,
        }
    }

    /// The tags of what is written as `to` when this, resolved, was read as `from`: the same, but where RGB or grey
    /// becomes YUV a matrix (by the primaries and the size of the result) and, after RGB, the limited range, which players
    /// expect.
    pub fn written(&self, from: &Format, to: &Format, width: u32, height: u32) -> Colour {
        let mut colour = *self;
        if from.model != Model::Yuv && to.model == Model::Yuv {
            colour.matrix = self.matrix.filter(|matrix| *matrix != Matrix::Identity);
            colour.location = None;
        }
        if from.model == Model::Rgb && to.model != Model::Rgb {
            colour.range = Some(Range::Limited);
        }
        colour.resolved(to, width, height)
    }

    /// CICP for pictures of all codes in RGB, if they are HDR or of a wide gamut. Other colours of television are taken for those of
    /// sRGB, by players too, and so is its transfer.
    pub fn cicp(&self) -> Option<[u8; 4]> {
        let is = |tag: Option<Tag>, codes: &[u8]| tag.is_some_and(|tag| codes.contains(&tag.code));
        let is_hdr = is(self.transfer, &[16, 18]);
        let is_wide = is(self.primaries, &[9, 11, 12]);
        let primaries = self.primaries.map_or(9, |tag| tag.code);
        let transfer =
            self.transfer.filter(|_| !is(self.transfer, &[1, 6, 14, 15])).map_or(13, |tag| tag.code);
        (is_hdr || is_wide).then_some([primaries, transfer, 0, 1])
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Location, MATRICES, Matrix, Range, Tag};
    use crate::videos::Format;

    fn resolved(name: &str, colour: Colour, width: u32, height: u32) -> (Matrix, Range, Location) {
        let colour = colour.resolved(Format::by_name(name).unwrap(), width, height);
        (colour.matrix.unwrap(), colour.range.unwrap(), colour.location.unwrap())
    }

    #[test]
    fn unknown_tags_are_assumed_as_players_do() {
        let (unknown, left) = (Colour::default(), Location::Left);
        assert_eq!(resolved("yuv420p", unknown, 1280, 536), (Matrix::Bt709, Range::Limited, left));
        assert_eq!(resolved("yuv420p", unknown, 720, 576), (Matrix::Bt470bg, Range::Limited, left));
        assert_eq!(resolved("yuv420p", unknown, 720, 480), (Matrix::Smpte170m, Range::Limited, left));
        assert_eq!(
            resolved("yuvj420p", unknown, 1920, 1080),
            (Matrix::Bt470bg, Range::Full, Location::Center)
        );
        let hdr = Colour { transfer: Tag::transfer("smpte2084"), range: Some(Range::Full), ..unknown };
        assert_eq!(resolved("yuv420p10le", hdr, 640, 360), (Matrix::Bt2020nc, Range::Full, left));
        let limited = Colour { range: Some(Range::Limited), ..unknown };
        assert_eq!(resolved("gbrp", limited, 640, 360).1, Range::Full);
        assert_eq!(resolved("gray", unknown, 640, 360).1, Range::Full);
        assert_eq!(resolved("gray", limited, 640, 360).1, Range::Limited);
    }

    #[test]
    fn rgb_written_as_yuv_gets_a_matrix_and_the_limited_range() {
        let [rgb, yuv] = ["rgb24", "yuv420p"].map(|name| Format::by_name(name).unwrap());
        let read = Colour::default().resolved(rgb, 640, 360);
        let written = read.written(rgb, yuv, 2560, 1440);
        assert_eq!((written.matrix, written.range), (Some(Matrix::Bt709), Some(Range::Limited)));
        let full = Colour { range: Some(Range::Full), ..Colour::default() }.resolved(yuv, 640, 360);
        assert_eq!(full.written(yuv, yuv, 2560, 1440), full);
    }

    #[test]
    fn pictures_say_what_is_hdr_or_wide() {
        let cicp = |primaries: &str, transfer: &str| {
            let (primaries, transfer) = (Tag::primaries(primaries), Tag::transfer(transfer));
            Colour { primaries, transfer, ..Colour::default() }.cicp()
        };
        assert_eq!(cicp("bt2020", "smpte2084"), Some([9, 16, 0, 1]));
        assert_eq!(cicp("unknown", "arib-std-b67"), Some([9, 18, 0, 1]));
        assert_eq!(cicp("bt709", "smpte2084"), Some([1, 16, 0, 1]));
        assert_eq!(cicp("bt2020", "bt2020-10"), Some([9, 13, 0, 1]));
        assert_eq!(cicp("smpte432", "unknown"), Some([12, 13, 0, 1]));
        for (primaries, transfer) in [("unknown", "unknown"), ("bt709", "bt709"), ("bt470bg", "bt470bg")] {
            assert_eq!(cicp(primaries, transfer), None, "{primaries} {transfer}");
        }
    }

    #[test]
    fn names_lead_back_to_themselves() {
        for (matrix, tag) in MATRICES {
            assert_eq!((Matrix::by_name(tag.name), matrix.tag()), (Some(*matrix), *tag));
        }
        let other = Matrix::by_name("ictcp").unwrap();
        assert_eq!(other.tag().code, 14);
        assert_eq!(Matrix::by_name("unknown"), None);
        assert_eq!(Location::by_name(Location::TopLeft.name()), Some(Location::TopLeft));
        assert_eq!(Range::by_name(Range::Full.name()), Some(Range::Full));
    }
}
