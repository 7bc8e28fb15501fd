//! Videos through decoder, encoder, segments and muxer, without anything being done to their frames.

#[path = "passage/clips.rs"]
mod clips;

use std::sync::Arc;

use amplio_media::Result;
use amplio_media::videos::{
    Container, Decode, Decoder, Encode, Kept, Made, Marked, Mux, OnError, Probe, Segmenter, Tools, Wanted,
    Wish, Work,
};
use clips::{CLIPS, Clip, Folder, told};

/// Frames of a segment.
const LENGTH: u64 = 7;

/// What becomes of a video that is taken apart and put together again.
struct Passage<'a> {
    tools: &'a Tools,
    folder: &'a Folder,
    wish: Wish,
    on_error: OnError,
    /// Stops after so many frames, as if the machine had.
    until: usize,
}

impl Passage<'_> {
    fn run(&self, from: &str, to: &str) -> Result<Vec<i64>> {
        let (from, to) = (self.folder.path(from), self.folder.path(to));
        let probe = Probe::new(self.tools, &from)?;
        let decode = Decode {
            path: from.clone(),
            stream: probe.main,
            video: probe.video.clone(),
            hwaccel: None,
            deinterlace: false,
            on_error: self.on_error,
        };
        let container = Container::like(&to);
        let work = Arc::new(Work::open(&self.folder.path("work"), "key", false)?);
        let (mut repeated, mut colour) = (Vec::new(), None);
        for gap in Wanted::default().gaps(&work.segments(), LENGTH) {
            let mut frames = Marked::new(Decoder::new(self.tools, &decode, gap.after.as_ref())?, LENGTH);
            let (size, sample_aspect) = (frames.source().size(), frames.source().sample_aspect());
            let (video, like) = (&probe.video, probe.video.format);
            let made = Made { video, like, from: size, sample_aspect, to: size, container };
            let encode = Encode::choose(self.tools, &self.wish, &made)?;
            encode.check(self.tools, container, &self.folder.path("scratch"))?;
            colour = Some(encode.colour);
            let bad = frames.source().repeated();
            let place = (work.clone(), LENGTH, gap.first);
            let what = (self.tools, &encode, probe.video.time_base);
            let mut segments = Segmenter::new(what, place, frames.digests());
            let most = gap.end.map_or(usize::MAX, |end| ((end - gap.first) * LENGTH) as usize);
            for (count, frame) in frames.by_ref().take(most).enumerate() {
                if count == self.until {
                    return Ok(repeated);
                }
                let frame = frame?;
                assert_eq!(frame.format, encode.format, "the encoder takes what the decoder gives");
                segments.push(&frame)?;
            }
            repeated.extend(bad.lock().expect("no panic").iter());
            segments.finish(gap.end.is_none())?;
        }
        let kept = Mux::keeps(self.tools, &from, &probe, container, &self.folder.path("scratch"))?;
        let colour = colour.expect("an encoder");
        let (tools, probe, input) = (self.tools, &probe, Some(from.as_path()));
        let finished = work.segments();
        let ending = finished.values().last().and_then(|segment| probe.video.ending(segment.last.0));
        let mux = Mux { tools, input, probe, container, kept: &kept, colour, part: None, ending };
        let segments: Vec<_> =
            finished.iter().map(|(&n, segment)| (work.packets(n), segment.first)).collect();
        mux.write(&segments, &to)?;
        Arc::into_inner(work).expect("no one else works").remove()?;
        Ok(repeated)
    }
}

fn passage<'a>(tools: &'a Tools, folder: &'a Folder) -> Passage<'a> {
    let wish = Wish { preset: Some("ultrafast".into()), ..Wish::default() };
    Passage { tools, folder, wish, on_error: OnError::Fail, until: usize::MAX }
}

#[test]
fn work_goes_on_after_the_last_finished_segment_with_the_same_result() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("resume");
    // Long enough that the decoder does not begin at the beginning.
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=10:d=8 -c:v libx264 -g 10 -bf 2 clip.mkv");
    let whole = passage(&tools, &folder);
    whole.run("clip.mkv", "whole.mkv").expect("a result");
    for until in [0, 3, 8, 60] {
        let stopped = Passage { until, ..passage(&tools, &folder) };
        stopped.run("clip.mkv", "again.mkv").expect("it stops");
        assert!(folder.path("work").exists());
        assert!(!folder.files().iter().any(|name| name.ends_with(".part")), "{:?}", folder.files());
    }
    whole.run("clip.mkv", "again.mkv").expect("a result");
    assert_eq!(folder.digests("again.mkv"), folder.digests("whole.mkv"));
    assert_eq!(folder.digests("whole.mkv").len(), 80);
    assert!(!folder.path("work").exists());
}

