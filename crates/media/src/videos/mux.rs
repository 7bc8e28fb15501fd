//! Segments and all other streams of the input as one file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::containers::AVIF;
use super::cover::Cover;
use super::nut::{Packet, Reader, Stream, Writer};
use super::process::Process;
use super::tools::{self, Tools};
use super::{Colour, Container, Ending, Kind, Probe, Ratio, trial};
use crate::{Error, Result};

/// No packet of a segment is larger.
const LARGEST: u64 = 4 << 30;

/// Tags of the video's stream that are no longer true.
const STALE: [&str; 12] = [
    "BPS",
    "DURATION",
    "NUMBER_OF_FRAMES",
    "NUMBER_OF_BYTES",
    "_STATISTICS_WRITING_APP",
    "_STATISTICS_TAGS",
    "_STATISTICS_WRITING_DATE_UTC",
    "encoder",
    "ENCODER",
    "rotate",
    "alpha_mode",
    "ALPHA_MODE",
];

/// What becomes of a stream beside the video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is copied.
    Copied,
    /// It is a cover, which becomes an attached file.
    Attached,
    /// The file cannot hold it as it is; this encoder makes something that it can.
    Transcoded(&'static str),
    /// It holds the titles of chapters, which are written anew.
    Renewed,
    /// The file cannot hold it, for this reason.
    Dropped(String),
}

/// A file that is to be written.
#[derive(Clone, Debug)]
pub struct Mux<'a> {
    /// The programs.
    pub tools: &'a Tools,
    /// The input, if it has other streams, tags or chapters.
    pub input: Option<&'a Path>,
    /// What is in it.
    pub probe: &'a Probe,
    /// The kind of file.
    pub container: &'static Container,
    /// What becomes of the input's streams, by index; the video's own is ignored.
    pub kept: &'a [Kept],
    /// What the video's samples mean, for codecs that do not say it themselves.
    pub colour: Colour,
    /// The part of the input that the video is of, in seconds of the input: from, and how long. It then begins at zero.
    pub part: Option<(f64, f64)>,
    /// How the video ends, where it is known.
    pub ending: Option<Ending>,
}

