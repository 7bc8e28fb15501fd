//! Videos: what goes in comes out larger, whatever happens in between.

mod common;

use std::process::{Child, Command};
use std::time::Duration;

use amplio_testkit::golden;
use common::{Folder, Ran, ended};

/// Makes a clip in a folder; arguments are parted by spaces.
fn ffmpeg(folder: &Folder, arguments: &str) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y"]).args(arguments.split_whitespace());
    let status = command.current_dir(folder.path("")).status().expect("ffmpeg");
    assert!(status.success(), "{command:?}");
}

/// What ffprobe or ffmpeg prints.
fn told(folder: &Folder, program: &str, arguments: &str) -> Vec<String> {
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).current_dir(folder.path(""));
    let output = command.output().expect("a program of ffmpeg");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// The digests of a video's frames.
fn digests(folder: &Folder, name: &str) -> Vec<String> {
    told(
        folder,
        "ffmpeg",
        &format!("-nostdin -v error -i {name} -map 0:v:0 -fps_mode passthrough -f framemd5 -"),
    )
    .iter()
    .map(|line| line.rsplit(',').next().expect("a digest").trim().to_owned())
    .collect()
}

/// The times of a video's frames, and the size of its pictures.
fn times(folder: &Folder, name: &str) -> (Vec<String>, String) {
    let times = told(
        folder,
        "ffprobe",
        &format!("-v error -select_streams v:0 -show_entries frame=pts -of csv=p=0 {name}"),
    );
    let size = told(
        folder,
        "ffprobe",
        &format!("-v error -select_streams v:0 -show_entries stream=width,height -of csv=p=0 {name}"),
    );
    (times.iter().map(|time| time.trim_end_matches(',').to_owned()).collect(), size.join(" "))
}

/// A tiny network that makes pictures four times as large.
fn model() -> String {
    golden::root().join("ncnn/compact-x4-f16/model.param").to_str().expect("text").to_owned()
}

/// Arguments for quick work, and more.
fn quick<'a>(model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--model", model, "--encoder-preset", "ultrafast", "--segment", "5", "--threads", "1"], more].concat()
}

fn run(folder: &Folder, model: &str, more: &[&str]) -> Ran {
    folder.run(quick(model, more))
}

#[test]
fn a_video_alone_gets_a_neighbour_with_the_same_times() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc2=s=32x24:r=30:d=1 -f lavfi -i sine=440:d=1 -vf select=not(mod(n\\,3))+eq(mod(n\\,7)\\,1) \
         -fps_mode vfr -c:v libx264 -c:a aac clip.mp4",
    );
    let ran = run(&folder, &model, &["clip.mp4", "--json"]).succeeded();
    assert_eq!(folder.files(), ["clip.mp4", "clip_4x.mp4"]);
    let ((before, _), (after, size)) = (times(&folder, "clip.mp4"), times(&folder, "clip_4x.mp4"));
    assert_eq!((after, size.as_str()), (before, "128,96"));
    let events: Vec<serde_json::Value> =
        ran.text().lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let kinds: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert!(kinds.contains(&"start") && kinds.contains(&"done"), "{kinds:?}");
    run(&folder, &model, &["clip.mp4"]).failed(1, "clip_4x.mp4 exists");
}

#[test]
fn parts_previews_and_other_formats() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc2=s=32x24:r=10:d=2 -f lavfi -i sine=440:d=2 -c:v libx264 -g 5 -c:a flac clip.mkv",
    );
    run(&folder, &model, &["clip.mkv", "-o", "whole.mp4", "--codec", "h264", "--crf", "0"]).succeeded();
    run(&folder, &model, &["clip.mkv", "-o", "part.mkv", "--start", "0.5", "--end", "1.2", "--crf", "0"])
        .succeeded();
    run(&folder, &model, &["clip.mkv", "-o", "run.mkv", "--frames", "5..12", "--crf", "0"]).succeeded();
    let (whole, part) = (digests(&folder, "whole.mp4"), digests(&folder, "part.mkv"));
    assert_eq!((whole.len(), &part[..]), (20, &whole[5..12]));
    assert_eq!(digests(&folder, "run.mkv"), part);
    assert_eq!(times(&folder, "part.mkv").0[..3], ["0", "100", "200"]);
    run(&folder, &model, &["clip.mkv", "--preview", "--frames", "3..4"]).succeeded();
    let sheet = folder.read("clip_4x.png");
    assert_eq!((sheet.width, sheet.height), (256, 96));
    run(&folder, &model, &["clip.mkv", "--preview", "-o", "sheet.mp4"]).failed(1, "a preview is a PNG");
}

