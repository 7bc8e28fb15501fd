//! Which encoder, with which options, in which pixel format.

use std::path::Path;

use super::rates::{any, mpeg2, mpeg4, svt_av1};
use super::{Colour, Container, Encode, Encoder, Format, Frame, Model, Ratio, Tools, Video, trial};
use crate::{Error, Result};

/// Encoders' threads. The number is fixed because some give other bits with other numbers.
const THREADS: &str = "4";

/// What is asked for; the rest is chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// A codec, as `h264`, or an encoder by ffmpeg's name, as `h264_nvenc`.
    pub codec: Option<String>,
    /// The constant quality, in the encoder's own scale.
    pub crf: Option<u32>,
    /// How hard the encoder tries, in its own words.
    pub preset: Option<String>,
    /// A pixel format.
    pub pixels: Option<String>,
    /// Further options of the encoder.
    pub options: Vec<(String, String)>,
}

/// What is known of an encoder.
struct Codec {
    /// What people call the codec.
    name: &'static str,
    encoder: &'static str,
    /// Options of visually lossless quality.
    quality: &'static [(&'static str, &'static str)],
    /// The option that says how hard it tries, and its value.
    effort: (&'static str, &'static str),
    /// The rate that it is told for one of a video.
    rate: fn(Ratio) -> Ratio,
}

/// The encoders, for each codec the better one first.
static CODECS: &[Codec] = &[
    // The presets of x264 and x265 are fast ones, because encoders share the cores with networks. From the preset fast on x264 has
    // psychovisual optimisation, with which it quantises chroma finer by this offset; here it has to be told.
    Codec {
        name: "h264",
        encoder: "libx264",
        quality: &[("crf", "15"), ("chromaoffset", "-2")],
        effort: ("preset", "veryfast"),
        rate: any,
    },
    Codec {
        name: "hevc",
        encoder: "libx265",
        quality: &[("crf", "16")],
        effort: ("preset", "veryfast"),
        rate: any,
    },
    Codec {
        name: "vp9",
        encoder: "libvpx-vp9",
        quality: &[("crf", "18"), ("b:v", "0"), ("row-mt", "1"), ("cpu-used", "2")],
        effort: ("deadline", "good"),
        rate: any,
    },
    Codec {
        name: "av1",
        encoder: "libsvtav1",
        quality: &[("crf", "20")],
        effort: ("preset", "6"),
        rate: svt_av1,
    },
    Codec {
        name: "av1",
        encoder: "libaom-av1",
        quality: &[("crf", "18")],
        effort: ("cpu-used", "4"),
        rate: any,
    },
    Codec { name: "prores", encoder: "prores_ks", quality: &[], effort: ("preset", ""), rate: any },
    Codec { name: "ffv1", encoder: "ffv1", quality: &[("level", "3")], effort: ("preset", ""), rate: any },
    Codec { name: "mjpeg", encoder: "mjpeg", quality: &[("q:v", "2")], effort: ("preset", ""), rate: any },
    Codec { name: "mpeg4", encoder: "mpeg4", quality: &[("q:v", "2")], effort: ("preset", ""), rate: mpeg4 },
    Codec {
        name: "mpeg2",
        encoder: "mpeg2video",
        quality: &[("q:v", "2")],
        effort: ("preset", ""),
        rate: mpeg2,
    },
];

/// What the frames of a result are.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// The video that is read.
    pub video: &'a Video,
    /// The pixel format that the result's is to be near to: that of the video, unless it would be more than people can play.
    pub like: &'static Format,
    /// The size of upright frames that are read.
    pub from: (u32, u32),
    /// Their pixels' width over their height.
    pub sample_aspect: Option<Ratio>,
    /// The size of frames that are written.
    pub to: (u32, u32),
    /// The kind of file.
    pub container: &'static Container,
}

