//! The table of pixel formats: what the decoders and encoders of common codecs use, and what screens and cameras give.

use super::format::{Component, Format, Model};

/// All formats. Names are unique; of equal ones the first is the usual one.
pub static FORMATS: &[Format] = &[
    planar("yuv420p", Model::Yuv, 8, [1, 1], false),
    planar("yuv422p", Model::Yuv, 8, [1, 0], false),
    planar("yuv444p", Model::Yuv, 8, [0, 0], false),
    planar("yuv440p", Model::Yuv, 8, [0, 1], false),
    planar("yuv411p", Model::Yuv, 8, [2, 0], false),
    planar("yuv410p", Model::Yuv, 8, [2, 2], false),
    full("yuvj420p", [1, 1]),
    full("yuvj422p", [1, 0]),
    full("yuvj444p", [0, 0]),
    full("yuvj440p", [0, 1]),
    full("yuvj411p", [2, 0]),
    planar("yuv420p9le", Model::Yuv, 9, [1, 1], false),
    planar("yuv420p10le", Model::Yuv, 10, [1, 1], false),
    planar("yuv420p12le", Model::Yuv, 12, [1, 1], false),
    planar("yuv420p14le", Model::Yuv, 14, [1, 1], false),
    planar("yuv420p16le", Model::Yuv, 16, [1, 1], false),
    planar("yuv422p9le", Model::Yuv, 9, [1, 0], false),
    planar("yuv422p10le", Model::Yuv, 10, [1, 0], false),
    planar("yuv422p12le", Model::Yuv, 12, [1, 0], false),
    planar("yuv422p14le", Model::Yuv, 14, [1, 0], false),
    planar("yuv422p16le", Model::Yuv, 16, [1, 0], false),
    planar("yuv444p9le", Model::Yuv, 9, [0, 0], false),
    planar("yuv444p10le", Model::Yuv, 10, [0, 0], false),
    planar("yuv444p12le", Model::Yuv, 12, [0, 0], false),
    planar("yuv444p14le", Model::Yuv, 14, [0, 0], false),
    planar("yuv444p16le", Model::Yuv, 16, [0, 0], false),
    planar("yuv440p10le", Model::Yuv, 10, [0, 1], false),
    planar("yuv440p12le", Model::Yuv, 12, [0, 1], false),
    planar("yuva420p", Model::Yuv, 8, [1, 1], true),
    planar("yuva422p", Model::Yuv, 8, [1, 0], true),
    planar("yuva444p", Model::Yuv, 8, [0, 0], true),
    planar("yuva420p9le", Model::Yuv, 9, [1, 1], true),
    planar("yuva420p10le", Model::Yuv, 10, [1, 1], true),
    planar("yuva420p16le", Model::Yuv, 16, [1, 1], true),
    planar("yuva422p9le", Model::Yuv, 9, [1, 0], true),
    planar("yuva422p10le", Model::Yuv, 10, [1, 0], true),
    planar("yuva422p12le", Model::Yuv, 12, [1, 0], true),
    planar("yuva422p16le", Model::Yuv, 16, [1, 0], true),
    planar("yuva444p9le", Model::Yuv, 9, [0, 0], true),
    planar("yuva444p10le", Model::Yuv, 10, [0, 0], true),
    planar("yuva444p12le", Model::Yuv, 12, [0, 0], true),
    planar("yuva444p16le", Model::Yuv, 16, [0, 0], true),
    semi_planar("nv12", 8, 0, [1, 1], [0, 1]),
    semi_planar("nv21", 8, 0, [1, 1], [1, 0]),
    semi_planar("nv16", 8, 0, [1, 0], [0, 1]),
    semi_planar("nv24", 8, 0, [0, 0], [0, 1]),
    semi_planar("nv42", 8, 0, [0, 0], [1, 0]),
    semi_planar("nv20le", 10, 0, [1, 0], [0, 1]),
    semi_planar("p010le", 10, 6, [1, 1], [0, 1]),
    semi_planar("p012le", 12, 4, [1, 1], [0, 1]),
    semi_planar("p016le", 16, 0, [1, 1], [0, 1]),
    semi_planar("p210le", 10, 6, [1, 0], [0, 1]),
    semi_planar("p212le", 12, 4, [1, 0], [0, 1]),
    semi_planar("p216le", 16, 0, [1, 0], [0, 1]),
    semi_planar("p410le", 10, 6, [0, 0], [0, 1]),
    semi_planar("p412le", 12, 4, [0, 0], [0, 1]),
    semi_planar("p416le", 16, 0, [0, 0], [0, 1]),
    packed_422("yuyv422", [0, 1, 3]),
    packed_422("uyvy422", [1, 0, 2]),
    packed_422("yvyu422", [0, 3, 1]),
    packed("ayuv64le", Model::Yuv, 16, 4, &[1, 2, 3, 0]),
    planar("gray", Model::Grey, 8, [0, 0], false),
    planar("gray9le", Model::Grey, 9, [0, 0], false),
    planar("gray10le", Model::Grey, 10, [0, 0], false),
    planar("gray12le", Model::Grey, 12, [0, 0], false),
    planar("gray14le", Model::Grey, 14, [0, 0], false),
    planar("gray16le", Model::Grey, 16, [0, 0], false),
    packed("ya8", Model::Grey, 8, 2, &[0, 1]),
    packed("ya16le", Model::Grey, 16, 2, &[0, 1]),
    planar("gbrp", Model::Rgb, 8, [0, 0], false),
    planar("gbrp9le", Model::Rgb, 9, [0, 0], false),
    planar("gbrp10le", Model::Rgb, 10, [0, 0], false),
    planar("gbrp12le", Model::Rgb, 12, [0, 0], false),
    planar("gbrp14le", Model::Rgb, 14, [0, 0], false),
    planar("gbrp16le", Model::Rgb, 16, [0, 0], false),
    planar("gbrap", Model::Rgb, 8, [0, 0], true),
    planar("gbrap10le", Model::Rgb, 10, [0, 0], true),
    planar("gbrap12le", Model::Rgb, 12, [0, 0], true),
    planar("gbrap14le", Model::Rgb, 14, [0, 0], true),
    planar("gbrap16le", Model::Rgb, 16, [0, 0], true),
    packed("rgb24", Model::Rgb, 8, 3, &[0, 1, 2]),
    packed("bgr24", Model::Rgb, 8, 3, &[2, 1, 0]),
    packed("rgba", Model::Rgb, 8, 4, &[0, 1, 2, 3]),
    packed("bgra", Model::Rgb, 8, 4, &[2, 1, 0, 3]),
    packed("argb", Model::Rgb, 8, 4, &[1, 2, 3, 0]),
    packed("abgr", Model::Rgb, 8, 4, &[3, 2, 1, 0]),
    packed("rgb0", Model::Rgb, 8, 4, &[0, 1, 2]),
    packed("bgr0", Model::Rgb, 8, 4, &[2, 1, 0]),
    packed("0rgb", Model::Rgb, 8, 4, &[1, 2, 3]),
    packed("0bgr", Model::Rgb, 8, 4, &[3, 2, 1]),
    packed("rgb48le", Model::Rgb, 16, 3, &[0, 1, 2]),
    packed("bgr48le", Model::Rgb, 16, 3, &[2, 1, 0]),
    packed("rgba64le", Model::Rgb, 16, 4, &[0, 1, 2, 3]),
    packed("bgra64le", Model::Rgb, 16, 4, &[2, 1, 0, 3]),
];

