//! Frames and pictures: what is read and written is what ffmpeg reads and writes, and nothing is lost on the way.

use std::io::Write;
use std::process::{Command, Stdio};

use amplio_media::videos::{
    Colour, FORMATS, Format, Frame, Location, Matrix, Model, Range, from_image, to_image,
};
use amplio_media::{Channels, Depth, Header, Image, Samples};

/// Pixels on a side of a patch.
const SIDE: usize = 32;

/// Patches in a row.
const COLUMNS: usize = 25;

const WIDTH: u32 = (COLUMNS * SIDE) as u32;
const HEIGHT: u32 = (5 * SIDE) as u32;

/// The colour of each patch, 0 to 1: all of five levels of red, green and blue.
fn patches() -> Vec<[f32; 3]> {
    (0..125).map(|i| [i % 5, i / 5 % 5, i / 25].map(|level| level as f32 / 4.0)).collect()
}

fn patch(x: usize, y: usize) -> usize {
    y / SIDE * COLUMNS + x / SIDE
}

/// A picture of all patches.
fn picture() -> Image {
    let patches = patches();
    let pixel = |i: usize| patches[patch(i % WIDTH as usize, i / WIDTH as usize)];
    let samples =
        (0..(WIDTH * HEIGHT) as usize).flat_map(pixel).map(|v| (v * 65535.0).round() as u16).collect();
    Image::new(Header::new(WIDTH, HEIGHT, Channels::Rgb, Depth::U16), Samples::U16(samples))
        .expect("a picture")
}

/// The samples of a picture, 0 to 1.
fn floats(image: &Image) -> Vec<f32> {
    match &image.samples {
        Samples::U8(v) => v.iter().map(|&v| f32::from(v) / 255.0).collect(),
        Samples::U16(v) => v.iter().map(|&v| f32::from(v) / 65535.0).collect(),
        Samples::F32(v) => v.clone(),
    }
}

/// The colour in the middle of each patch.
fn middles(image: &Image) -> Vec<[f32; 3]> {
    let (samples, count) = (floats(image), image.channels.count());
    let middle = |i: usize| {
        let (x, y) = (i % COLUMNS * SIDE + SIDE / 2, i / COLUMNS * SIDE + SIDE / 2);
        let pixel = &samples[(y * WIDTH as usize + x) * count..][..count];
        if image.channels.colours() == 3 { [pixel[0], pixel[1], pixel[2]] } else { [pixel[0]; 3] }
    };
    (0..125).map(middle).collect()
}

/// The largest difference, in levels of 8 bits.
fn distance(a: &[[f32; 3]], b: &[[f32; 3]]) -> f32 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs() * 255.0).fold(0.0, f32::max)
}

/// Raw video of one frame through ffmpeg.
fn ffmpeg(raw: &[u8], size: (u32, u32), from: &str, arguments: &[&str], to: &str) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-f", "rawvideo", "-pixel_format", from])
        .args(["-video_size", &format!("{}x{}", size.0, size.1), "-i", "pipe:0"])
        .args(arguments)
        .args(["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", to, "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut input = child.stdin.take().expect("a pipe");
    let raw = raw.to_vec();
    let writing = std::thread::spawn(move || input.write_all(&raw));
    let output = child.wait_with_output().expect("ffmpeg ends");
    writing.join().expect("no panic").expect("ffmpeg reads");
    assert!(output.status.success(), "ffmpeg from {from} to {to} {arguments:?}");
    output.stdout
}

/// Formats that the installed ffmpeg converts both from and to.
fn convertible() -> Vec<&'static Format> {
    let output =
        Command::new("ffmpeg").args(["-hide_banner", "-pix_fmts"]).output().expect("ffmpeg is installed");
    let list = String::from_utf8(output.stdout).expect("names");
    let names =
        list.lines().filter(|line| line.starts_with("IO")).filter_map(|line| line.split_whitespace().nth(1));
    names.filter_map(Format::by_name).collect()
}

fn frame(format: &'static Format, data: Vec<u8>) -> Frame {
    Frame::new(format, WIDTH, HEIGHT, data, 0).expect("a frame")
}

/// What ffmpeg's own converter uses without being told.
fn usual(format: &Format) -> Colour {
    let range = if format.full || format.model == Model::Grey { Range::Full } else { Range::Limited };
    Colour { matrix: Some(Matrix::Smpte170m), range: Some(range), ..Colour::default() }
}

/// Grey as it becomes of patches, for formats without colour.
fn expected(format: &Format) -> Vec<[f32; 3]> {
    let grey = |[r, g, b]: [f32; 3]| [0.299 * r + 0.587 * g + 0.114 * b; 3];
    patches().into_iter().map(|rgb| if format.model == Model::Grey { grey(rgb) } else { rgb }).collect()
}

/// Levels by which ffmpeg's own converter may differ: 8-bit chroma is two levels wide, and it rounds several times.
const MOST: f32 = 3.0;

const EXACT: [&str; 2] = ["-sws_flags", "accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"];

