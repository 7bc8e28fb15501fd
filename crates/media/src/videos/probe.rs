//! What is in a video file, as ffprobe tells it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::process::Process;
use super::tools::{self, Tools};
use super::{Colour, Ending, Format, Location, Matrix, Range, Ratio, Tag};
use crate::{Error, Result};

/// What ffprobe may say.
const MOST: u64 = 64 << 20;

/// Formats that only name other files.
const PLAYLISTS: [&str; 6] = ["hls", "concat", "dash", "image2", "imf", "ffmetadata"];

/// Where the first frame is looked for: in the first packet, else in the most that lie between two key frames as a rule, else
/// everywhere. What was cut out of something longer begins with packets that cannot be decoded.
const INTERVALS: [&str; 3] = ["%+#1", "%+#250", "%"];

/// What is in a video file.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The names of the format, with commas, as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub format: String,
    /// The earliest time of any stream, in seconds.
    pub start: Option<f64>,
    /// The length in seconds.
    pub duration: Option<f64>,
    /// All streams, by index.
    pub streams: Vec<Stream>,
    /// The number of chapters.
    pub chapters: usize,
    /// Which stream is the video: the first that is no picture of a cover.
    pub main: usize,
    /// That stream's pictures.
    pub video: Video,
}

/// A stream of a file.
#[derive(Clone, Debug)]
pub struct Stream {
    /// What it holds.
    pub kind: Kind,
    /// The codec's name, `unknown` if ffprobe has none.
    pub codec: String,
    /// Its tags, as `language`.
    pub tags: BTreeMap<String, String>,
    /// What it is for, as `default` and `forced`.
    pub dispositions: Vec<String>,
}

impl Stream {
    /// Whether it is the picture of a cover.
    pub fn is_cover(&self) -> bool {
        self.dispositions.iter().any(|disposition| disposition == "attached_pic")
    }

    /// Whether a tag says that its pictures are transparent, though their pixel format does not.
    pub fn is_transparent(&self) -> bool {
        self.tags.iter().any(|(name, value)| name.eq_ignore_ascii_case("alpha_mode") && value == "1")
    }
}

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Text, or pictures of it.
    Subtitle,
    /// A file, as a font.
    Attachment,
    /// Anything else.
    Data,
}

/// The pictures of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    /// Width in pixels, as stored.
    pub width: u32,
    /// Height in pixels, as stored.
    pub height: u32,
    /// The pixel format of its decoder, by ffmpeg's name.
    pub pixels: String,
    /// The format in which frames are asked for.
    pub format: &'static Format,
    /// The decoder, by ffmpeg's name, where the usual one would lose the transparency.
    pub decoder: Option<&'static str>,
    /// The unit of times, in seconds.
    pub time_base: Ratio,
    /// When it begins, in that unit.
    pub start: Option<i64>,
    /// Whether its first packet gives no frame.
    pub begins_broken: bool,
    /// When its last frame is no longer shown, in that unit, if the file says it.
    pub end: Option<i64>,
    /// Whether files of its kind can be joined byte by byte, so that times begin anew.
    pub is_joinable: bool,
    /// Frames in a second, on average.
    pub rate: Ratio,
    /// The number of frames, if the file says it, otherwise estimated from the length.
    pub frames: Option<u64>,
    /// Width of a pixel over its height, if known.
    pub sample_aspect: Option<Ratio>,
    /// The quarter turns to the right that make it upright; frames are given upright.
    pub turns: u32,
    /// Whether frames are made of two fields.
    pub interlaced: bool,
    /// The colour tags of the first frame.
    pub colour: Colour,
    /// The mastering display, as x265 takes it, and the greatest light levels (`MaxCLL,MaxFALL`).
    pub hdr: (Option<String>, Option<String>),
}