/// Formats that are not in the table, and the one that holds all that they do. Words of the other byte order need no
/// line here.
pub(super) static SUBSTITUTES: &[(&str, &str)] = &[
    ("pal8", "rgba"),
    ("monow", "gray"),
    ("monob", "gray"),
    ("rgb8", "rgb24"),
    ("bgr8", "rgb24"),
    ("rgb4", "rgb24"),
    ("bgr4", "rgb24"),
    ("rgb4_byte", "rgb24"),
    ("bgr4_byte", "rgb24"),
    ("rgb444le", "rgb24"),
    ("rgb444be", "rgb24"),
    ("rgb555le", "rgb24"),
    ("rgb555be", "rgb24"),
    ("rgb565le", "rgb24"),
    ("rgb565be", "rgb24"),
    ("bgr444le", "rgb24"),
    ("bgr444be", "rgb24"),
    ("bgr555le", "rgb24"),
    ("bgr555be", "rgb24"),
    ("bgr565le", "rgb24"),
    ("bgr565be", "rgb24"),
    ("x2rgb10le", "gbrp10le"),
    ("x2rgb10be", "gbrp10le"),
    ("x2bgr10le", "gbrp10le"),
    ("x2bgr10be", "gbrp10le"),
    ("uyyvyy411", "yuv411p"),
    ("y210le", "yuv422p10le"),
    ("y210be", "yuv422p10le"),
    ("y212le", "yuv422p12le"),
    ("y212be", "yuv422p12le"),
    ("v30xle", "yuv444p10le"),
    ("xv30le", "yuv444p10le"),
    ("xv36le", "yuv444p12le"),
    ("xv36be", "yuv444p12le"),
    ("vuya", "yuva444p"),
    ("vuyx", "yuv444p"),
    ("xyz12le", "rgb48le"),
    ("xyz12be", "rgb48le"),
    ("gbrpf32le", "gbrp16le"),
    ("gbrapf32le", "gbrap16le"),
    ("grayf32le", "gray16le"),
    ("gbrpf32be", "gbrp16le"),
    ("gbrapf32be", "gbrap16le"),
    ("grayf32be", "gray16le"),
    ("bayer_bggr8", "rgb24"),
    ("bayer_bggr16le", "rgb48le"),
    ("bayer_bggr16be", "rgb48le"),
    ("bayer_rggb8", "rgb24"),
    ("bayer_rggb16le", "rgb48le"),
    ("bayer_rggb16be", "rgb48le"),
    ("bayer_gbrg8", "rgb24"),
    ("bayer_gbrg16le", "rgb48le"),
    ("bayer_gbrg16be", "rgb48le"),
    ("bayer_grbg8", "rgb24"),
    ("bayer_grbg16le", "rgb48le"),
    ("bayer_grbg16be", "rgb48le"),
];