#[test]
fn every_format_is_read_as_ffmpeg_writes_it() {
    let raw = from_image(&picture(), Format::by_name("rgb48le").expect("known"), &Colour::default())
        .expect("bytes");
    let formats = convertible();
    assert!(formats.len() > 80, "{}", formats.len());
    for format in formats {
        let data = ffmpeg(&raw, (WIDTH, HEIGHT), "rgb48le", &EXACT, format.name);
        let image = to_image(&frame(format, data), &usual(format)).expect("a picture");
        let distance = distance(&middles(&image), &expected(format));
        assert!(distance < MOST, "{}: {distance} levels", format.name);
    }
}

#[test]
fn every_format_is_written_as_ffmpeg_reads_it() {
    for format in convertible().into_iter().filter(|format| format.model != Model::Grey) {
        let data = from_image(&picture(), format, &usual(format)).expect("bytes");
        let raw = ffmpeg(&data, (WIDTH, HEIGHT), format.name, &EXACT, "rgb48le");
        let rgb = frame(Format::by_name("rgb48le").expect("known"), raw);
        let distance =
            distance(&middles(&to_image(&rgb, &Colour::default()).expect("a picture")), &patches());
        assert!(distance < MOST, "{}: {distance} levels", format.name);
    }
}

#[test]
fn matrices_and_ranges_are_those_of_zimg() {
    let raw = from_image(&picture(), Format::by_name("gbrp16le").expect("known"), &Colour::default())
        .expect("bytes");
    let matrices = [
        ("bt709", "709"),
        ("bt470bg", "470bg"),
        ("smpte170m", "170m"),
        ("bt2020nc", "2020_ncl"),
        ("fcc", "fcc"),
        ("ycgco", "ycgco"),
        ("smpte240m", "7"),
    ];
    for (name, zimg) in matrices {
        for (range, zimg_range) in [(Range::Limited, "limited"), (Range::Full, "full")] {
            for format in
                ["yuv444p", "yuv420p10le", "yuv444p16le"].map(|f| Format::by_name(f).expect("known"))
            {
                let colour =
                    Colour { matrix: Matrix::by_name(name), range: Some(range), ..Colour::default() };
                let filter = format!("zscale=matrixin=gbr:rangein=full:matrix={zimg}:range={zimg_range}");
                let theirs = ffmpeg(&raw, (WIDTH, HEIGHT), "gbrp16le", &["-vf", &filter], format.name);
                let ours = from_image(&picture(), format, &colour).expect("bytes");
                let [theirs, ours] = [theirs, ours].map(|data| codes_in_the_middle(&frame(format, data)));
                let steps = theirs.iter().zip(&ours).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(steps <= Some(1), "{name} {range:?} {}: {steps:?} codes", format.name);
            }
        }
    }
}

/// The codes of planar YUV in the middle of each patch.
fn codes_in_the_middle(frame: &Frame) -> Vec<u32> {
    let (format, bytes) = (frame.format, frame.format.sample_bytes());
    let mut codes = Vec::new();
    let mut start = 0;
    for component in 0..3 {
        let (width, height) = format.component_size(component, WIDTH, HEIGHT);
        for i in 0..125 {
            let [x, y] = [i % COLUMNS, i / COLUMNS].map(|place| place * SIDE + SIDE / 2);
            let (x, y) = (x * width as usize / WIDTH as usize, y * height as usize / HEIGHT as usize);
            let at = start + (y * width as usize + x) * bytes;
            codes.push(
                frame.data[at..at + bytes].iter().rev().fold(0, |code, &byte| code << 8 | u32::from(byte)),
            );
        }
        start += width as usize * height as usize * bytes;
    }
    codes
}

#[test]
fn chroma_lies_where_its_location_says() {
    let format = Format::by_name("yuv420p16le").expect("known");
    let data = slopes(format, 64, 32);
    for (location, name) in [
        (Location::Left, "left"),
        (Location::Center, "center"),
        (Location::TopLeft, "topleft"),
        (Location::Top, "top"),
        (Location::BottomLeft, "bottomleft"),
        (Location::Bottom, "bottom"),
    ] {
        let colour =
            Colour { matrix: Matrix::by_name("bt709"), range: Some(Range::Limited), ..Colour::default() };
        let colour = Colour { location: Some(location), ..colour };
        let filter = format!(
            "zscale=matrixin=709:rangein=limited:chromalin={name}:matrix=gbr:range=full:filter=bilinear"
        );
        let theirs = ffmpeg(&data, (64, 32), "yuv420p16le", &["-vf", &filter], "gbrp16le");
        let theirs =
            Frame::new(Format::by_name("gbrp16le").expect("known"), 64, 32, theirs, 0).expect("a frame");
        let theirs = floats(&to_image(&theirs, &Colour::default()).expect("a picture"));
        let ours = Frame::new(format, 64, 32, data.clone(), 0).expect("a frame");
        let ours = floats(&to_image(&ours, &colour).expect("a picture"));
        let largest = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs() * 65535.0).fold(0.0, f32::max);
        assert!(largest < 16.0, "{name}: {largest} of 65535");
    }
}