#[test]
fn a_frame_that_cannot_be_decoded_is_repeated_or_an_error() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("damage");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v mjpeg clip.mkv");
    // Without its first bytes a JPEG file is none.
    let mut bytes = std::fs::read(folder.path("clip.mkv")).expect("a clip");
    let starts: Vec<_> = (0..bytes.len() - 3).filter(|&i| bytes[i..i + 3] == [0xFF, 0xD8, 0xFF]).collect();
    assert_eq!(starts.len(), 25);
    for frame in [9, 24] {
        let length = starts.get(frame + 1).map_or(400, |next| next - starts[frame] - 20);
        bytes[starts[frame]..starts[frame] + length].fill(0);
    }
    std::fs::write(folder.path("bad.mkv"), &bytes).expect("a clip");
    let strict = passage(&tools, &folder);
    let error = strict.run("bad.mkv", "out.mkv").expect_err("a broken frame").to_string();
    assert!(error.contains("near 0."), "{error}");
    let patient = Passage { on_error: OnError::Repeat, ..passage(&tools, &folder) };
    assert_eq!(patient.run("bad.mkv", "out.mkv").expect("a result"), [360, 960]);
    let digests = folder.digests("out.mkv");
    assert_eq!((digests.len(), &digests[8]), (25, &digests[9]));
}

#[test]
fn what_comes_before_the_first_frame_is_no_damage() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("cut");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=2 -c:v libx264 -g 30 -bf 2 whole.mp4");
    folder.ffmpeg("-ss 0.5 -i whole.mp4 -c copy edit.mp4");
    folder.ffmpeg("-i whole.mp4 -c copy whole.ts");
    let bytes = std::fs::read(folder.path("whole.ts")).expect("a clip");
    std::fs::write(folder.path("late.ts"), &bytes[bytes.len() / 188 / 4 * 188..]).expect("a clip");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v mjpeg first.mkv");
    let mut bytes = std::fs::read(folder.path("first.mkv")).expect("a clip");
    let start = bytes.windows(3).position(|three| three == [0xFF, 0xD8, 0xFF]).expect("a frame");
    bytes[start..start + 300].fill(0);
    std::fs::write(folder.path("first.mkv"), &bytes).expect("a clip");
    for name in ["edit.mp4", "late.ts", "first.mkv"] {
        let there = folder.digests(name).len();
        assert_eq!(passage(&tools, &folder).run(name, "out.mkv").expect(name), [0; 0]);
        assert_eq!(folder.digests("out.mkv").len(), there, "{name}");
    }
}

#[test]
fn times_that_fall_are_told() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("joined");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v libx264 -bf 2 one.ts");
    let bytes = std::fs::read(folder.path("one.ts")).expect("a clip");
    std::fs::write(folder.path("two.ts"), [&bytes[..], &bytes].concat()).expect("a clip");
    for on_error in [OnError::Fail, OnError::Repeat] {
        let passage = Passage { on_error, ..passage(&tools, &folder) };
        let error = passage.run("two.ts", "out.ts").expect_err("times that fall").to_string();
        assert!(error.contains("fall from 2.4") && error.contains("back to 1.4"), "{error}");
    }
    std::fs::remove_dir_all(folder.path("work")).expect("the work that was begun");
    // The cure that is told.
    folder.ffmpeg("-i two.ts -c copy cured.mkv");
    passage(&tools, &folder).run("cured.mkv", "out.ts").expect("times that grow");
    assert_eq!(folder.digests("out.ts").len(), 50);
}