impl Mux<'_> {
    /// What can become of the input's streams, by index: found by asking the muxer. `scratch` is a file that may be written
    /// and is removed.
    ///
    /// # Errors
    /// [`Error::Program`] if ffmpeg cannot be started.
    pub fn keeps(
        tools: &Tools,
        input: &Path,
        probe: &Probe,
        container: &'static Container,
        scratch: &Path,
    ) -> Result<Vec<Kept>> {
        let simply = |stream: &super::Stream| {
            if probe.chapters > 0 && stream.codec == "bin_data" {
                Kept::Renewed
            } else if container.muxer == "matroska" && stream.is_cover() {
                Kept::Attached
            } else {
                Kept::Copied
            }
        };
        let mut kept: Vec<Kept> = probe.streams.iter().map(simply).collect();
        let others = 0..probe.streams.len();
        let mut others: Vec<usize> =
            others.filter(|&index| index != probe.main && kept[index] == Kept::Copied).collect();
        if container == &AVIF {
            let alone = Kept::Dropped("AVIF files hold no more than pictures".into());
            others.iter().for_each(|&index| kept[index] = alone.clone());
            return Ok(kept);
        }
        let trial = |streams: &[usize], codec: &str| {
            trial::of_streams(tools, (input, probe), container, streams, codec, scratch)
        };
        if others.is_empty() || trial(&others, "copy").is_ok() {
            return Ok(kept);
        }
        // Some muxers write nothing without a packet, and sound has one soon.
        others.sort_by_key(|&index| probe.streams[index].kind != Kind::Audio);
        let mut copied = Vec::new();
        for index in others {
            copied.push(index);
            let Err(error) = trial(&copied, "copy") else { continue };
            copied.pop();
            let codec = match probe.streams[index].kind {
                Kind::Audio => container.audio,
                Kind::Subtitle => container.subtitles,
                _ => None,
            };
            kept[index] = match codec {
                Some(codec) if trial(&[index], codec).is_ok() => Kept::Transcoded(codec),
                _ => Kept::Dropped(error.to_string()),
            };
        }
        Ok(kept)
    }

    /// Writes the file `to` from segments: their packets, and when each begins. What was there is replaced.
    ///
    /// # Errors
    /// [`Error::Program`] if ffmpeg fails, [`Error::Malformed`] if a segment is broken or made by another encoder.
    pub fn write(&self, segments: &[(PathBuf, i64)], to: &Path) -> Result<()> {
        let Some((first, earliest)) = segments.first() else { return Err(Error::misuse("no segments")) };
        let stream = reader(first)?.stream().clone();
        let base = stream.time_base;
        // NUT has no times before zero; it begins some whole seconds late, and is moved back.
        let ahead = if self.part.is_some() { 0 } else { early(*earliest, base) };
        let shift = match self.part {
            Some(_) => -earliest,
            None => ticks(ahead, base),
        };
        let covers = self.covers(first)?;
        let command = self.command(&stream, (ahead, *earliest), &covers, to);
        let mut process = Process::start("ffmpeg", command)?;
        let stdin = process.stdin()?;
        process.fed(feed(segments, &stream, shift, stdin))
    }

    /// The covers that are attached, in files beside a segment.
    fn covers(&self, segment: &Path) -> Result<Vec<Cover>> {
        let Some(input) = self.input else { return Ok(Vec::new()) };
        let attached = (0..self.kept.len()).filter(|&index| self.kept[index] == Kept::Attached);
        let take = |index: usize| {
            let file = segment.with_file_name(format!("0.cover{index}.part"));
            Cover::take(self.tools, input, (index, &self.probe.streams[index]), file)
        };
        attached.map(take).collect()
    }

    fn command(
        &self,
        stream: &Stream,
        (ahead, earliest): (i64, i64),
        covers: &[Cover],
        to: &Path,
    ) -> Command {
        let base = stream.time_base;
        let mut command = self.tools.ffmpeg();
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        if self.part.is_none() {
            command.arg("-copyts");
        }
        if ahead > 0 {
            command.args(["-itsoffset", &format!("-{ahead}")]);
        }
        command.args(["-protocol_whitelist", "pipe", "-f", "nut", "-i", "pipe:0"]);
        if let Some(input) = self.input {
            self.take(&mut command, input);
        }
        command.args(["-c", "copy"]);
        let mut next = 0;
        for (index, kept) in self.kept.iter().enumerate() {
            let is_main = index == self.probe.main;
            match kept {
                _ if is_main => drop(command.args(["-map", "0:0"])),
                Kept::Dropped(_) | Kept::Renewed | Kept::Attached => continue,
                Kept::Copied => drop(command.args(["-map", &format!("1:{index}")])),
                Kept::Transcoded(codec) => {
                    command.args(["-map", &format!("1:{index}"), &format!("-c:{next}"), codec]);
                }
            }
            if self.input.is_some() {
                command.args([&format!("-map_metadata:s:{next}"), &format!("1:s:{index}")]);
            }
            if is_main {
                let moved = if self.part.is_some() { -earliest } else { 0 };
                self.describe(&mut command, (stream, moved), next);
            }
            next += 1;
        }
        for (number, cover) in covers.iter().enumerate() {
            cover.attach(&mut command, next + number);
        }
        if ["mp4", "mov"].contains(&self.container.muxer) {
            command.args(["-video_track_timescale", &base.den.to_string()]);
            if self.part.is_none() && earliest < 0 {
                // What is before zero would never be shown.
                command.args(["-avoid_negative_ts", "make_non_negative"]);
            }
        }
        if self.container.muxer == "mpegts" {
            command.args(["-muxdelay", "0", "-muxpreload", "0"]);
        }
        // No random numbers: the same work gives the same bytes.
        command.args(["-fflags", "+bitexact"]);
        command.args(["-f", self.container.muxer, "-y"]).arg(tools::file(to));
        command
    }

    /// Takes streams, tags and chapters from the input, or from the part of it.
    fn take(&self, command: &mut Command, input: &Path) {
        if let Some((from, length)) = self.part {
            let [from, length] = [from, length].map(|seconds| format!("{seconds:.6}"));
            command.args(["-seek_timestamp", "1", "-ss", &from, "-t", &length]);
        }
        command.args(tools::input(input));
        if self.part.is_some() {
            // What is before the part would move all of it.
            command.args(["-copypriorss", "0"]);
        }
        command.args(["-map_metadata", "1", "-map_chapters", "1"]);
    }

    /// The video's own stream, that was moved by so much: what it is for, what it means, and its tags that are still true.
    fn describe(&self, command: &mut Command, (made, moved): (&Stream, i64), place: usize) {
        let stream = &self.probe.streams[self.probe.main];
        let dispositions =
            if stream.dispositions.is_empty() { "0".into() } else { stream.dispositions.join("+") };
        command.args([&format!("-disposition:{place}"), &dispositions]);
        let stale = |name: &str| STALE.iter().any(|s| name == *s || name.starts_with(&format!("{s}-")));
        for name in stream.tags.keys().filter(|name| stale(name)) {
            command.args([&format!("-metadata:s:{place}"), &format!("{name}=")]);
        }
        if made.transparent {
            command.args([&format!("-metadata:s:{place}"), "alpha_mode=1"]);
        }
        let mut set = |name: &str, value: String| {
            command.args([&format!("-{name}:{place}"), &value]);
        };
        let Colour { matrix, range, primaries, transfer, location } = self.colour;
        matrix.into_iter().for_each(|matrix| set("colorspace", matrix.tag().code.to_string()));
        range.into_iter().for_each(|range| set("color_range", range.name().into()));
        primaries.into_iter().for_each(|tag| set("color_primaries", tag.code.to_string()));
        transfer.into_iter().for_each(|tag| set("color_trc", tag.code.to_string()));
        location.into_iter().for_each(|location| set("chroma_sample_location", location.name().into()));
        if ["mp4", "mov"].contains(&self.container.muxer) && made.fourcc == *b"HEVC" {
            // What players of Apple insist on.
            set("tag", "hvc1".into());
        }
        // NUT does not say how long the last frame is shown, nor when the first packets are decoded. Some versions of ffmpeg count in
        // the file's time base, some in the one here.
        let own = self.container.time_base(made.time_base);
        let frame = 1.0 / self.probe.video.rate.value();
        let [own_tick, tick] = [own, made.time_base].map(|unit| unit.ticks(frame).max(1));
        let (delay, before) = (made.decode_delay, own_tick.min(tick));
        let begin = format!("if(lt(N\\,{delay})\\,STARTPTS-({delay}-N)*{before}\\,DTS)");
        let length = self.ending.map(|ending| Ending { pts: ending.pts + moved, ..ending });
        let length = match length {
            // Its frames are all as long.
            _ if self.container.muxer == "avi" => "1".into(),
            Some(ending) => ending.told(made.time_base, own),
            None => own_tick.to_string(),
        };
        set("bsf", format!("setts=pts=PTS:dts={begin}:duration={length}"));
    }
}

