//! Clips that ffmpeg makes, and what ffprobe says of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use amplio_media::videos::Wish;
use serde_json::Value;

/// A clip that ffmpeg makes.
pub(crate) struct Clip {
    /// Its file; the extension says the container.
    pub(crate) name: &'static str,
    /// The arguments that make it, without the name of the file.
    make: &'static str,
    /// The encoders that are needed.
    pub(crate) encoders: &'static [&'static str],
    /// Whether not every ffmpeg has them.
    pub(crate) is_rare: bool,
    /// Options of the result's encoder, as `codec=ffv1`.
    wish: &'static str,
}

const fn clip(name: &'static str, make: &'static str, encoders: &'static [&'static str]) -> Clip {
    Clip { name, make, encoders, is_rare: false, wish: "preset=ultrafast" }
}

/// The test pattern, for so long at such a rate.
macro_rules! source {
    ($size:literal, $rate:literal, $seconds:literal) => {
        concat!("-f lavfi -i testsrc2=s=", $size, ":r=", $rate, ":d=", $seconds, " ")
    };
}

const X264: &[&str] = &["libx264"];

/// All clips.
pub(crate) static CLIPS: &[Clip] = &[
    clip("film.mp4", concat!(source!("64x48", "24000/1001", "1"), "-c:v libx264 -bf 2"), X264),
    clip("film.mkv", concat!(source!("64x48", "24000/1001", "1"), "-c:v libx264 -bf 2"), X264),
    clip(
        "variable.mp4",
        concat!(
            source!("64x48", "30", "2"),
            "-vf select='not(mod(n\\,3))+eq(mod(n\\,7)\\,1)' -fps_mode vfr -c:v libx264 -bf 3 -video_track_timescale 90000"
        ),
        X264,
    ),
    clip(
        "jitter.mkv",
        concat!(
            source!("64x48", "30", "2"),
            "-vf setpts='PTS+0.01/TB*mod(N\\,2)+gt(N\\,20)*3/TB' -fps_mode passthrough -enc_time_base 1/1000 -c:v libx264 -bf 3"
        ),
        X264,
    ),
    clip("slow.mp4", concat!(source!("64x48", "1", "9"), "-c:v libx264"), X264),
    clip("late.mp4", concat!(source!("64x48", "25", "1"), "-c:v libx264 -output_ts_offset 1.5"), X264),
    clip("late.ts", concat!(source!("64x48", "25", "1"), "-c:v libx264 -output_ts_offset 100"), X264),
    clip(
        "edit.mov",
        concat!(source!("64x48", "25", "1"), "-c:v libx264 -bf 2 -g 5 -output_ts_offset 0.4"),
        X264,
    ),
    clip(
        "deep.mp4",
        concat!(
            source!("64x48", "25", "0.8"),
            "-c:v libx265 -pix_fmt yuv420p10le -tag:v hvc1 -x265-params log-level=error"
        ),
        &["libx265"],
    ),
    clip(
        "vp9.webm",
        concat!(source!("64x48", "25", "0.8"), "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
        &["libvpx-vp9"],
    ),
    Clip {
        is_rare: true,
        wish: "codec=av1 preset=12",
        ..clip("av1.mkv", concat!(source!("64x64", "25", "0.8"), "-c:v libsvtav1 -preset 12"), &["libsvtav1"])
    },
    Clip {
        wish: "codec=prores",
        ..clip(
            "prores.mov",
            concat!(source!("64x48", "25", "0.8"), "-c:v prores_ks -pix_fmt yuv422p10le"),
            &["prores_ks"],
        )
    },
    Clip {
        wish: "codec=mjpeg",
        ..clip("motion.avi", concat!(source!("64x48", "25", "0.8"), "-c:v mjpeg"), &["mjpeg"])
    },
    Clip {
        wish: "codec=ffv1",
        ..clip("one.mkv", concat!(source!("64x48", "25", "0.04"), "-c:v ffv1 -pix_fmt yuv444p"), &["ffv1"])
    },
    Clip {
        wish: "codec=ffv1",
        ..clip("odd.mkv", concat!(source!("63x47", "25", "0.4"), "-c:v ffv1 -pix_fmt yuv420p"), &["ffv1"])
    },
    clip("dense.mp4", concat!(source!("64x48", "25", "0.4"), "-c:v libx264 -pix_fmt yuv444p"), X264),
    clip("wide.mp4", concat!(source!("64x48", "25", "0.4"), "-vf setsar=8/9 -c:v libx264"), X264),
    clip(
        "full.mp4",
        concat!(
            source!("64x48", "25", "0.4"),
            "-vf scale=out_range=pc:out_color_matrix=bt709 -c:v libx264 -color_range pc -colorspace bt709"
        ),
        X264,
    ),
    clip(
        "tagged.mkv",
        concat!(
            source!("64x48", "25", "0.4"),
            "-c:v libx264 -color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709 -chroma_sample_location left"
        ),
        X264,
    ),
    clip(
        "bt2020.mkv",
        concat!(
            source!("64x48", "25", "0.4"),
            "-c:v libx265 -pix_fmt yuv420p10le -color_range tv -colorspace bt2020nc -color_primaries bt2020 -color_trc smpte2084 ",
            "-x265-params log-level=error:hdr10=1:master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50):max-cll=1000,400"
        ),
        &["libx265"],
    ),
    clip(
        "streams.mkv",
        concat!(
            source!("64x48", "25", "1"),
            "-f lavfi -i sine=440:d=1 -f lavfi -i sine=880:d=1 -i one.srt -i two.srt -i chapters.txt ",
            "-map 0 -map 1 -map 2 -map 3 -map 4 -map_chapters 5 -attach font.ttf -c:v libx264 -c:a:0 aac -c:a:1 flac -c:s srt ",
            "-metadata:s:t mimetype=font/ttf -metadata title=Everything -metadata:s:a:0 language=deu -metadata:s:a:1 language=fra ",
            "-metadata:s:s:0 language=eng -metadata:s:s:1 title=Signs -disposition:a:1 default -disposition:a:0 0 ",
            "-disposition:s:1 forced"
        ),
        &["libx264", "aac", "flac", "srt"],
    ),
    clip(
        "streams.mp4",
        concat!(
            source!("64x48", "24000/1001", "1"),
            "-f lavfi -i sine=440:d=1 -f lavfi -i sine=880:d=1 -i one.srt -i two.srt -i chapters.txt ",
            "-map 1 -map 0 -map 2 -map 3 -map 4 -map_chapters 5 -c:v libx264 -c:a aac -c:s mov_text -bf 2 ",
            "-metadata title=Everything -metadata:s:a:0 language=deu -metadata:s:s:1 language=fra"
        ),
        &["libx264", "aac", "mov_text"],
    ),
    clip(
        "sound.ts",
        concat!(
            source!("64x48", "25", "1"),
            "-f lavfi -i sine=440:d=1 -map 0 -map 1 -c:v libx264 -c:a mp2 -output_ts_offset 10"
        ),
        &["libx264", "mp2"],
    ),
];

/// What is compared of a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    /// The times of the frames of the first video, in its time base and in seconds.
    pub(crate) times: Vec<(String, String)>,
    /// Of each stream: what it is, its times, what it says.
    pub(crate) streams: Vec<Vec<String>>,
    /// The tags of the file, and its chapters.
    pub(crate) others: Vec<String>,
    /// What the first frame says of colours and of the display.
    pub(crate) colours: Vec<String>,
}

