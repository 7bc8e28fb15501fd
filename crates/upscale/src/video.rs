//! A video from file to file: decoded, made larger, encoded in segments that survive any interruption, and put together
//! with all its other streams.

mod reel;
mod request;
mod unrolled;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use amplio_media::Image;
use amplio_media::videos::{
    Container, Encode, Frame, Gap, Kept, Kind, Made, Mark, Marked, Mux, Ratio, Repeated, Segmenter, Wanted,
    Work, to_image,
};

use crate::film::{Dedup, FilmProgress};
use crate::{Error, Request, Result, Tiling, Upscaler};

pub use reel::Reel;
pub use request::{Part, VideoProgress, VideoRequest, VideoWatcher};
pub use unrolled::Unrolled;

/// The most times that are named.
const NAMED: usize = 20;

/// That frames could not be decoded, for people; `bad` are their times in seconds. `None` if there are none.
pub fn repeats(bad: &[f64]) -> Option<String> {
    let times: Vec<_> = bad.iter().take(NAMED).map(|seconds| format!("{seconds:.3}")).collect();
    let more = if bad.len() > times.len() { ", …" } else { "" };
    let (count, frames) = (bad.len(), if bad.len() == 1 { "frame" } else { "frames" });
    let times = times.join(", ");
    (count > 0).then(|| {
        format!("{count} {frames} could not be decoded and repeat the one before: at {times}{more} s")
    })
}

/// A video that can be made larger: everything is decided, nothing is done.
pub struct VideoJob<'a> {
    upscaler: &'a Upscaler,
    request: VideoRequest,
    /// The video that is read.
    pub reel: Reel<'a>,
    encode: Encode,
    container: &'static Container,
    /// Width and height of the result.
    pub to: (u32, u32),
}

impl<'a> VideoJob<'a> {
    /// Decides what becomes of a video in a file of this kind.
    ///
    /// # Errors
    /// If the size cannot be met, or the encoder cannot do what is asked for.
    pub fn new(
        upscaler: &'a Upscaler,
        reel: Reel<'a>,
        container: &'static Container,
        request: VideoRequest,
    ) -> Result<Self> {
        let result = upscaler.result(&reel.header(), &request.request.target)?;
        let to = (result.width, result.height);
        let (video, from, like) = (&reel.probe.video, reel.size, reel.like());
        let made = Made { video, like, from, sample_aspect: reel.sample_aspect, to, container };
        let encode = Encode::choose(reel.tools, &request.wish, &made)?;
        Ok(Self { upscaler, request, reel, encode, container, to })
    }

    /// All that the samples of the result depend on beside the input and the model, as text.
    pub fn description(&self) -> String {
        let VideoRequest { request, wish, dedup, part, length, deinterlace, .. } = &self.request;
        // How much memory is free changes from run to run; it changes how tiles are cut, and samples no more than rounding does.
        let tiling = Tiling { memory: 0, ..request.tiling };
        let request = Request { tiling, side_by_side: None, ..*request };
        format!(
            "{} ffmpeg {} {request:?} {wish:?} {dedup:?} {part:?} {length} {deinterlace} {:?} {:?} {}",
            env!("CARGO_PKG_VERSION"),
            self.reel.tools.version(),
            self.encode,
            self.reel.probe.video,
            self.container.muxer,
        )
    }

    /// How the result is encoded, for people.
    pub fn encoder(&self) -> String {
        format!("{} {}", self.encode.encoder, self.encode.format.name)
    }

    /// What of the video is lost, or worse than people may think.
    pub fn remarks(&self) -> Vec<String> {
        let (video, format) = (&self.reel.probe.video, self.encode.format);
        let mut remarks = self.reel.remarks(&self.request);
        if video.format.bits > format.bits {
            remarks.push(format!("{} bits become {}", video.format.bits, format.bits));
        }
        if video.format.alpha && !format.alpha {
            let (encoder, muxer) = (&self.encode.encoder, self.container.muxer);
            remarks
                .push(format!("{encoder} in {muxer} holds no transparency, so the frames are laid on white"));
        }
        remarks
    }

    /// Encodes one grey frame into a file, to learn early whether everything fits together. `scratch` is a file that may be written
    /// and is removed.
    ///
    /// # Errors
    /// With what the encoder or the muxer says.
    pub fn check(&self, scratch: &Path) -> Result<()> {
        Ok(self.encode.check(self.reel.tools, self.container, scratch)?)
    }

    /// What becomes of the streams beside the video, by index. `scratch` is a file that may be written and is removed.
    ///
    /// # Errors
    /// If ffmpeg cannot be started.
    pub fn kept(&self, scratch: &Path) -> Result<Vec<Kept>> {
        let Some(file) = self.reel.file() else {
            return Ok(vec![Kept::Copied; self.reel.probe.streams.len()]);
        };
        Ok(Mux::keeps(self.reel.tools, file, &self.reel.probe, self.container, scratch)?)
    }

    /// What of the streams beside the video the result does not have as it was, for people; `kept` is what
    /// [`VideoJob::kept`] gave.
    pub fn lost(&self, kept: &[Kept]) -> Vec<String> {
        let probe = &self.reel.probe;
        let others = kept.iter().zip(&probe.streams).enumerate().filter(|(index, _)| *index != probe.main);
        others
            .filter_map(|(index, (kept, stream))| {
                let what = match stream.kind {
                    Kind::Video => "video",
                    Kind::Audio => "sound",
                    Kind::Subtitle => "subtitles",
                    Kind::Attachment => "attachment",
                    Kind::Data => "data",
                };
                let stream = format!("stream {index} ({what}, {})", stream.codec);
                match kept {
                    Kept::Copied | Kept::Renewed | Kept::Attached => None,
                    Kept::Transcoded(to) => Some(format!("{stream} becomes {to}")),
                    Kept::Dropped(why) => Some(format!("{stream} is left out: {why}")),
                }
            })
            .collect()
    }

