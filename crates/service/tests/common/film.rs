//! Small videos, and a server that is quick with them.

use std::path::Path;
use std::process::Command;

use amplio_testkit::golden;

use super::Server;

/// A server with a tiny network that makes everything four times as large, and other settings than the usual ones.
pub(crate) fn server(settings: &[(&str, &str)]) -> Server {
    let models = golden::root().join("ncnn/compact-x4-f16");
    let mut all = vec![("models", models.to_str().expect("text")), ("model", "model")];
    all.extend_from_slice(settings);
    Server::with(&all)
}

/// What a program of ffmpeg prints about a file, a line each.
fn told(program: &str, arguments: &str, file: &Path) -> Vec<String> {
    let mut command = Command::new(program);
    command.args(
        arguments
            .split_whitespace()
            .map(|word| if word == "FILE" { file.as_os_str() } else { word.as_ref() }),
    );
    let told = command.output().expect("a program of ffmpeg");
    assert!(told.status.success(), "{command:?}: {}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8(told.stdout).expect("text");
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(plain).collect()
}

/// A line without the comma that ends it where a frame has data beside it.
fn plain(line: &str) -> String {
    line.trim_end_matches(',').to_owned()
}

/// A clip of so many frames with sound.
pub(crate) fn clip(frames: u32, name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    let arguments = format!(
        "-nostdin -v error -f lavfi -i testsrc2=size=48x32:rate=10 -f lavfi -i sine=r=8000 -frames:v {frames} -shortest \
         -c:v libx264 -preset ultrafast -c:a aac -y FILE"
    );
    told("ffmpeg", &arguments, &file);
    std::fs::read(file).expect("a clip")
}

/// An animation in AVIF of so many frames.
pub(crate) fn moving_avif(frames: u32) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("moving.avif");
    let arguments = format!(
        "-nostdin -v error -f lavfi -i testsrc2=size=48x32:rate=10 -frames:v {frames} -c:v libaom-av1 -cpu-used 8 -y FILE"
    );
    told("ffmpeg", &arguments, &file);
    std::fs::read(file).expect("an animation")
}

/// The times, the size and the other streams of a video.
pub(crate) fn facts(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("written");
    let times = told(
        "ffprobe",
        "-v error -select_streams v:0 -show_entries frame=pts_time -of csv=p=0 FILE",
        file.path(),
    );
    let streams = told(
        "ffprobe",
        "-v error -show_entries stream=codec_name,width,height -of csv=p=0 FILE",
        file.path(),
    );
    (times, streams)
}