#[test]
fn other_kinds_of_files_last_as_long() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("kinds");
    folder
        .ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25:d=1 -c:v libx264 -bf 2 -output_ts_offset 95442 wraps.ts");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x64:r=25:d=1 -c:v libx264 -bf 2 even.mp4");
    // The last frame is shown for a second.
    folder.ffmpeg(
        "-f lavfi -i testsrc2=s=64x64:r=50:d=2 -vf select='lt(t\\,1)*not(mod(n\\,3))' -fps_mode vfr -c:v libx264 -bf 0 short.mp4",
    );
    folder
        .ffmpeg("-i short.mp4 -c copy -bsf:v setts=duration='if(eq(PTS\\,12288)\\,12800\\,256)' uneven.mp4");
    for (from, to, frames, seconds) in [
        ("wraps.ts", "out.mp4", 25, 1.0),
        ("wraps.ts", "out.mov", 25, 1.0),
        ("even.mp4", "out.avi", 25, 1.0),
        ("even.mp4", "out.mp4", 25, 1.0),
        ("uneven.mp4", "out.mp4", 17, 1.96),
        ("uneven.mp4", "out.mkv", 17, 1.96),
        // From ticks of a millisecond.
        ("out.mkv", "out.avif", 17, 1.96),
    ] {
        let mut passage = passage(&tools, &folder);
        if to == "out.avif" {
            if !tools.encoders().contains("libsvtav1") {
                continue;
            }
            passage.wish.preset = Some("12".into());
        }
        passage.run(from, to).expect(from);
        let length = Probe::new(&tools, &folder.path(to)).expect(to).duration.expect("seconds");
        assert_eq!(folder.digests(to).len(), frames, "{from} as {to}");
        assert!((length - seconds).abs() < 0.03, "{from} as {to}: {length} s");
    }
}

#[test]
fn first_packets_are_decoded_before_the_first_frame_is_shown() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("order");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=0.16 -c:v libx264 -bf 2 clip.mp4");
    let passage = Passage { wish: Wish::default(), ..passage(&tools, &folder) };
    passage.run("clip.mp4", "out.mp4").expect("a result");
    assert_eq!(folder.asked("out.mp4", "packet=dts"), ["-1024", "-512", "0", "512"]);
    let rate = folder.asked("out.mp4", "stream=avg_frame_rate,duration");
    assert_eq!(rate, ["25/1,0.160000"]);
}

#[test]
fn what_a_file_would_not_show_again_is_not_copied() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("lost");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=0.04 cover.png");
    folder.ffmpeg(
        "-f lavfi -i testsrc2=s=64x48:r=25:d=1 -i cover.png -i chapters.txt -map 0 -map 1 -map_chapters 2 -c:v:0 libx264 \
         -c:v:1 copy -disposition:v:1 attached_pic cover.mp4",
    );
    folder.ffmpeg(
        "-f lavfi -i testsrc2=s=64x48:r=25:d=1 -f lavfi -i sine=440:d=1 -i one.srt -map 0 -map 1 -map 2 -attach font.ttf -metadata:s:t mimetype=font/ttf \
         -c:v libx264 -c:a aac -c:s srt words.mkv",
    );
    let kept = |from: &str, to: &str| {
        let (from, container) = (folder.path(from), Container::like(to.as_ref()));
        let probe = Probe::new(&tools, &from).expect("a video");
        let kept = Mux::keeps(&tools, &from, &probe, container, &folder.path("scratch")).expect("an answer");
        let others = kept.into_iter().enumerate().filter(|(index, _)| *index != probe.main);
        others
            .map(|(_, kept)| if let Kept::Dropped(_) = kept { None } else { Some(kept) })
            .collect::<Vec<_>>()
    };
    assert_eq!(kept("cover.mp4", "out.mp4"), [Some(Kept::Renewed), Some(Kept::Copied)]);
    assert_eq!(kept("cover.mp4", "out.mov"), [Some(Kept::Renewed), None]);
    assert_eq!(kept("cover.mp4", "out.mkv"), [Some(Kept::Renewed), Some(Kept::Attached)]);
    let copied = Some(Kept::Copied);
    assert_eq!(kept("words.mkv", "out.mkv"), [copied.clone(), copied.clone(), copied.clone()]);
    assert_eq!(kept("words.mkv", "out.mp4"), [copied.clone(), Some(Kept::Transcoded("mov_text")), None]);
    assert_eq!(kept("words.mkv", "out.ts"), [copied, None, None]);
}

#[test]
fn covers_of_matroska_are_attached() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("cover");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=0.04 cover.png");
    folder.ffmpeg(
        "-f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -i cover.png -map 0 -map 1 -c:v:0 libx264 -c:v:1 copy \
         -disposition:v:1 attached_pic clip.mp4",
    );
    passage(&tools, &folder).run("clip.mp4", "once.mkv").expect("a result");
    passage(&tools, &folder).run("once.mkv", "twice.mkv").expect("a result");
    for name in ["once.mkv", "twice.mkv"] {
        let probe = Probe::new(&tools, &folder.path(name)).expect("a video");
        assert!(probe.streams.len() == 2 && probe.streams[1].is_cover(), "{name}: {:?}", probe.streams);
        assert_eq!(probe.streams[1].tags["filename"], "cover.png");
        assert_eq!(folder.asked(name, "frame=pts")[..3], ["0", "40", "80"], "{name}");
    }
    let files = folder.files();
    assert!(!files.iter().any(|name| name.contains("part") || name == "work"), "{files:?}");
}