const fn format(name: &'static str, model: Model, bits: u32, alpha: bool, places: [Component; 4]) -> Format {
    Format { name, model, bits, chroma: [0; 2], alpha, full: false, shift: 0, places }
}

const fn place(plane: usize, step: usize, offset: usize) -> Component {
    Component { plane, step, offset }
}

/// One plane for each component; RGB lies as green, blue, red.
const fn planar(name: &'static str, model: Model, bits: u32, chroma: [u32; 2], alpha: bool) -> Format {
    let [a, b, c, d] = match model {
        Model::Rgb => [2, 0, 1, 3],
        Model::Yuv | Model::Grey => [0, 1, 2, 3],
    };
    let places = [place(a, 1, 0), place(b, 1, 0), place(c, 1, 0), place(d, 1, 0)];
    Format { chroma, ..format(name, model, bits, alpha, places) }
}

/// 8-bit YUV whose name says that the range is full.
const fn full(name: &'static str, chroma: [u32; 2]) -> Format {
    Format { full: true, ..planar(name, Model::Yuv, 8, chroma, false) }
}

/// A plane of Y, and one in which U and V take turns.
const fn semi_planar(name: &'static str, bits: u32, shift: u32, chroma: [u32; 2], uv: [usize; 2]) -> Format {
    let places = [place(0, 1, 0), place(1, 2, uv[0]), place(1, 2, uv[1]), place(0, 1, 0)];
    Format { chroma, shift, ..format(name, Model::Yuv, bits, false, places) }
}

/// One plane, in groups of two Y, one U and one V.
const fn packed_422(name: &'static str, offsets: [usize; 3]) -> Format {
    let places = [place(0, 2, offsets[0]), place(0, 4, offsets[1]), place(0, 4, offsets[2]), place(0, 1, 0)];
    Format { chroma: [1, 0], ..format(name, Model::Yuv, 8, false, places) }
}

/// One plane of whole pixels of `step` samples; what no component uses is padding.
const fn packed(name: &'static str, model: Model, bits: u32, step: usize, offsets: &[usize]) -> Format {
    let mut places = [place(0, step, 0); 4];
    let mut i = 0;
    while i < offsets.len() {
        places[i] = place(0, step, offsets[i]);
        i += 1;
    }
    let alpha = offsets.len() == 4 || offsets.len() == 2;
    format(name, model, bits, alpha, places)
}