impl Clip {
    pub(crate) fn extension(&self) -> &str {
        self.name.rsplit('.').next().expect("an extension")
    }

    pub(crate) fn wish(&self) -> Wish {
        let mut wish = Wish::default();
        for (name, value) in self.wish.split(' ').filter_map(|pair| pair.split_once('=')) {
            match name {
                "codec" => wish.codec = Some(value.into()),
                "preset" if self.extension() != "webm" => wish.preset = Some(value.into()),
                "preset" => wish.preset = Some("realtime".into()),
                _ => wish.options.push((name.into(), value.into())),
            }
        }
        wish
    }
}

/// A folder that disappears with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("amplio-videos-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        let subtitles =
            "1\n00:00:00,100 --> 00:00:00,500\nWords.\n\n2\n00:00:00,600 --> 00:00:00,900\nMore.\n";
        let chapters = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=First\n[CHAPTER]\nTIMEBASE=1/1000\n\
                        START=500\nEND=1000\ntitle=Second\n";
        let parts = [
            ("one.srt", subtitles),
            ("two.srt", subtitles),
            ("chapters.txt", chapters),
            ("font.ttf", "no font"),
        ];
        for (name, text) in parts {
            std::fs::write(path.join(name), text).expect("a file");
        }
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn make(&self, clip: &Clip) {
        self.ffmpeg(&format!("{} {}", clip.make, clip.name));
        for part in ["one.srt", "two.srt", "chapters.txt", "font.ttf"] {
            std::fs::remove_file(self.path(part)).expect("a file");
        }
    }

    /// Runs ffmpeg in this folder. Arguments are parted by spaces; within one, quotes are removed.
    pub(crate) fn ffmpeg(&self, arguments: &str) {
        let arguments = arguments.split_whitespace().map(|argument| argument.replace('\'', ""));
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-y"]).args(arguments).current_dir(&self.0);
        let status = command.env("SVT_LOG", "1").status().expect("ffmpeg");
        assert!(status.success(), "{command:?}");
    }

    /// The digests of a file's decoded frames.
    pub(crate) fn digests(&self, name: &str) -> Vec<String> {
        let mut command = Command::new("ffmpeg");
        command.args([
            "-nostdin",
            "-loglevel",
            "error",
            "-i",
            name,
            "-map",
            "0:v:0",
            "-fps_mode",
            "passthrough",
        ]);
        let output = command.args(["-f", "framemd5", "-"]).current_dir(&self.0).output().expect("ffmpeg");
        let text = String::from_utf8(output.stdout).expect("text");
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        rows.map(|line| line.rsplit(' ').next().expect("a digest").to_owned()).collect()
    }

    /// What ffprobe says of the first video of a file, a value a line.
    pub(crate) fn asked(&self, name: &str, entries: &str) -> Vec<String> {
        let mut command = Command::new("ffprobe");
        command.args(["-loglevel", "error", "-select_streams", "v:0", "-show_entries", entries]);
        let output = command.args(["-of", "csv=p=0", name]).current_dir(&self.0).output().expect("ffprobe");
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text.lines().map(|line| line.trim_end_matches(','));
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// The names of all files, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What ffprobe says of a file.
pub(crate) fn told(path: &Path) -> Told {
    let mut command = Command::new("ffprobe");
    command.args(["-loglevel", "error", "-of", "json", "-show_streams", "-show_format", "-show_chapters"]);
    let told = json(command.arg(path));
    let mut command = Command::new("ffprobe");
    command.args(["-loglevel", "error", "-of", "json", "-select_streams", "v:0", "-show_frames"]);
    let frames = json(command.arg(path));
    let frames = frames["frames"].as_array().cloned().unwrap_or_default();
    assert!(!frames.is_empty(), "{} has no frames", path.display());
    let times = frames.iter().map(|frame| (text(&frame["pts"]), text(&frame["pts_time"]))).collect();
    let streams = told["streams"].as_array().expect("streams").iter().map(stream).collect();
    // The first three name the program that wrote the file.
    let own = ["encoder", "ENCODER", "software", "major_brand", "minor_version", "compatible_brands"];
    let mut others: Vec<String> = tags(&told["format"], &own);
    for chapter in told["chapters"].as_array().expect("chapters") {
        others
            .push(format!("{} {} {}", chapter["start_time"], chapter["end_time"], chapter["tags"]["title"]));
    }
    let mut colours = Vec::new();
    for name in ["color_range", "color_space", "color_primaries", "color_transfer", "chroma_location"] {
        colours.push(format!("{name} {}", frames[0][name]));
    }
    for side in frames[0]["side_data_list"].as_array().into_iter().flatten() {
        if !side["side_data_type"].as_str().unwrap_or_default().contains("SEI") {
            colours.push(side.to_string());
        }
    }
    Told { times, streams, others, colours }
}

impl Told {
    /// What differs from what was there before.
    pub(crate) fn differences(&self, before: &Self) -> Vec<String> {
        fn list<T: PartialEq + std::fmt::Debug>(what: &str, after: &[T], before: &[T]) -> Option<String> {
            (after != before).then(|| format!("{what}: {before:?} became {after:?}"))
        }
        let mut all = Vec::new();
        all.extend(list("times", &self.times, &before.times));
        all.extend(list("streams", &self.streams, &before.streams));
        all.extend(list("others", &self.others, &before.others));
        all.extend(list("colours", &self.colours, &before.colours));
        all
    }
}

fn stream(stream: &Value) -> Vec<String> {
    let mut facts: Vec<String> = [
        "codec_type",
        "time_base",
        "sample_aspect_ratio",
        "width",
        "height",
        "sample_rate",
        "channels",
        "start_pts",
    ]
    .iter()
    .map(|name| format!("{name} {}", stream[*name]))
    .collect();
    if stream["codec_type"] != "video" {
        facts.push(format!("codec {}", stream["codec_name"]));
    }
    let on = |(name, value): (&String, &Value)| (*value == 1).then(|| name.clone());
    facts.extend(stream["disposition"].as_object().into_iter().flatten().filter_map(on));
    let written = ["encoder", "ENCODER", "DURATION", "vendor_id"];
    facts.extend(tags(stream, &written));
    facts
}

fn tags(of: &Value, except: &[&str]) -> Vec<String> {
    let tags = of["tags"].as_object().into_iter().flatten();
    let kept = tags.filter(|(name, _)| !except.contains(&name.as_str()));
    kept.map(|(name, value)| format!("{name}={value}")).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn json(command: &mut Command) -> Value {
    let output = command.output().expect("ffprobe");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