impl Encode {
    /// Chooses how frames are encoded.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if ffmpeg has no such encoder, or the encoder not that pixel format.
    pub fn choose(tools: &Tools, wish: &Wish, result: &Made) -> Result<Self> {
        let deep = usize::from(result.video.format.bits > 8);
        let name = wish.codec.as_deref().unwrap_or(result.container.codecs[deep]);
        let (encoder, codec) = encoder(tools, name)?;
        let format = match &wish.pixels {
            Some(name) => Format::by_name(name).ok_or_else(|| {
                Error::unsupported(format!("frames of the pixel format {name} cannot be made"))
            })?,
            None => nearest(result.like, result.to, &tools.pixel_formats(&encoder)?),
        };
        let format = held(format, &encoder, result.container);
        let (colours, colour) = tags(result, format);
        let options = options(wish, codec, (&encoder, format), result);
        let (width, height) = result.to;
        let rate = codec.map_or(result.video.rate, |codec| (codec.rate)(result.video.rate));
        let sample_aspect = result.sample_aspect;
        Ok(Self { encoder, options, format, width, height, rate, sample_aspect, colours, colour })
    }

    /// Encodes one grey frame into a file of this kind, to learn early whether everything fits together. `scratch` is a file that
    /// may be written and is removed.
    ///
    /// # Errors
    /// [`Error::Program`] with what the encoder or the muxer says.
    pub fn check(&self, tools: &Tools, container: &Container, scratch: &Path) -> Result<()> {
        let bytes = usize::try_from(self.format.frame_bytes(self.width, self.height)).unwrap_or(usize::MAX);
        let frame = Frame::new(self.format, self.width, self.height, vec![128; bytes], 0)?;
        trial::of_packets(tools, container, scratch, |to| {
            let mut encoder = Encoder::new(tools, self, self.rate.inverse(), to)?;
            let written = encoder.frame(&frame);
            encoder.finish().and(written)
        })
    }
}

/// The encoder of a codec that ffmpeg has, and what is known of it.
fn encoder(tools: &Tools, name: &str) -> Result<(String, Option<&'static Codec>)> {
    let there = tools.encoders();
    let name = match name {
        "h265" => "hevc",
        "x264" => "h264",
        "x265" => "hevc",
        name => name,
    };
    let known = CODECS.iter().filter(|codec| codec.name == name || codec.encoder == name);
    if let Some(codec) = known.clone().find(|codec| there.contains(codec.encoder)) {
        return Ok((codec.encoder.into(), Some(codec)));
    }
    if there.contains(name) {
        return Ok((name.into(), None));
    }
    let encoders: Vec<_> = known.map(|codec| codec.encoder).collect();
    let mut usual: Vec<_> =
        CODECS.iter().filter(|codec| there.contains(codec.encoder)).map(|c| c.name).collect();
    usual.dedup();
    Err(Error::unsupported(match encoders.is_empty() {
        true => format!("this ffmpeg has no encoder {name}; it has {} and others", usual.join(", ")),
        false => format!(
            "this ffmpeg has no encoder for {name} ({}); it has {} and others",
            encoders.join(", "),
            usual.join(", ")
        ),
    }))
}

/// All options, those that were asked for last.
fn options(
    wish: &Wish,
    codec: Option<&Codec>,
    (encoder, format): (&str, &Format),
    result: &Made,
) -> Vec<(String, String)> {
    let mut options: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| {
        options.retain(|(known, _)| known != name);
        options.push((name.into(), value.into()));
    };
    if let Some(codec) = codec {
        codec.quality.iter().for_each(|(name, value)| set(name, value));
        let (name, usual) = codec.effort;
        let value = wish.preset.as_deref().unwrap_or(usual);
        if !value.is_empty() {
            set(name, value);
        }
    } else if let Some(preset) = &wish.preset {
        set("preset", preset);
    }
    if let Some(crf) = wish.crf {
        set("crf", &crf.to_string());
    }
    set("threads", THREADS);
    if result.container.ordered {
        set("bf", "0");
    }
    if format.alpha && encoder.starts_with("libvpx") {
        // Frames that are never shown have no transparency.
        set("auto-alt-ref", "0");
    }
    if encoder == "prores_ks" {
        set("profile:v", if format.chroma == [0, 0] { "4444" } else { "hq" });
    }
    let wished = |name: &str| wish.options.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    if encoder == "libx265" {
        // Without the offsets chroma is coded more coarsely than luma, by more than two levels of saturated colours.
        let usual = ["log-level=error", "frame-threads=3", "cbqpoffs=-3", "crqpoffs=-3"];
        let mut parameters = usual.map(str::to_owned).to_vec();
        let (display, light) = &result.video.hdr;
        parameters.extend(display.as_ref().map(|display| format!("hdr10=1:master-display={display}")));
        parameters.extend(light.as_ref().map(|light| format!("max-cll={light}")));
        parameters.extend(wished("x265-params").cloned());
        set("x265-params", &parameters.join(":"));
    }
    for (name, value) in wish.options.iter().filter(|(name, _)| name != "x265-params") {
        set(name, value);
    }
    options
}

