//! Frames of a video with their exact times, from anywhere in it.

mod entering;
mod packets;
mod running;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::nut::Packet;
use super::tools::Tools;
use super::{Frame, Ratio, Video};
use crate::{Error, Result};
use running::{FALLEN, Running};

pub use entering::Mark;

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
    /// Whether what the decoder says before its first frame may be about what came before it.
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

impl Decoder {
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
            entered: seconds.is_some() || decode.video.begins_broken,
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
                    std::thread::sleep(LATE);
                    self.hear();
                }
                self.ready.push_back(frame);
            }
            (Some(frame), Some(last)) => {
                self.order(&last, &frame)?;
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
        let pts = exact.unwrap_or_else(|| to.ticks(from.seconds(pts)) - running.shift);
        // Frames of one time would be told apart by less than a tick.
        let next = self.last.as_ref().map_or(i64::MIN, |last| last.pts + 1);
        Frame::new(self.decode.video.format, self.shape.width, self.shape.height, data, pts.max(next))
            .map(Some)
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
            self.expected = Some(packets::times(&self.tools, &self.decode)?);
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

    /// An error if a frame would be shown before the last one.
    fn order(&self, last: &Frame, frame: &Frame) -> Result<()> {
        let [before, after] = [last, frame].map(|frame| self.decode.video.time_base.seconds(frame.pts));
        if after - before < FALLEN / 2.0 {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "its times fall from {before:.3} s back to {:.3} s, as where files were joined; ffmpeg -i INPUT -c copy OUTPUT.mkv makes \
             them grow",
            after - FALLEN
        )))
    }

    fn broken_near(&self, last: &Frame) -> Error {
        let said = self.running.as_ref().and_then(|running| running.process.messages().last());
        let seconds = self.decode.video.time_base.seconds(last.pts);
        let what = said.unwrap_or_else(|| "a frame could not be decoded".into());
        Error::malformed("video", format!("near {seconds:.3} s: {what}"))
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
