//! Pictures that become videos, and videos that become pictures.

mod common;

use std::process::Command;

use amplio::media::animations::{self, Delay, Dither, Frame, Limits, Loops, Options};
use amplio::media::images::{self, WriteOptions};
use amplio::media::{Channels, Depth, Header, Metadata, Samples};
use common::{Folder, Ran, Shared};

/// Hundredths of a second; the one that says nothing is shown for a tenth.
const DELAYS: [u32; 6] = [5, 0, 20, 300, 7, 1];

/// When the frames begin, and when the last one ends, in hundredths.
const TIMES: [u64; 7] = [0, 5, 15, 35, 335, 342, 343];

const WIDTH: u32 = 48;
const HEIGHT: u32 = 32;

/// A network that makes pictures twice as large and changes no colour, as NCNN would write it down.
const MODEL: &str = "7767517\n2 2\nInput in 0 1 in 2=3\nInterp up 1 1 in out 0=1 1=2.0 2=2.0\n";

fn new() -> Folder {
    let folder = Folder::new();
    folder.write("net/double.param", MODEL.as_bytes());
    folder.write("net/double.bin", b"");
    folder
}

fn run(folder: &Folder, more: &[&str]) -> Ran {
    let quick = ["--model", "net/double.param", "--encoder-preset", "ultrafast", "--segment", "2"];
    folder.run([&quick[..], &["--threads", "1"], more].concat())
}

fn picture(folder: &Folder, name: &str, header: Header) {
    folder.picture(name, header, Metadata::default());
}

/// Frame `number`: a bar that moves, on a ground of which the first columns are invisible if there is alpha.
fn samples(number: usize, channels: Channels) -> Samples {
    let (count, width) = (channels.count(), WIDTH as usize);
    let sample = |i: usize| {
        let (x, channel) = (i / count % width, i % count);
        let inside = (number * 3..number * 3 + 5).contains(&x);
        match channel {
            3 => u8::from(x >= 4) * 255,
            _ if inside => 220,
            channel => 30 + channel as u8 * 40,
        }
    };
    Samples::U8((0..width * HEIGHT as usize * count).map(sample).collect())
}

fn animation(name: &str, channels: Channels) -> Vec<u8> {
    let header = Header::new(WIDTH, HEIGHT, channels, Depth::U8);
    let picture = WriteOptions { quality: 100, ..WriteOptions::default() };
    let count = DELAYS.len() as u32;
    let options = Options { frames: count, loops: Loops::Forever, dither: Dither::None, picture };
    let (sink, format) = (Shared::default(), images::by_extension(name).expect("a format"));
    let mut writer = animations::writer(format, &header, &options, Box::new(sink.clone())).expect("a writer");
    for (number, ticks) in DELAYS.into_iter().enumerate() {
        let frame = Frame { samples: samples(number, channels), delay: Delay::new(ticks, 100) };
        writer.write_frame(frame).expect("a frame");
    }
    writer.finish().expect("a file");
    sink.bytes()
}

/// What a program of ffmpeg prints, without empty lines; arguments are parted by spaces.
fn told(folder: &Folder, program: &str, arguments: &str) -> Vec<String> {
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).current_dir(folder.path(""));
    let output = command.output().expect("a program of ffmpeg");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The times of a video's frames in seconds, and when it ends.
fn times(folder: &Folder, name: &str) -> Vec<f64> {
    let ask = |what: &str| {
        let lines = told(
            folder,
            "ffprobe",
            &format!("-v error -select_streams v:0 -show_entries {what} -of csv=p=0 {name}"),
        );
        lines.iter().map(|line| line.parse().expect("a number")).collect::<Vec<f64>>()
    };
    let mut times = ask("frame=pts_time");
    times.extend(ask("format=duration"));
    times
}

fn digests(folder: &Folder, name: &str) -> Vec<String> {
    let arguments = format!("-nostdin -v error -i {name} -map 0:v:0 -fps_mode passthrough -f framemd5 -");
    let lines = told(folder, "ffmpeg", &arguments);
    let frames = lines.iter().filter(|line| !line.starts_with('#'));
    frames.map(|line| line.rsplit(',').next().expect("a digest").trim().to_owned()).collect()
}