impl Probe {
    /// Looks into a file.
    ///
    /// # Errors
    /// [`Error::Program`] if ffprobe cannot read it, [`Error::Unsupported`] if there is no video in it.
    pub fn new(tools: &Tools, path: &Path) -> Result<Self> {
        let arguments = ["-show_format", "-show_streams", "-show_chapters"];
        let told = ask(tools, path, arguments)?;
        let format = text(&told["format"]["format_name"]).unwrap_or_default();
        if format.split(',').any(|name| PLAYLISTS.contains(&name)) {
            return Err(Error::unsupported("a list of other files is no video"));
        }
        let list = told["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
        let streams: Vec<Stream> = list.iter().map(stream).collect();
        let main = streams.iter().position(|s| s.kind == Kind::Video && !s.is_cover());
        let main = main.ok_or_else(|| Error::unsupported("there is no video in it"))?;
        let index = list[main]["index"].as_u64().unwrap_or(0).to_string();
        let first = first_frame(tools, path, &index)?;
        let (interval, first) =
            first.ok_or_else(|| Error::unsupported("there is no frame in it that can be decoded"))?;
        // AVIF files themselves have none.
        let lengths = [&told["format"], &list[main]].map(|told| number(&told["duration"]));
        let duration = lengths.into_iter().flatten().find(|&seconds| seconds > 0.0);
        let mut video = Video::new(&list[main], &first, duration)?;
        if let Some(decoder) = clear(&streams[main], &video)
            && tools.decoders()?.contains(decoder)
        {
            (video.decoder, video.pixels) = (Some(decoder), "yuva420p".into());
            video.format = Format::by_name(&video.pixels).unwrap_or(video.format);
        }
        video.begins_broken = interval != INTERVALS[0];
        video.is_joinable = ["mpegts", "mpeg"].contains(&format.as_str());
        // What a stream says of its own length is where decoding ends. Files count theirs from zero or from their first frame.
        if streams.len() == 1 && video.start == Some(0) {
            video.end = duration.map(|seconds| video.time_base.ticks(seconds));
        }
        let start = number(&told["format"]["start_time"]);
        let chapters = told["chapters"].as_array().map_or(0, Vec::len);
        Ok(Self { format, start, duration, streams, chapters, main, video })
    }
}

impl Video {
    fn new(stream: &Value, frame: &Value, duration: Option<f64>) -> Result<Self> {
        let side = |name: &str| frame[name].as_u64().and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
        let (width, height) = side("width").zip(side("height")).ok_or_else(|| unsaid("its size"))?;
        let pixels = text(&frame["pix_fmt"]).ok_or_else(|| unsaid("its pixel format"))?;
        let format = Format::for_decoder(&pixels).ok_or_else(|| {
            Error::unsupported(format!("frames of the pixel format {pixels} cannot be taken"))
        })?;
        let ratio = |name: &str| text(&stream[name]).and_then(|t| t.parse::<Ratio>().ok());
        let time_base = ratio("time_base").ok_or_else(|| unsaid("its time base"))?;
        // The average of a variable rate is closer to the truth than the finest step.
        let usual = Ratio { num: 25, den: 1 };
        let rate = ratio("avg_frame_rate").or(ratio("r_frame_rate")).unwrap_or(usual);
        let estimate = duration.map(|seconds| (seconds * rate.value()).round() as u64);
        let sides = stream["side_data_list"].as_array().into_iter().flatten();
        let all = sides.chain(frame["side_data_list"].as_array().into_iter().flatten());
        let field = text(&stream["field_order"]).unwrap_or_default();
        Ok(Self {
            width,
            height,
            pixels,
            format,
            decoder: None,
            time_base,
            start: stream["start_pts"].as_i64(),
            begins_broken: false,
            end: None,
            is_joinable: false,
            rate,
            frames: number(&stream["nb_frames"]).map(|n| n as u64).filter(|&n| n > 0).or(estimate),
            sample_aspect: text(&frame["sample_aspect_ratio"]).and_then(|t| t.parse().ok()),
            turns: turns(stream, frame),
            interlaced: frame["interlaced_frame"] == 1 || matches!(field.as_str(), "tt" | "bb" | "tb" | "bt"),
            colour: colour(stream, frame),
            hdr: hdr(all),
        })
    }