    /// Makes the wanted segments that are not there yet; the times, in seconds, of frames that could not be decoded.
    ///
    /// # Errors
    /// If anything fails, or the watcher says stop. Segments that are finished stay.
    pub fn run(&self, work: &Arc<Work>, wanted: &Wanted, watcher: VideoWatcher) -> Result<Vec<f64>> {
        let length = self.request.length;
        let finished = work.segments();
        let mut progress = VideoProgress {
            done: wanted.of(&finished).map(|(_, segment)| segment.frames).sum(),
            ..VideoProgress::default()
        };
        let mut bad = Vec::new();
        for gap in wanted.gaps(&finished, length) {
            bad.extend(self.fill(&gap, work, &mut progress, watcher)?);
        }
        Ok(bad)
    }

    fn fill(
        &self,
        gap: &Gap,
        work: &Arc<Work>,
        progress: &mut VideoProgress,
        watcher: VideoWatcher,
    ) -> Result<Vec<f64>> {
        let length = self.request.length;
        let (source, repeated) = self.reel.frames(gap.after.as_ref())?;
        let marked = Marked::new(source, length);
        let base = self.reel.probe.video.time_base;
        let what = (self.reel.tools, &self.encode, base);
        let mut segments = Segmenter::new(what, (work.clone(), length, gap.first), marked.digests());
        segments.start()?;
        let most = gap.end.map_or(u64::MAX, |end| (end - gap.first) * length);
        let mut frames = marked.take(clamped(most)).map(|frame| frame.map_err(Error::from));
        // Frames that are nearly equal are told from the first one of a segment on, so that any split gives the same.
        let at_once = if matches!(self.request.dedup, Dedup::Near(_)) { length } else { u64::MAX };
        let film =
            self.request.film(self.upscaler, &self.reel.header(), self.encode.format, self.encode.colours);
        let mut total = 0;
        loop {
            let before = *progress;
            let seen = |film: FilmProgress| watcher(before.with(film));
            let mut sink = |frame: &Frame| Ok(segments.push(frame)?);
            let made = film.enlarge(frames.by_ref().take(clamped(at_once)), &mut sink, &seen)?;
            *progress = VideoProgress { made: before.made + made.frames as f64, ..before.with(made) };
            total += made.frames;
            if made.frames < at_once {
                break;
            }
        }
        if total == 0 && gap.first == 0 {
            return Err(Error::request("there is no frame in this part of the video"));
        }
        segments.finish(total < most)?;
        Ok(seconds(&repeated, base))
    }

    /// As [`Reel::scan`], with the segments' length.
    ///
    /// # Errors
    /// As [`Reel::scan`].
    pub fn scan(&self, stop: &dyn Fn() -> bool) -> Result<(u64, Vec<Mark>)> {
        self.reel.scan(self.request.length, stop)
    }

    /// Puts the finished segments together with the other streams, as the file `to`, which is replaced.
    ///
    /// # Errors
    /// If segments are missing, or ffmpeg fails.
    pub fn assemble(&self, work: &Work, kept: &[Kept], to: &Path) -> Result<()> {
        let finished = work.segments();
        if let Some(missing) = (0..finished.len() as u64).find(|number| !finished.contains_key(number)) {
            return Err(Error::request(format!("segment {missing} is not finished")));
        }
        let segments: Vec<(PathBuf, i64)> =
            finished.iter().map(|(&number, segment)| (work.packets(number), segment.first)).collect();
        let base = self.reel.probe.video.time_base;
        let ending = finished.values().last().and_then(|segment| self.reel.ending(segment.last.0));
        let part = match (finished.values().next(), finished.values().last()) {
            (Some(first), Some(last)) if !self.request.part.is_all() => {
                let usual = 1.0 / self.reel.probe.video.rate.value();
                let shown = ending.map_or(usual, |ending| base.seconds(ending.length));
                Some((base.seconds(first.first), base.seconds(last.last.0 - first.first) + shown))
            }
            _ => None,
        };
        let mux = Mux {
            tools: self.reel.tools,
            input: self.reel.file(),
            probe: &self.reel.probe,
            container: self.container,
            kept,
            colour: self.encode.colour,
            part,
            ending,
        };
        Ok(mux.write(&segments, to)?)
    }

    /// One frame, as it is and made larger: the first of the part, or one from the middle of the video.
    ///
    /// # Errors
    /// If it cannot be decoded or made larger.
    pub fn preview(&self, watcher: crate::Watcher) -> Result<(Image, Image)> {
        let frame = self.reel.sample()?.ok_or_else(|| Error::request("there is no such frame"))?;
        let before = to_image(&frame, &self.encode.colours.0)?;
        let after = self.upscaler.enlarge(before.clone(), &self.request.request, watcher)?;
        Ok((before, after))
    }
}

/// Times in seconds.
fn seconds(times: &Repeated, base: Ratio) -> Vec<f64> {
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    times.iter().map(|&pts| base.seconds(pts)).collect()
}

fn clamped(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