/// How a clip would be encoded by a codec in a file of this name.
fn choice(tools: &Tools, folder: &Folder, from: &str, to: &str, codec: &str) -> Result<Encode> {
    let probe = Probe::new(tools, &folder.path(from))?;
    let (video, size) = (&probe.video, (probe.video.width, probe.video.height));
    let container = Container::like(to.as_ref());
    let made = Made { video, like: video.format, from: size, sample_aspect: None, to: size, container };
    let wish = Wish { codec: Some(codec.into()), ..Wish::default() };
    let encode = Encode::choose(tools, &wish, &made)?;
    encode.check(tools, container, &folder.path("scratch")).map(|()| encode)
}

#[test]
fn transparency_stays_where_codec_and_file_hold_it() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("clear");
    let source = "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2";
    folder.ffmpeg(&format!("{source} -c:v libvpx-vp9 -pix_fmt yuva420p -auto-alt-ref 0 clear.webm"));
    folder.ffmpeg(&format!("{source} -c:v prores_ks -pix_fmt yuva444p10le clear.mov"));
    for (from, to, codec, is_clear) in [
        ("clear.webm", "out.mov", "prores", true),
        ("clear.webm", "out.mkv", "vp9", true),
        ("clear.webm", "out.mp4", "vp9", false),
        ("clear.mov", "out.webm", "vp9", true),
    ] {
        let encode = choice(&tools, &folder, from, to, codec).expect(to);
        assert_eq!(encode.format.alpha, is_clear, "{codec} in {to}");
    }
}

#[test]
fn what_a_file_cannot_hold_is_known_before_the_work() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("late");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -c:v libx264 clip.mp4");
    let before = folder.files();
    let error = choice(&tools, &folder, "clip.mp4", "out.webm", "h264").expect_err("no H.264").to_string();
    assert!(error.contains("WebM"), "{error}");
    assert_eq!(folder.files(), before);
}

#[test]
fn every_rate_can_be_encoded() {
    let tools = Tools::find(None).expect("ffmpeg");
    let folder = Folder::new("rates");
    for rate in ["1/3", "18957/1000", "1000000/33367", "1000"] {
        folder.ffmpeg(&format!("-f lavfi -i testsrc2=s=64x64:r={rate} -frames:v 3 -c:v libx264 clip.mp4"));
        for (codec, encoder) in [("mpeg4", "mpeg4"), ("mpeg2", "mpeg2video"), ("av1", "libsvtav1")] {
            if tools.encoders().contains(encoder) {
                choice(&tools, &folder, "clip.mp4", "out.mkv", codec).expect(codec);
            }
        }
    }
}

/// A clip in and out: what became of its tags, times and streams that should not have.
fn differences(tools: &Tools, clip: &Clip) -> Vec<String> {
    let folder = Folder::new(clip.name);
    folder.make(clip);
    let out = format!("out.{}", clip.extension());
    let mut passage = passage(tools, &folder);
    passage.wish = clip.wish();
    if let Err(error) = passage.run(clip.name, &out) {
        return vec![error.to_string()];
    }
    assert_eq!(folder.files().len(), 2, "the clip and the result");
    told(&folder.path(&out)).differences(&told(&folder.path(clip.name)))
}

#[test]
fn every_clip_keeps_its_frames_times_streams_and_tags() {
    let tools = Tools::find(None).expect("ffmpeg");
    let there = tools.encoders();
    let only = std::env::var("CLIP").ok();
    let mut wrong = Vec::new();
    for clip in CLIPS.iter().filter(|clip| only.as_deref().is_none_or(|only| clip.name.starts_with(only))) {
        if clip.encoders.iter().all(|encoder| there.contains(*encoder)) {
            wrong.extend(differences(&tools, clip).into_iter().map(|what| format!("{}: {what}", clip.name)));
        } else {
            assert!(clip.is_rare, "this ffmpeg has not all of {:?}", clip.encoders);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
