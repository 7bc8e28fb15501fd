//! Frames of a video with their exact times, from anywhere in it.

mod running;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::nut::Packet;
use super::process::Process;
use super::tools::{self, Tools};
use super::{Frame, Ratio, Video};
use crate::{Error, Result};
use running::Running;

/// How long before a time the decoder begins to look for it, in seconds. A key frame is then before it, and the frame
/// itself hangs on nothing that is left out.
const LEAD: f64 = 2.0;

/// How long the news of a broken packet may take to arrive after the frame that follows it.
const LATE: Duration = Duration::from_millis(50);

/// What happens where a frame cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The frame before it takes its place.
    Repeat,
    /// Decoding ends with an error.
    Fail,
}

/// What is to be decoded, and how.
#[derive(Clone, Debug)]
pub struct Decode {
    /// The file.
    pub path: PathBuf,
    /// Which stream of it.
    pub stream: usize,
    /// What is known of the stream.
    pub video: Video,
    /// A way of decoding in hardware, by ffmpeg's name.
    pub hwaccel: Option<String>,
    /// Whether frames are made of their fields.
    pub deinterlace: bool,
    /// What happens where a frame cannot be decoded.
    pub on_error: OnError,
}

/// A place between two frames, known by the frame before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How many frames there are before the place.
    pub frames: u64,
    /// The time of the last of them.
    pub pts: i64,
    /// The [`Mark::digest`] of its samples.
    pub digest: String,
}

/// A list of times that grows.
pub type Repeated = Arc<Mutex<Vec<i64>>>;

/// Decodes a video; an iterator of frames in the order in which they are shown. Their times are in the stream's time base
/// and grow from frame to frame.
pub struct Decoder {
    tools: Tools,
    decode: Decode,
    running: Option<Running>,
    shape: Shape,
    /// The last frame from the decoder.
    last: Option<Frame>,
    /// Frames that are made already.
    ready: VecDeque<Frame>,
    /// The times of all packets, once something was broken.
    expected: Option<Vec<i64>>,
    /// Whether decoding began in the middle: what the decoder says before its first frame may be about those before it.
    entered: bool,
    /// How many of the decoder's lines are no matter.
    said: usize,
    repeated: Repeated,
    ended: bool,
}

/// What the frames of a decoder are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    width: u32,
    height: u32,
    sample_aspect: Option<Ratio>,
}

impl Decode {
    /// The time before which there is nothing to look for, in seconds.
    fn earliest(&self) -> f64 {
        self.video.start.map_or(0.0, |start| self.video.time_base.seconds(start)).max(0.0)
    }
}

