//! What a kind of file can hold: asked by writing one. `scratch` is a file that may be written and is removed.

use std::path::Path;
use std::process::{ChildStdin, Stdio};

use super::process::Process;
use super::tools::{self, Tools};
use super::{Container, Kind, Probe, probe};
use crate::{Error, Result};

/// Whether it can hold streams of a file, as these are or as a codec makes them: asked by writing its header. Some muxers take what
/// they cannot hold, and leave it out or call it data.
pub(super) fn of_streams(
    tools: &Tools,
    (input, told): (&Path, &Probe),
    container: &Container,
    streams: &[usize],
    codec: &str,
    scratch: &Path,
) -> Result<()> {
    let mut command = tools.ffmpeg();
    command.stdin(Stdio::null()).stdout(Stdio::null()).args(tools::input(input));
    // Some muxers make a stream of chapters.
    command.args(["-map_chapters", "-1"]);
    for index in streams {
        command.args(["-map", &format!("0:{index}")]);
    }
    command.args(["-c", codec, "-t", "0.1", "-f", container.muxer, "-y"]).arg(tools::file(scratch));
    let tried = Process::start("ffmpeg", command)?.finish();
    let held = probe::kinds(tools, scratch).unwrap_or_default();
    let _ = std::fs::remove_file(scratch);
    tried?;
    // Streams without a packet so early may not be there yet; covers have one.
    let count = |kind: Kind| held.iter().filter(|&&held| held == kind).count();
    let streams = || streams.iter().map(|&index| &told.streams[index]);
    if count(Kind::Data) > streams().filter(|stream| stream.kind == Kind::Data).count() {
        return Err(Error::unsupported(format!("{} files do not say what it is", container.muxer)));
    }
    if count(Kind::Video) < streams().filter(|stream| stream.is_cover()).count() {
        return Err(Error::unsupported(format!("{} files have no covers", container.muxer)));
    }
    Ok(())
}

/// Whether it can hold the packets of a segment that `feed` writes.
pub(super) fn of_packets(
    tools: &Tools,
    container: &Container,
    scratch: &Path,
    feed: impl FnOnce(ChildStdin) -> Result<()>,
) -> Result<()> {
    let mut command = tools.ffmpeg();
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command.args(["-protocol_whitelist", "pipe", "-f", "nut", "-i", "pipe:0"]);
    command.args(["-c", "copy", "-f", container.muxer, "-y"]).arg(tools::file(scratch));
    let mut process = Process::start("ffmpeg", command)?;
    let fed = feed(process.stdin()?);
    let tried = process.fed(fed);
    let _ = std::fs::remove_file(scratch);
    tried
}
