//! Colours survive a video's way from file to file: patches, decoded by ffmpeg with the tags of each file, stay what they were.

mod common;

use std::path::Path;
use std::process::Command;

use amplio::media::{Channels, Depth, Header, Image, Samples};
use common::{Folder, encoded};

/// Pixels on a side of a patch.
const SIDE: usize = 16;

/// Patches in a row: all of five levels of red, green and blue.
const COLUMNS: usize = 25;

/// Rows of patches.
const ROWS: usize = 5;

/// A network that makes pictures twice as large and changes no colour, as NCNN would write it down.
const MODEL: &str = "7767517\n2 2\nInput in 0 1 in 2=3\nInterp up 1 1 in out 0=1 1=2.0 2=2.0\n";

/// How a clip is made, and what becomes of it.
struct Clip {
    /// The matrix, as ffmpeg's scaler calls it and as files do.
    matrix: [&'static str; 2],
    range: &'static str,
    pixels: &'static str,
    codec: &'static str,
    /// The name of the result, and options for it.
    result: &'static str,
    options: &'static [&'static str],
}

const fn clip(matrix: [&'static str; 2], range: &'static str, pixels: &'static str) -> Clip {
    Clip { matrix, range, pixels, codec: "ffv1", result: "out.mkv", options: &[] }
}

const BT601: [&str; 2] = ["smpte170m", "smpte170m"];
const BT709: [&str; 2] = ["bt709", "bt709"];
const BT2020: [&str; 2] = ["bt2020", "bt2020nc"];

static CLIPS: &[Clip] = &[
    clip(BT601, "tv", "yuv420p"),
    clip(BT601, "pc", "yuv420p"),
    clip(BT601, "tv", "yuv444p"),
    clip(BT601, "tv", "yuv420p10le"),
    clip(BT709, "tv", "yuv420p"),
    clip(BT709, "pc", "yuv420p"),
    clip(BT709, "pc", "yuv444p"),
    clip(BT709, "tv", "yuv422p10le"),
    clip(BT709, "pc", "yuv420p10le"),
    clip(BT2020, "tv", "yuv420p"),
    clip(BT2020, "pc", "yuv444p"),
    clip(BT2020, "tv", "yuv420p10le"),
    Clip { result: "out.mp4", ..clip(BT709, "tv", "yuv420p") },
    Clip { result: "out.mp4", ..clip(BT2020, "tv", "yuv444p10le") },
    Clip { result: "out.webm", options: &["--encoder-preset", "realtime"], ..clip(BT709, "tv", "yuv420p") },
    Clip { result: "out.mov", options: &["--codec", "prores"], ..clip(BT709, "tv", "yuv422p10le") },
];

/// The samples of the patches' picture.
fn picture() -> Image {
    let (width, height) = (COLUMNS * SIDE, ROWS * SIDE);
    let patch = |i: usize| i / width / SIDE * COLUMNS + i % width / SIDE;
    let colour = |patch: usize| [patch % 5, patch / 5 % 5, patch / 25].map(|level| (level * 255 / 4) as u8);
    let samples = (0..width * height).flat_map(|i| colour(patch(i))).collect();
    let header = Header::new(width as u32, height as u32, Channels::Rgb, Depth::U8);
    Image::new(header, Samples::U8(samples)).expect("a picture")
}

fn ffmpeg(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y"]).args(arguments).current_dir(folder);
    let output = command.output().expect("ffmpeg");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The colours in the middles of the patches of a video's last frame, 0 to 255, as ffmpeg understands the file.
fn colours(folder: &Path, name: &str, scale: usize) -> Vec<f64> {
    const EXACT: &str = "scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp+bicubic";
    let raw = ["-i", name, "-vf", EXACT, "-pix_fmt", "rgb48le", "-f", "rawvideo", "-"];
    let bytes = ffmpeg(folder, &raw);
    let (width, side) = (COLUMNS * SIDE * scale, SIDE * scale);
    let last = bytes.len() - width * ROWS * side * 6;
    let middles = (0..COLUMNS * ROWS).map(|i| (i % COLUMNS * side + side / 2, i / COLUMNS * side + side / 2));
    let places =
        middles.flat_map(|(x, y)| (0..3).map(move |channel| last + ((y * width + x) * 3 + channel) * 2));
    places.map(|at| f64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]])) / 257.0).collect()
}

/// The largest difference.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// How far colours are off in a clip and in its result, and how far the two are from each other.
fn distances(clip: &Clip) -> [f64; 3] {
    let folder = Folder::new();
    let (place, picture) = (folder.path(""), picture());
    folder.write("patches.png", &encoded(&picture, "patches.png"));
    folder.write("large.param", MODEL.as_bytes());
    folder.write("large.bin", b"");
    let Clip { matrix: [scaler, tag], range, pixels, codec, .. } = *clip;
    let filter = format!(
        "scale=out_color_matrix={scaler}:out_range={range}:flags=accurate_rnd+full_chroma_int+bicubic"
    );
    let made = ["-loop", "1", "-i", "patches.png", "-frames:v", "3", "-vf", &filter, "-pix_fmt", pixels];
    let tags = ["-c:v", codec, "-colorspace", tag, "-color_range", range, "clip.mkv"];
    ffmpeg(&place, &[&made[..], &tags].concat());
    let arguments = ["clip.mkv", "--model", "large.param", "-o", clip.result];
    folder.run([&arguments[..], clip.options].concat()).succeeded();
    let Samples::U8(samples) = &picture.samples else { panic!("8 bits") };
    let (width, side) = (COLUMNS * SIDE, SIDE);
    let middle = |i: usize| (i / COLUMNS * side + side / 2) * width + i % COLUMNS * side + side / 2;
    let truth: Vec<f64> = (0..COLUMNS * ROWS)
        .flat_map(|i| samples[middle(i) * 3..][..3].iter().map(|v| f64::from(*v)))
        .collect();
    let (before, after) = (colours(&place, "clip.mkv", 1), colours(&place, clip.result, 2));
    [distance(&before, &truth), distance(&after, &truth), distance(&before, &after)]
}

#[test]
fn patches_keep_their_colours_within_two_levels() {
    let mut wrong = Vec::new();
    for clip in CLIPS {
        let off = distances(clip);
        let Clip { matrix: [_, matrix], range, pixels, result, .. } = clip;
        // What the clip itself has lost is not asked back.
        if off[2] > 2.0 {
            wrong.push(format!("{matrix} {range} {pixels} {result}: {off:.2?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