impl Mark {
    /// A digest of a frame's samples.
    pub fn digest(frame: &Frame) -> String {
        Sha256::digest(&frame.data).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Decoder {
    /// Begins to decode after a mark, or at the beginning.
    ///
    /// # Errors
    /// [`Error::Program`] if ffmpeg cannot decode it, [`Error::Unsupported`] if the frame of the mark is not in it.
    pub fn new(tools: &Tools, decode: &Decode, after: Option<&Mark>) -> Result<Self> {
        let Some(mark) = after else { return Self::from(tools, decode, None) };
        let seconds = decode.video.time_base.seconds(mark.pts) - LEAD;
        if seconds > decode.earliest()
            && let Ok(mut decoder) = Self::from(tools, decode, Some(seconds))
            && decoder.find(mark).unwrap_or(false)
        {
            return Ok(decoder);
        }
        // Not every file lets itself be entered anywhere.
        let mut decoder = Self::from(tools, decode, None)?;
        if !decoder.find(mark)? {
            return Err(Error::unsupported("the video is no longer the one that it was"));
        }
        Ok(decoder)
    }

    /// Begins to decode with the first frame that is shown at a time or later.
    ///
    /// # Errors
    /// As [`Decoder::new`].
    pub fn starting(tools: &Tools, decode: &Decode, pts: i64) -> Result<Self> {
        let seconds = decode.video.time_base.seconds(pts) - LEAD;
        if seconds > decode.earliest()
            && let Ok(mut decoder) = Self::from(tools, decode, Some(seconds))
            && decoder.pass(pts).unwrap_or(false)
        {
            return Ok(decoder);
        }
        let mut decoder = Self::from(tools, decode, None)?;
        decoder.pass(pts)?;
        Ok(decoder)
    }

    /// Goes on to before the first frame of a time or later; whether there was one before it.
    fn pass(&mut self, pts: i64) -> Result<bool> {
        let mut passed = false;
        while let Some(frame) = self.step()? {
            self.forget();
            if frame.pts >= pts {
                self.ready.push_front(frame);
                return Ok(passed);
            }
            passed = true;
        }
        Ok(false)
    }

    fn from(tools: &Tools, decode: &Decode, seconds: Option<f64>) -> Result<Self> {
        let running = Running::start(tools, decode, seconds)?;
        let stream = running.reader.stream();
        let shape = Shape { width: stream.width, height: stream.height, sample_aspect: stream.sample_aspect };
        Ok(Self {
            tools: tools.clone(),
            decode: decode.clone(),
            running: Some(running),
            shape,
            last: None,
            ready: VecDeque::new(),
            expected: None,
            entered: seconds.is_some(),
            said: 0,
            repeated: Repeated::default(),
            ended: false,
        })
    }

    /// Width and height of the frames, upright.
    pub fn size(&self) -> (u32, u32) {
        (self.shape.width, self.shape.height)
    }

    /// Width of an upright frame's pixel over its height, if known.
    pub fn sample_aspect(&self) -> Option<Ratio> {
        self.shape.sample_aspect
    }

    /// The times of the frames that could not be decoded; the list grows while frames are taken.
    pub fn repeated(&self) -> Repeated {
        self.repeated.clone()
    }

    /// Goes on to behind the frame of a mark; false if it is not there.
    fn find(&mut self, mark: &Mark) -> Result<bool> {
        while let Some(frame) = self.step()? {
            if frame.pts >= mark.pts {
                self.forget();
                return Ok(frame.pts == mark.pts && Mark::digest(&frame) == mark.digest);
            }
            self.hear();
        }
        Ok(false)
    }

    /// Forgets what was wrong with frames that are not given.
    fn forget(&mut self) {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.hear();
    }

    /// Takes what was said so far for something about earlier frames.
    fn hear(&mut self) {
        self.said = self.running.as_ref().map_or(0, |running| running.process.messages().count());
    }

    /// Whether more was said than so many lines.
    fn said_more(&self, than: usize) -> bool {
        self.running.as_ref().is_some_and(|running| running.process.messages().count() > than)
    }

    fn step(&mut self) -> Result<Option<Frame>> {
        if let Some(frame) = self.ready.pop_front() {
            return Ok(Some(frame));
        }
        if self.ended {
            return Ok(None);
        }
        let frame = match self.read() {
            Ok(frame) => frame,
            Err(error) => {
                return Err(match self.running.take() {
                    Some(running) => running.process.blame(error),
                    None => error,
                });
            }
        };
        match (frame, self.last.take()) {
            (Some(frame), None) => {
                if self.entered {
                    self.hear();
                }
                self.ready.push_back(frame);
            }
            (Some(frame), Some(last)) => {
                self.fill(last, Some(frame.pts))?;
                self.ready.push_back(frame);
            }
            (None, last) => self.end(last)?,
        }
        self.last = self.ready.back().cloned();
        Ok(self.ready.pop_front())
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let Some(running) = &mut self.running else { return Ok(None) };
        let Some(Packet { pts, data, .. }) = running.reader.packet()? else { return Ok(None) };
        let (from, to) = (running.reader.stream().time_base, self.decode.video.time_base);
        let exact = from.exactly(pts, to).map(|pts| pts - running.shift);
        // Frames of one time would be told apart by less than a tick.
        let next = self.last.as_ref().map_or(i64::MIN, |last| last.pts + 1);
        let pts = exact.unwrap_or_else(|| to.ticks(from.seconds(pts)) - running.shift).max(next);
        Frame::new(self.decode.video.format, self.shape.width, self.shape.height, data, pts).map(Some)
    }

    /// Repeats a frame for those that are missing after it.
    fn fill(&mut self, last: Frame, until: Option<i64>) -> Result<()> {
        if self.said_more(self.said) && self.decode.on_error == OnError::Fail {
            return Err(self.broken_near(&last));
        }
        let gap = until.map_or(i64::MAX, |until| until - last.pts);
        let usual = self.decode.video.time_base.ticks(1.5 / self.decode.video.rate.value());
        if gap <= usual {
            return Ok(());
        }
        if self.expected.is_none() {
            // Rates that vary leave gaps, too.
            if !self.said_more(0) {
                std::thread::sleep(LATE);
            }
            if !self.said_more(0) {
                return Ok(());
            }
            self.expected = Some(self.packets()?);
        }
        let expected = self.expected.as_deref().unwrap_or_default();
        let first = expected.partition_point(|&pts| pts <= last.pts);
        let missing = expected[first..].iter().take_while(|&&pts| until.is_none_or(|until| pts < until));
        for &pts in missing {
            self.repeated.lock().unwrap_or_else(PoisonError::into_inner).push(pts);
            self.ready.push_back(Frame { pts, ..last.clone() });
        }
        if self.decode.on_error == OnError::Fail && !self.ready.is_empty() {
            return Err(self.broken_near(&last));
        }
        Ok(())
    }

    /// The decoder has nothing more to give.
    fn end(&mut self, last: Option<Frame>) -> Result<()> {
        self.ended = true;
        let Some(last) = last else {
            let nothing = Error::unsupported("there is no frame in it that can be decoded");
            return Err(match self.running.take() {
                Some(running) => running.process.blame(nothing),
                None => nothing,
            });
        };
        // What it said is complete only when it has ended.
        let messages = self.running.as_mut().map(|running| running.process.wait()).transpose()?;
        if messages.is_some_and(|count| count > 0) {
            self.fill(last, None)?;
        }
        Ok(())
    }

    fn broken_near(&self, last: &Frame) -> Error {
        let said = self.running.as_ref().and_then(|running| running.process.messages().last());
        let seconds = self.decode.video.time_base.seconds(last.pts);
        let what = said.unwrap_or_else(|| "a frame could not be decoded".into());
        Error::malformed("video", format!("near {seconds:.3} s: {what}"))
    }

    /// The times of all packets, in order.
    fn packets(&self) -> Result<Vec<i64>> {
        let mut command = self.tools.ffprobe();
        command.args(["-select_streams", &self.decode.stream.to_string()]);
        command.args(["-show_entries", "packet=pts,flags", "-of", "csv=p=0"]);
        command.args(tools::input(&self.decode.path));
        let mut process = Process::start("ffprobe", command)?;
        let mut times = Vec::new();
        for line in BufReader::new(process.stdout()?).lines() {
            let line = line?;
            let mut fields = line.split(',');
            let pts = fields.next().and_then(|pts| pts.parse::<i64>().ok());
            let discarded = fields.next().is_some_and(|flags| flags.contains('D'));
            times.extend(pts.filter(|_| !discarded));
        }
        times.sort_unstable();
        times.dedup();
        Ok(times)
    }
}

impl Iterator for Decoder {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        let step = self.step();
        if step.is_err() {
            (self.ended, self.running) = (true, None);
            self.ready.clear();
        }
        step.transpose()
    }
}