/// Header and delays of an animation in the folder.
fn read(folder: &Folder, name: &str) -> (Header, Vec<Delay>) {
    let bytes = std::fs::read(folder.path(name)).expect("a file");
    let animation = animations::open(&bytes, &Limits::default()).expect("sound").expect("an animation");
    (animation.header, animation.map(|frame| frame.expect("a frame").delay.reduced()).collect())
}

#[test]
fn animations_become_videos_with_the_same_times() {
    let folder = new();
    for name in ["gif", "webp", "png"] {
        folder.write(&format!("a.{name}"), &animation(name, Channels::Rgb));
        for video in ["mp4", "mkv", "webm"] {
            let out = format!("{name}.{video}");
            let preset = if video == "webm" { "realtime" } else { "ultrafast" };
            let film = ["--model", "net/double.param", "--segment", "4", "--encoder-preset", preset];
            folder.run([&film[..], &[&format!("a.{name}"), "-o", &out]].concat()).succeeded();
            let wanted: Vec<f64> = TIMES.iter().map(|&time| time as f64 / 100.0).collect();
            let got = times(&folder, &out);
            assert_eq!(got.len(), wanted.len(), "{out}");
            assert!(got.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{out}: {got:?}");
        }
    }
    let [width, height] = [WIDTH * 2, HEIGHT * 2];
    let entries = "-v error -show_entries stream=width,height,pix_fmt -of csv=p=0 gif.mp4";
    assert_eq!(told(&folder, "ffprobe", entries), [format!("{width},{height},yuv420p")]);
    run(&folder, &["a.gif", "-o", "again.mp4", "--frames", "2..4"]).succeeded();
    assert_eq!(times(&folder, "again.mp4"), [0.0, 0.2, 3.2]);
}

#[test]
fn what_is_invisible_stays_so_or_is_laid_on_white() {
    let folder = new();
    folder.write("a.png", &animation("png", Channels::Rgba));
    // The colour of the first pixel of the first frame.
    let first = |name: &str| {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-i", name, "-frames:v", "1", "-f", "rawvideo"]);
        let output = command.args(["-pix_fmt", "rgba", "-"]).current_dir(folder.path("")).output();
        output.expect("ffmpeg").stdout[..4].to_vec()
    };
    run(&folder, &["a.png", "-o", "b.mkv", "--codec", "ffv1"]).succeeded();
    assert_eq!(first("b.mkv")[3], 0);
    let ran = run(&folder, &["a.png", "-o", "b.mp4"]).succeeded();
    assert!(ran.err.contains("laid on white"), "{}", ran.err);
    assert!(first("b.mp4").iter().all(|level| *level > 250), "{:?}", first("b.mp4"));
}

#[test]
fn numbered_pictures_become_a_video_that_goes_on_after_an_interruption() {
    let folder = new();
    for number in 1..=5 {
        let channels = if number == 2 { Channels::Grey } else { Channels::Rgb };
        picture(&folder, &format!("in/f{number:03}.png"), Header::new(WIDTH, HEIGHT, channels, Depth::U8));
    }
    let film = ["in/f%03d.png", "--fps", "24000/1001", "-o", "out.mp4"];
    run(&folder, &[&film[..], &["--keep"]].concat()).succeeded();
    let whole = digests(&folder, "out.mp4");
    assert_eq!(whole.len(), 5);
    let entries = "-v error -select_streams v -show_entries frame=pts:stream=time_base -of csv=p=0 out.mp4";
    assert_eq!(told(&folder, "ffprobe", entries), ["0", "1001", "2002", "3003", "4004", "1/24000"]);
    // As if it had been interrupted.
    std::fs::remove_file(folder.path("out.mp4")).expect("a result");
    let kept = std::fs::metadata(folder.path("out.mp4.amplio/000000.nut")).expect("a segment").modified();
    std::fs::remove_file(folder.path("out.mp4.amplio/000001.json")).expect("a segment");
    run(&folder, &[&film[..], &["--keep"]].concat()).succeeded();
    assert_eq!(digests(&folder, "out.mp4"), whole);
    let again = std::fs::metadata(folder.path("out.mp4.amplio/000000.nut")).expect("a segment").modified();
    assert_eq!(kept.expect("a time"), again.expect("a time"));
    // Another rate, or another picture, is other work.
    picture(&folder, "in/f004.png", Header::new(WIDTH, HEIGHT, Channels::Rgb, Depth::U16));
    run(&folder, &[&film[..], &["--if-exists", "overwrite"]].concat()).succeeded();
    let entries = "-v error -select_streams v -show_entries stream=codec_name,pix_fmt -of csv=p=0 out.mp4";
    assert_eq!(told(&folder, "ffprobe", entries), ["hevc,yuv420p10le"]);
    assert!(!folder.path("out.mp4.amplio").exists());
    picture(&folder, "in/f006.png", Header::new(5, 5, Channels::Rgb, Depth::U8));
    run(&folder, &["in/f%03d.png", "-o", "no.mkv"]).failed(1, "f006.png: it has 5x5 pixels");
    folder.write("one.png", &common::encoded(&folder.read("in/f001.png"), "one.png"));
    run(&folder, &["one.png", "-o", "no.mkv"]).failed(1, "become videos");
    assert!(!folder.path("no.mkv").exists());
}

#[test]
fn videos_become_animations_and_numbered_pictures() {
    let folder = new();
    folder.write("a.gif", &animation("gif", Channels::Rgb));
    run(&folder, &["a.gif", "-o", "clip.mkv", "--codec", "ffv1", "--pix-fmt", "bgr0"]).succeeded();
    let wanted: Vec<Delay> =
        TIMES.windows(2).map(|pair| Delay::new((pair[1] - pair[0]) as u32, 100).reduced()).collect();
    for name in ["b.gif", "b.webp", "b.png"] {
        run(&folder, &["clip.mkv", "--scale", "1", "-o", name]).succeeded();
        let (header, delays) = read(&folder, name);
        assert_eq!((header.width, header.height), (WIDTH * 2, HEIGHT * 2), "{name}");
        assert_eq!(delays, wanted, "{name}");
    }
    run(&folder, &["clip.mkv", "-o", "out/f%02d.png", "--frames", "1..4", "--start-number", "0"]).succeeded();
    assert_eq!(folder.files()[7..], ["out/f00.png", "out/f01.png", "out/f02.png"]);
    let image = folder.read("out/f02.png");
    assert_eq!((image.width, image.height, image.samples.depth()), (WIDTH * 4, HEIGHT * 4, Depth::U8));
    let ran = run(&folder, &["clip.mkv", "--dry-run", "-o", "c.gif"]).succeeded();
    assert!(ran.text().contains("gif") && !folder.path("c.gif").exists());
    let sound =
        "-nostdin -v error -i clip.mkv -f lavfi -i sine=440:d=1 -map 0 -map 1 -c:v copy -c:a flac loud.mkv";
    told(&folder, "ffmpeg", sound);
    let ran = run(&folder, &["loud.mkv", "-o", "c.gif", "--frames", "0..1"]).succeeded();
    assert!(ran.err.contains("no sound"), "{}", ran.err);
}

#[test]
fn pictures_of_hdr_say_so_or_are_told() {
    let folder = new();
    let tags = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";
    let clip = "-nostdin -v error -f lavfi -i testsrc2=s=48x32:d=0.2:r=10 -pix_fmt yuv420p10le -c:v ffv1";
    told(&folder, "ffmpeg", &format!("{clip} {tags} clip.mkv"));
    let frames = ["clip.mkv", "--scale", "1", "-o"];
    for name in ["f%d.png", "f%d.bmp"] {
        let ran = run(&folder, &[&frames[..], &[name]].concat()).succeeded();
        let is_told = ran.err.contains("bmp cannot say that these are not the colours of sRGB");
        assert_eq!(is_told, name.ends_with("bmp"), "{name}: {}", ran.err);
    }
    assert_eq!(folder.read("f2.png").metadata.cicp, Some([9, 16, 0, 1]));
}

#[test]
fn what_comes_through_a_pipe_and_what_is_transparent() {
    let folder = new();
    folder.write("a.png", &animation("png", Channels::Rgba));
    let film = ["--model", "net/double.param", "--encoder-preset", "realtime", "-", "-o", "clear.webm"];
    folder.fed(film, &animation("png", Channels::Rgba)).succeeded();
    // Its transparency is a picture of its own in each packet, which takes its own decoder.
    let pixel = |name: &str, x: usize| {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-c:v", "libvpx-vp9", "-i", name, "-frames:v", "1"]);
        let output = command.args(["-f", "rawvideo", "-pix_fmt", "rgba", "-"]).current_dir(folder.path(""));
        output.output().expect("ffmpeg").stdout[x * 4..][..4].to_vec()
    };
    assert!(pixel("clear.webm", 2)[3] < 3 && pixel("clear.webm", 40)[3] > 252);
    let clear = std::fs::read(folder.path("clear.webm")).expect("a video");
    let again = ["--model", "net/double.param", "--encoder-preset", "realtime", "-", "-o", "again.webm"];
    folder.fed(again, &clear).succeeded();
    assert!(pixel("again.webm", 4)[3] < 3 && pixel("again.webm", 80)[3] > 252);
    assert_eq!(times(&folder, "again.webm")[..6], times(&folder, "clear.webm")[..6]);
    let ran = run(&folder, &["again.webm", "-o", "opaque.mp4"]).succeeded();
    assert!(ran.err.contains("laid on white"), "{}", ran.err);
    folder.fed(["-"], &clear).failed(1, "-o FILE");
}

#[test]
#[allow(clippy::print_stdout, reason = "what was not tested is to be known")]
fn avif_that_moves_is_a_video() {
    let folder = new();
    let encoders = told(&folder, "ffmpeg", "-v error -encoders");
    let muxers = told(&folder, "ffmpeg", "-v error -muxers");
    let has =
        |lines: &[String], name: &str| lines.iter().any(|line| line.split_whitespace().any(|w| w == name));
    if !has(&muxers, "avif") || !has(&encoders, "libsvtav1") {
        return println!("not tested: this ffmpeg has no AVIF");
    }
    // That encoder makes no smaller pictures.
    let clip = "-nostdin -v error -f lavfi -i testsrc2=s=64x64:r=10:d=0.5 -c:v libsvtav1 -preset 12 a.avif";
    told(&folder, "ffmpeg", clip);
    let quick = ["a.avif", "--model", "net/double.param", "--encoder-preset", "12"];
    folder.run(quick).succeeded();
    let size =
        "-v error -select_streams v:0 -show_entries stream=codec_name,width,height -of csv=p=0 a_2x.avif";
    assert_eq!(told(&folder, "ffprobe", size), ["av1,128,128"]);
    assert_eq!(times(&folder, "a_2x.avif"), times(&folder, "a.avif"));
    run(&folder, &["a.avif", "-o", "a.gif"]).succeeded();
    assert_eq!(read(&folder, "a.gif").1, [Delay::new(1, 10); 5]);
    run(&folder, &["a.avif", "-o", "a.mp4"]).succeeded();
    // The file does not say how long its last picture is shown.
    assert_eq!(times(&folder, "a.mp4"), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
    let ran = run(&folder, &["a.avif", "-o", "a.jpg"]).succeeded();
    assert!(ran.err.contains("only the first one"), "{}", ran.err);
    picture(&folder, "still.png", Header::new(8, 8, Channels::Rgb, Depth::U8));
    run(&folder, &["still.png", "-o", "still.avif"]).succeeded();
    assert_eq!(folder.read("still.avif").width, 16);
}