#[test]
fn what_changes_is_told() {
    let (folder, model) = (Folder::new(), model());
    let source = "-f lavfi -i testsrc2=s=32x24:r=10:d=1";
    ffmpeg(&folder, &format!("{source} -c:v libx264 upright.mp4"));
    ffmpeg(&folder, "-i upright.mp4 -c copy -metadata:s:v rotate=90 turned.mp4");
    folder.write("words.srt", b"1\n00:00:00,100 --> 00:00:00,500\nWords.\n");
    folder.write("font.ttf", b"no font");
    ffmpeg(
        &folder,
        &format!(
            "{source} -i words.srt -attach font.ttf -metadata:s:t mimetype=font/ttf -vf setfield=tff \
             -c:v mpeg2video -q:v 2 -flags +ilme+ildct -c:s srt fields.mkv"
        ),
    );
    run(&folder, &model, &["turned.mp4"]).succeeded();
    let turned = folder.path("turned_4x.mp4").exists().then(|| times(&folder, "turned_4x.mp4").1);
    let turned = turned.as_deref().map(|size| size.trim_end_matches(','));
    assert!(turned.is_some_and(|size| size.starts_with("96,128")), "{turned:?}");
    let ran = run(&folder, &model, &["fields.mkv", "-o", "out.mp4"]).succeeded();
    for what in ["interlaced", "subrip) becomes mov_text", "(attachment, unknown) is left out"] {
        assert!(ran.err.contains(what), "{}", ran.err);
    }
    let ran = run(&folder, &model, &["fields.mkv", "-o", "out.mkv", "--deinterlace"]).succeeded();
    assert!(!ran.err.contains("interlaced") && !ran.err.contains("left out"), "{}", ran.err);
    assert_eq!(times(&folder, "out.mkv").0, times(&folder, "fields.mkv").0);
}

#[test]
fn shards_make_the_frames_of_one_run() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=32x24:r=10:d=6 -c:v libx264 -g 10 -bf 2 clip.mkv");
    run(&folder, &model, &["clip.mkv", "-o", "whole.mkv"]).succeeded();
    let plan = ["plan", "clip.mkv", "--shards", "3", "-o", "plan.json", "--", "-o", "out.mkv"];
    folder.run([&plan[..], &quick(&model, &[])].concat()).succeeded();
    folder.run(["assemble", "plan.json"]).failed(1, "not finished: shard 0, 1, 2");
    for options in [&["-o", "out.gif"][..], &["-o", "f%03d.png"], &["--preview"]] {
        let plan = ["plan", "clip.mkv", "--shards", "3", "-o", "no.json", "--"];
        folder.run([&plan[..], &quick(&model, options)].concat()).failed(2, "only videos are made of shards");
    }
    for index in ["2", "0", "1"] {
        folder.run(["shard", "plan.json", "--index", index, "--quiet"]).succeeded();
    }
    folder.run(["shard", "plan.json", "--index", "3"]).failed(2, "no shard 3");
    folder.run(["shard", "plan.json"]).failed(2, "--index");
    folder.run(["assemble", "plan.json"]).succeeded();
    assert_eq!(digests(&folder, "out.mkv"), digests(&folder, "whole.mkv"));
    assert_eq!(times(&folder, "out.mkv"), times(&folder, "whole.mkv"));
    assert_eq!(folder.files(), ["clip.mkv", "out.mkv", "plan.json", "whole.mkv"]);
}