    /// How it ends if its last frame is shown at this time, where the file says it.
    pub fn ending(&self, pts: i64) -> Option<Ending> {
        let length = self.end.map(|end| end - pts).filter(|&length| length > 0)?;
        let usual = self.time_base.ticks(1.0 / self.rate.value()).max(1);
        Some(Ending { pts, length, shortest: usual.min(length) })
    }
}

/// The first frame of a stream, as far as it is found, and where.
fn first_frame(tools: &Tools, path: &Path, stream: &str) -> Result<Option<(&'static str, Value)>> {
    for interval in INTERVALS {
        let what = ["-select_streams", stream, "-read_intervals", interval, "-show_frames"];
        let told = ask(tools, path, what)?;
        if let Some(first) = told["frames"].as_array().and_then(|frames| frames.first()) {
            return Ok(Some((interval, first.clone())));
        }
    }
    Ok(None)
}

/// The decoder for a stream that has its transparency in packets of their own, which other decoders pass over.
fn clear(stream: &Stream, video: &Video) -> Option<&'static str> {
    let decoder = match stream.codec.as_str() {
        "vp8" => "libvpx",
        "vp9" => "libvpx-vp9",
        _ => return None,
    };
    (stream.is_transparent() && video.pixels == "yuv420p").then_some(decoder)
}

fn ask<const N: usize>(tools: &Tools, path: &Path, what: [&str; N]) -> Result<Value> {
    let mut command = tools.ffprobe();
    command.args(what).args(["-of", "json"]).args(tools::input(path));
    let told = Process::start("ffprobe", command)?.output(MOST).map_err(|error| named(error, path))?;
    serde_json::from_slice(&told).map_err(|error| Error::program("ffprobe", error.to_string()))
}

/// An error of ffprobe without the name of the file, which the caller knows.
fn named(error: Error, path: &Path) -> Error {
    let name = tools::file(path);
    match error {
        Error::Program { program, what } => {
            let what = what.strip_prefix(&*name.to_string_lossy()).unwrap_or(&what);
            Error::Program { program, what: what.trim_start_matches([':', ' ']).to_owned() }
        }
        error => error,
    }
}

/// What the streams of a file hold.
pub(super) fn kinds(tools: &Tools, path: &Path) -> Result<Vec<Kind>> {
    let told = ask(tools, path, ["-show_entries", "stream=codec_type"])?;
    Ok(told["streams"].as_array().into_iter().flatten().map(kind).collect())
}

fn kind(told: &Value) -> Kind {
    match told["codec_type"].as_str() {
        Some("video") => Kind::Video,
        Some("audio") => Kind::Audio,
        Some("subtitle") => Kind::Subtitle,
        Some("attachment") => Kind::Attachment,
        _ => Kind::Data,
    }
}

fn stream(told: &Value) -> Stream {
    let pairs = |name: &str| told[name].as_object().into_iter().flatten();
    Stream {
        kind: kind(told),
        codec: text(&told["codec_name"]).unwrap_or_else(|| "unknown".into()),
        tags: pairs("tags").filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect(),
        dispositions: pairs("disposition")
            .filter(|(_, on)| **on == 1)
            .map(|(name, _)| name.clone())
            .collect(),
    }
}

/// The tags of the first frame, and of the stream where the frame has none.
fn colour(stream: &Value, frame: &Value) -> Colour {
    fn find<T>(stream: &Value, frame: &Value, name: &str, of: impl Fn(&str) -> Option<T>) -> Option<T> {
        [frame, stream].into_iter().find_map(|told| told[name].as_str().and_then(&of))
    }
    Colour {
        matrix: find(stream, frame, "color_space", Matrix::by_name),
        range: find(stream, frame, "color_range", Range::by_name),
        primaries: find(stream, frame, "color_primaries", Tag::primaries),
        transfer: find(stream, frame, "color_transfer", Tag::transfer),
        location: find(stream, frame, "chroma_location", Location::by_name),
    }
}

