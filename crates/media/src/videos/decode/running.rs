//! The program that decodes.

use std::process::{ChildStdout, Command, Stdio};

use super::Decode;
use crate::Result;
use crate::videos::Video;
use crate::videos::nut::Reader;
use crate::videos::process::Process;
use crate::videos::tools::{self, Tools};

/// The seconds that are added to the time of a frame that would be shown before the one before it: ffmpeg itself would move it behind
/// that one and say nothing. More than a video lasts, and no more than ffmpeg can count in any time base.
pub(super) const FALLEN: f64 = 1e9;

/// ffmpeg, and the frames that it writes.
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) reader: Reader<ChildStdout>,
    /// What is added to times so that none is before zero.
    pub(super) shift: i64,
}

impl Running {
    pub(super) fn start(tools: &Tools, decode: &Decode, seconds: Option<f64>) -> Result<Self> {
        let base = decode.video.time_base;
        let shift = match decode.video.start {
            Some(start) if start < 0 => base.ticks(1.0).max(1) - start,
            _ => 0,
        };
        let mut process = Process::start("ffmpeg", command(tools, decode, seconds, shift))?;
        // The longer side of a picture of this many pixels may be any.
        let Video { format, width, height, .. } = decode.video;
        let largest = format.frame_bytes(width, height).max(format.frame_bytes(height, width));
        match Reader::new(process.stdout()?, largest) {
            Ok(reader) => Ok(Self { process, reader, shift }),
            Err(error) => Err(process.blame(error)),
        }
    }
}

fn command(tools: &Tools, decode: &Decode, seconds: Option<f64>, shift: i64) -> Command {
    let video = &decode.video;
    let mut command = tools.ffmpeg();
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    if let Some(hwaccel) = &decode.hwaccel {
        command.args(["-hwaccel", hwaccel]);
    }
    if let Some(decoder) = video.decoder {
        command.args([&format!("-c:{}", decode.stream), decoder]);
    }
    if let Some(seconds) = seconds {
        command.args(["-seek_timestamp", "1", "-noaccurate_seek", "-ss", &format!("{seconds:.6}")]);
    }
    command.arg("-copyts").args(tools::input(&decode.path));
    command.args(["-map", &format!("0:{}", decode.stream)]);
    let mut filters = Vec::new();
    if shift != 0 {
        filters.push(format!("setpts=PTS+{shift}"));
    }
    if video.is_joinable {
        // Some streams have a frame's time a little too early.
        let [usual, fallen] =
            [1.5 / video.rate.value(), FALLEN].map(|seconds| video.time_base.ticks(seconds));
        filters.push(format!("setpts=PTS+{fallen}*gt(PREV_INPTS-PTS\\,{usual})"));
    }
    if decode.deinterlace {
        filters.push("bwdif=mode=send_frame".into());
    }
    if !filters.is_empty() {
        command.args(["-vf", &filters.join(",")]);
    }
    command.args(["-fps_mode", "passthrough", "-enc_time_base", &video.time_base.to_string()]);
    command.args(["-c:v", "rawvideo", "-pix_fmt", video.format.name, "-f", "nut", "pipe:1"]);
    command
}