#[test]
fn work_goes_on_however_much_memory_there_is() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=32x24:r=10:d=2 -c:v libx264 -g 10 clip.mkv");
    let key = |memory: &str| {
        let plan = format!("{memory}.json");
        let arguments = ["plan", "clip.mkv", "--shards", "2", "-o", &plan, "--", "--memory", memory];
        folder.run([&arguments[..], &quick(&model, &[])].concat()).succeeded();
        let plan: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.path(&plan)).expect("a plan")).expect("an object");
        plan["key"].as_str().expect("a key").to_owned()
    };
    assert_eq!(key("300M"), key("500M"));
}

#[test]
fn what_is_no_video_is_told_in_a_sentence_and_leaves_nothing_behind() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=32x24:r=10:d=2 -c:v libx264 -g 5 whole.mp4");
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=32x24:r=10:d=2 -c:v mjpeg whole.mkv");
    ffmpeg(&folder, "-f lavfi -i sine=440:d=1 -c:a aac sound.mp4");
    for name in ["nothing.mp4", "nothing.mkv"] {
        ffmpeg(&folder, &format!("-f lavfi -i testsrc2=s=32x24:r=10:d=2 -c:v libx264 -t 0 {name}"));
    }
    let bytes = |name: &str| std::fs::read(folder.path(name)).expect("a clip");
    let (whole, stream) = (bytes("whole.mp4"), bytes("whole.mkv"));
    folder.write("cut.mp4", &whole[..whole.len() / 2]);
    folder.write("cut.mkv", &stream[..stream.len() / 9]);
    folder.write("head.mkv", &stream[..40]);
    folder.write("empty.mp4", b"");
    folder.write("text.mp4", b"this is no video at all, whatever its name says");
    folder.write("list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nwhole.mp4\n#EXT-X-ENDLIST\n");
    let before = folder.files();
    for (arguments, code, what) in [
        (vec!["cut.mp4"], 1, "cut.mp4"),
        (vec!["cut.mkv"], 1, "cut.mkv"),
        (vec!["head.mkv"], 1, "head.mkv"),
        (vec!["empty.mp4"], 1, "empty"),
        (vec!["text.mp4"], 1, "text.mp4"),
        (vec!["list.mp4"], 1, "list.mp4"),
        (vec!["sound.mp4"], 1, "no video"),
        (vec!["nothing.mp4"], 1, "no video"),
        (vec!["nothing.mkv"], 1, "nothing.mkv"),
        (vec!["whole.mp4", "-o", "out.xyz"], 2, "xyz"),
        (vec!["whole.mp4", "-o", "-"], 1, "-o"),
        (vec!["whole.mp4", "--codec", "nothing"], 1, "nothing"),
        (vec!["whole.mp4", "--pix-fmt", "nothing"], 1, "nothing"),
        (vec!["whole.mp4", "--encoder-opt", "nothing=1"], 1, "nothing"),
        (vec!["whole.mp4", "--ffmpeg", "/no/ffmpeg"], 1, "/no/ff"),
        (vec!["whole.mp4", "--start", "100"], 1, "no frame"),
        (vec!["whole.mp4", "--frames", "5..5"], 2, "--frames"),
        (vec!["whole.mp4", "--dedup", "much"], 2, "--dedup"),
    ] {
        let ran = run(&folder, &model, &arguments).failed(code, what);
        assert!(ran.err.lines().count() <= 4, "{arguments:?}: {}", ran.err);
        assert_eq!(folder.files(), before, "{arguments:?}");
    }
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

/// Kills a run without warning, after so long.
fn kill(mut child: Child, after: Duration) -> bool {
    std::thread::sleep(after);
    let ended = child.try_wait().expect("a state").is_some();
    child.kill().expect("a signal");
    child.wait().expect("an end");
    ended
}