/// The quarter turns to the right that make the video upright: some codecs say them beside each frame.
fn turns(stream: &Value, frame: &Value) -> u32 {
    let sides = [frame, stream].map(|told| told["side_data_list"].as_array());
    let sides = sides.into_iter().flatten().flatten();
    // A display matrix tells the turn to the left.
    let left = sides.filter_map(|side| number(&side["rotation"])).next();
    let degrees = left.map(|left| -left).or_else(|| number(&stream["tags"]["rotate"])).unwrap_or(0.0);
    (degrees / 90.0).round().rem_euclid(4.0) as u32
}

/// What frames or streams say about the display on which HDR was made.
fn hdr<'a>(sides: impl Iterator<Item = &'a Value>) -> (Option<String>, Option<String>) {
    let (mut display, mut light) = (None, None);
    for side in sides {
        match side["side_data_type"].as_str() {
            Some("Mastering display metadata") => display = display.or_else(|| mastering(side)),
            Some("Content light level metadata") => {
                let levels = side["max_content"].as_u64().zip(side["max_average"].as_u64());
                light = light.or(levels.map(|(most, average)| format!("{most},{average}")));
            }
            _ => {}
        }
    }
    (display, light)
}

/// As x265 takes it: chromaticities in steps of 0.00002, luminances in steps of 0.0001.
fn mastering(side: &Value) -> Option<String> {
    let steps = |name: &str, steps: f64| -> Option<u64> {
        let (num, den) = side[name].as_str()?.split_once('/')?;
        let value = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
        (value.is_finite() && value >= 0.0).then(|| (value * steps).round() as u64)
    };
    let point = |name: &str| {
        let (x, y) = (steps(&format!("{name}_x"), 5e4)?, steps(&format!("{name}_y"), 5e4)?);
        Some(format!("({x},{y})"))
    };
    let (green, blue, red, white) = (point("green")?, point("blue")?, point("red")?, point("white_point")?);
    let (most, least) = (steps("max_luminance", 1e4)?, steps("min_luminance", 1e4)?);
    Some(format!("G{green}B{blue}R{red}WP{white}L({most},{least})"))
}

/// A string, or a number as one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, or a string that is one.
fn number(value: &Value) -> Option<f64> {
    text(value)?.parse().ok().filter(|n: &f64| n.is_finite())
}

fn unsaid(what: &str) -> Error {
    Error::program("ffprobe", format!("it does not say {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn turns_are_to_the_right() {
        let turn = |degrees: i32| json!({ "side_data_list": [{ "rotation": degrees }] });
        let turned = |degrees: i32| turns(&turn(degrees), &json!({}));
        assert_eq!([0, -90, 90, 180, -180, -89].map(turned), [0, 1, 3, 2, 2, 1]);
        assert_eq!(turns(&json!({ "tags": { "rotate": "270" } }), &json!({})), 3);
        assert_eq!(turns(&json!({}), &turn(-90)), 1);
    }

    #[test]
    fn mastering_displays_are_told_as_x265_takes_them() {
        let side = json!({
            "side_data_type": "Mastering display metadata",
            "red_x": "35400/50000", "red_y": "14600/50000", "green_x": "8500/50000", "green_y": "39850/50000",
            "blue_x": "6550/50000", "blue_y": "2300/50000", "white_point_x": "15635/50000",
            "white_point_y": "16450/50000", "min_luminance": "50/10000", "max_luminance": "10000000/10000",
        });
        let light = json!({ "side_data_type": "Content light level metadata", "max_content": 1000, "max_average": 400 });
        let (display, levels) = hdr([&side, &light].into_iter());
        let expected = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)";
        assert_eq!((display.as_deref(), levels.as_deref()), (Some(expected), Some("1000,400")));
    }
}