/// The pixel format of an encoder that loses least and wastes least.
fn nearest(from: &'static Format, size: (u32, u32), names: &[String]) -> &'static Format {
    let cost = |to: &Format| {
        let lost = |from: u32, to: u32| u32::from(from > to);
        let [across, down] = [0, 1].map(|axis| (to.chroma[axis], from.chroma[axis]));
        [
            u32::from(!to.fits(size.0, size.1)),
            u32::from(from.alpha && !to.alpha),
            lost(from.bits, to.bits),
            u32::from(from.model != to.model && to.model == Model::Grey),
            lost(across.0, across.1) + lost(down.0, down.1),
            u32::from(from.model != to.model),
            u32::from(from.full != to.full),
            to.bits.abs_diff(from.bits),
            across.0.abs_diff(across.1) + down.0.abs_diff(down.1) + u32::from(to.alpha != from.alpha),
            u32::from(to.name != from.name),
        ]
    };
    names.iter().filter_map(|name| Format::by_name(name)).min_by_key(|format| cost(format)).unwrap_or(from)
}

/// The format that comes out of a file: the codecs that have transparency in packets of their own need one with room for them.
fn held(format: &'static Format, encoder: &str, container: &Container) -> &'static Format {
    let Format { model, bits, chroma, alpha, .. } = *format;
    let is_held = !encoder.starts_with("libvpx") || ["matroska", "webm"].contains(&container.muxer);
    match alpha && !is_held {
        true => Format::planar(model, bits, chroma, false).unwrap_or(format),
        false => format,
    }
}

/// What samples mean that are read and that are written, and the tags of a result. What the input does not say stays unsaid,
/// unless players would then take it for something else, or it was decided here as red, green and blue have become YUV.
fn tags(result: &Made, to: &Format) -> ((Colour, Colour), Colour) {
    let (video, (width, height)) = (result.video, result.to);
    let source = video.colour;
    let read = source.resolved(video.format, result.from.0, result.from.1);
    let meant = read.written(video.format, to, width, height);
    if video.format.model == Model::Rgb && to.model == Model::Yuv {
        return ((read, meant), Colour { location: source.location, ..meant });
    }
    let silent = Colour {
        matrix: source.matrix.and(meant.matrix),
        range: source.range.and(meant.range),
        location: source.location.and(meant.location),
        ..meant
    };
    let taken = silent.resolved(to, width, height);
    let tags = Colour {
        matrix: silent.matrix.or(meant.matrix.filter(|_| taken.matrix != meant.matrix)),
        range: silent.range.or(meant.range.filter(|_| taken.range != meant.range)),
        location: silent.location.or(meant.location.filter(|_| taken.location != meant.location)),
        ..meant
    };
    ((read, meant), tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_format_loses_least() {
        let near = |from: &str, size, names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            nearest(Format::by_name(from).unwrap(), size, &names).name
        };
        let x264 =
            ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv444p10le", "gray"];
        assert_eq!(near("yuv420p", (64, 48), &x264), "yuv420p");
        assert_eq!(near("yuvj420p", (64, 48), &x264), "yuvj420p");
        assert_eq!(near("yuv422p10le", (64, 48), &x264), "yuv444p10le");
        assert_eq!(near("yuv420p", (65, 48), &x264), "yuv444p");
        assert_eq!(near("gray", (65, 48), &x264), "gray");
        assert_eq!(near("rgb24", (64, 48), &x264), "yuv444p");
        assert_eq!(near("yuv411p", (64, 48), &["yuv420p", "yuv422p", "yuv444p"]), "yuv422p");
        assert_eq!(near("yuv420p", (64, 48), &["yuv422p10le", "yuv444p10le"]), "yuv422p10le");
        assert_eq!(near("yuv420p", (64, 48), &[]), "yuv420p");
        assert_eq!(near("rgba", (64, 48), &["yuv420p", "yuv444p", "yuva420p"]), "yuva420p");
        assert_eq!(near("yuva444p12le", (64, 48), &["yuv444p12le", "yuva420p"]), "yuva420p");
    }
}