#[test]
fn killed_at_any_moment_the_same_command_goes_on() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc2=s=48x32:r=10:d=6 -f lavfi -i sine=440:d=6 -c:v libx264 -g 10 -bf 2 -c:a aac clip.mp4",
    );
    let began = std::time::Instant::now();
    run(&folder, &model, &["clip.mp4", "-o", "whole.mp4"]).succeeded();
    let usual = began.elapsed().as_millis() as u64;
    let mut numbers = Numbers(7);
    for _ in 0..10 {
        let after = Duration::from_millis(usual / 10 + numbers.below(usual));
        kill(folder.start(quick(&model, &["clip.mp4", "-o", "again.mp4"])), after);
        // What is published is whole.
        if folder.path("again.mp4").exists() {
            assert_eq!(digests(&folder, "again.mp4"), digests(&folder, "whole.mp4"));
            std::fs::remove_file(folder.path("again.mp4")).expect("a file");
        }
    }
    run(&folder, &model, &["clip.mp4", "-o", "again.mp4"]).succeeded();
    assert_eq!(digests(&folder, "again.mp4"), digests(&folder, "whole.mp4"));
    assert_eq!(times(&folder, "again.mp4"), times(&folder, "whole.mp4"));
    assert_eq!(folder.files(), ["again.mp4", "clip.mp4", "whole.mp4"]);
}

#[test]
fn other_options_begin_afresh() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=32x24:r=10:d=2 -c:v libx264 clip.mkv");
    run(&folder, &model, &["clip.mkv", "--keep", "--crf", "40"]).succeeded();
    let rough = digests(&folder, "clip_4x.mkv");
    assert!(folder.path("clip_4x.mkv.amplio/000003.nut").exists());
    run(&folder, &model, &["clip.mkv", "--if-exists", "overwrite", "--crf", "4"]).succeeded();
    assert_ne!(digests(&folder, "clip_4x.mkv"), rough);
    assert_eq!(folder.files(), ["clip.mkv", "clip_4x.mkv"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_finished_and_ends_ffmpeg() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    let (folder, model) = (Folder::new(), model());
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=160x96:r=10:d=20 -c:v libx264 clip.mkv");
    let child = folder.start(quick(&model, &["clip.mkv"]));
    while !folder.path("clip_4x.mkv.amplio/000000.json").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("a signal");
    // Its pipes are open as long as a child of it lives.
    assert_eq!(ended(child).code, 130);
    assert!(folder.path("clip_4x.mkv.amplio/000000.nut").exists());
    assert!(!folder.files().iter().any(|name| name.ends_with(".part")), "{:?}", folder.files());
}

/// A disk of so many kilobytes, where this machine lets us have one.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(place: std::path::PathBuf, kilobytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&place).expect("a folder");
        let size = format!("size={kilobytes}k");
        let mut command = Command::new("mount");
        let mounted = command.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&place).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(place))
    }

    fn resize(&self, kilobytes: u32) {
        let size = format!("remount,size={kilobytes}k");
        let status = Command::new("mount").args(["-o", &size]).arg(&self.0).status().expect("mount");
        assert!(status.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn modified(folder: &Folder, name: &str) -> std::time::SystemTime {
    std::fs::metadata(folder.path(name)).and_then(|about| about.modified()).expect("a file")
}

#[test]
#[allow(clippy::print_stdout, reason = "what was not tested is to be known")]
fn a_full_disk_is_told_and_the_work_goes_on_when_there_is_room() {
    let (folder, model) = (Folder::new(), model());
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=48x32:r=10:d=4 -c:v libx264 clip.mkv");
    let Some(disk) = Disk::new(folder.path("disk"), 120) else {
        return println!("not tested: only root may mount a small disk, and not everywhere");
    };
    let arguments = ["clip.mkv", "-o", "disk/out.mkv", "--crf", "4"];
    run(&folder, &model, &arguments).failed(1, "no space left");
    assert!(!folder.path("disk/out.mkv").exists());
    assert!(folder.path("disk/out.mkv.amplio/000000.nut").exists());
    let kept = modified(&folder, "disk/out.mkv.amplio/000000.nut");
    disk.resize(4000);
    run(&folder, &model, &[&arguments[..], &["--keep"]].concat()).succeeded();
    assert_eq!(modified(&folder, "disk/out.mkv.amplio/000000.nut"), kept, "it went on");
    run(&folder, &model, &["clip.mkv", "-o", "whole.mkv", "--crf", "4"]).succeeded();
    assert_eq!(digests(&folder, "disk/out.mkv"), digests(&folder, "whole.mkv"));
    assert_eq!(times(&folder, "disk/out.mkv"), times(&folder, "whole.mkv"));
}