/// Grey luma, and chroma that rises to the right in U and downwards in V, with a wave on it.
fn slopes(format: &Format, width: u32, height: u32) -> Vec<u8> {
    let mut data = Vec::new();
    for component in 0..3 {
        let (width, height) = format.component_size(component, width, height);
        for y in 0..height {
            for x in 0..width {
                let along = [0, x, y][component];
                let code = [30_000, 28_000, 28_000][component] + along * 250 + along % 3 * 800;
                data.extend((code as u16).to_le_bytes());
            }
        }
    }
    data
}

#[test]
fn patches_come_back() {
    for format in FORMATS.iter().filter(|format| format.model != Model::Grey) {
        for range in [Range::Limited, Range::Full] {
            for matrix in ["gbr", "bt709", "smpte170m", "smpte240m", "fcc", "ycgco", "bt2020nc"] {
                let colour =
                    Colour { matrix: Matrix::by_name(matrix), range: Some(range), ..Colour::default() };
                let data = from_image(&picture(), format, &colour).expect("bytes");
                let image = to_image(&frame(format, data), &colour).expect("a picture");
                let distance = distance(&middles(&image), &patches());
                // A code of 8-bit chroma is up to two levels wide.
                let most = if format.bits == 8 { 1.5 } else { 0.9 };
                assert!(distance < most, "{} {matrix} {range:?}: {distance} levels", format.name);
            }
        }
    }
}

#[test]
fn what_was_read_is_written_again() {
    for format in FORMATS {
        let colour = Colour::default().resolved(format, WIDTH, HEIGHT);
        let first = from_image(&picture(), format, &colour).expect("bytes");
        let image = to_image(&frame(format, first.clone()), &colour).expect("a picture");
        let second = from_image(&image, format, &colour).expect("bytes");
        let changed = first.iter().zip(&second).filter(|(a, b)| a != b).count();
        if format.chroma == [0, 0] && format.bits < 16 {
            // Rounded colours may lie a little beyond what a screen shows, and are clipped.
            assert!(changed * 20 < first.len(), "{}: {changed} of {}", format.name, first.len());
        }
        if format.model != Model::Yuv {
            assert!(changed == 0, "{}: {changed} of {}", format.name, first.len());
        }
    }
}

#[test]
fn odd_sizes_keep_their_last_columns_and_rows() {
    for name in ["yuv420p", "yuv422p10le", "yuv410p", "nv12", "yuyv422", "yuva420p"] {
        let format = Format::by_name(name).expect("known");
        let header = Header::new(7, 5, Channels::Rgb, Depth::U8);
        let red = Samples::U8([200, 40, 90].repeat(35));
        let image = Image::new(header, red).expect("a picture");
        let data = from_image(&image, format, &Colour::default()).expect("bytes");
        let frame = Frame::new(format, 7, 5, data, 0).expect("a frame");
        let back = to_image(&frame, &Colour::default()).expect("a picture");
        assert_eq!((back.width, back.height), (7, 5));
        for pixel in floats(&back).chunks_exact(back.channels.count()) {
            let far = pixel.iter().zip([200.0, 40.0, 90.0, 255.0]).any(|(v, e)| (v * 255.0 - e).abs() > 2.0);
            assert!(!far, "{name}: {pixel:?}");
        }
    }
}

#[test]
fn alpha_goes_both_ways() {
    for format in FORMATS.iter().filter(|format| format.alpha) {
        let colour_channels = if format.model == Model::Grey { 1 } else { 3 };
        let channels = Channels::of(colour_channels, true);
        let header = Header::new(8, 2, channels, Depth::U16);
        let sample = |i: usize| {
            let (pixel, channel) = (i / channels.count(), i % channels.count());
            if channel + 1 == channels.count() { (pixel * 4369) as u16 } else { 30_000 }
        };
        let samples = (0..16 * channels.count()).map(sample).collect();
        let image = Image::new(header, Samples::U16(samples)).expect("a picture");
        let data = from_image(&image, format, &Colour::default()).expect("bytes");
        let back = to_image(&Frame::new(format, 8, 2, data, 0).expect("a frame"), &Colour::default());
        let back = floats(&back.expect("a picture"));
        for (i, pixel) in back.chunks_exact(channels.count()).enumerate() {
            let alpha = pixel[channels.count() - 1] * 15.0;
            assert!((alpha - i as f32).abs() < 0.05, "{}: {alpha} at {i}", format.name);
        }
    }
}

#[test]
fn wrong_frames_are_refused() {
    let format = Format::by_name("yuv420p").expect("known");
    for (width, height, bytes) in [(4, 4, 23), (0, 4, 0), (u32::MAX, u32::MAX, 24)] {
        let error = Frame::new(format, width, height, vec![0; bytes], 0).expect_err("refused");
        assert!(error.to_string().contains("yuv420p"), "{error}");
    }
}