/// Whole seconds by which times are shifted so that none is before zero: a multiple of the time base's numerator.
fn early(earliest: i64, base: Ratio) -> i64 {
    let seconds = (-base.seconds(earliest)).ceil().max(0.0) as i64;
    let unit = i64::from(base.num);
    (seconds + unit - 1) / unit * unit
}

/// Whole seconds in ticks.
fn ticks(seconds: i64, base: Ratio) -> i64 {
    seconds / i64::from(base.num) * i64::from(base.den)
}

fn reader(path: &Path) -> Result<Reader<File>> {
    let file = File::open(path).map_err(|source| Error::Io { path: Some(path.into()), source })?;
    Reader::new(file, LARGEST)
}

/// Writes the packets of all segments as one stream.
fn feed(segments: &[(PathBuf, i64)], stream: &Stream, shift: i64, to: impl std::io::Write) -> Result<()> {
    let mut writer = Writer::new(std::io::BufWriter::with_capacity(1 << 18, to), stream)?;
    for (path, first) in segments {
        let mut reader = reader(path).map_err(|error| Error::malformed("segment", error))?;
        if reader.stream() != stream {
            let what = format!("{} was made by another encoder than the first one", path.display());
            return Err(Error::malformed("segment", what));
        }
        while let Some(packet) = reader.packet().map_err(|error| Error::malformed("segment", error))? {
            writer.packet(&Packet { pts: packet.pts + first + shift, ..packet })?;
        }
    }
    writer.finish()?;
    Ok(())
}
