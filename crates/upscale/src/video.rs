//! A video from file to file: decoded, made larger, encoded in segments that survive any interruption, and put together
//! with all its other streams.

mod request;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use amplio_media::videos::{
    Container, Decode, Decoder, Encode, Format, Frame, Gap, Kept, Made, Mark, Marked, Model, Mux, Probe,
    Repeated, Segmenter, Tools, Wanted, Work, to_image,
};
use amplio_media::{Header, Image};

use crate::film::{Dedup, Film, FilmProgress};
use crate::{Error, Result, Upscaler};

pub use request::{Part, VideoProgress, VideoRequest, VideoWatcher};

/// A video that can be made larger: everything is decided, nothing is done.
pub struct VideoJob<'a> {
    upscaler: &'a Upscaler,
    tools: &'a Tools,
    request: VideoRequest,
    /// What is in the input.
    pub probe: Probe,
    decode: Decode,
    encode: Encode,
    container: &'static Container,
    /// Width and height of the input, upright.
    pub from: (u32, u32),
    /// Width and height of the result.
    pub to: (u32, u32),
}

impl<'a> VideoJob<'a> {
    /// Looks into a video and decides what becomes of it in a file of this kind.
    ///
    /// # Errors
    /// If there is no video in the file, the size cannot be met, or the encoder cannot do what is asked for.
    pub fn new(
        upscaler: &'a Upscaler,
        tools: &'a Tools,
        input: &Path,
        container: &'static Container,
        request: VideoRequest,
    ) -> Result<Self> {
        let mut probe = Probe::new(tools, input)?;
        let video = &mut probe.video;
        let (mut from, mut sample_aspect) = ((video.width, video.height), video.sample_aspect);
        if video.turns % 2 == 1 {
            from = (from.1, from.0);
            sample_aspect = sample_aspect.map(|aspect| aspect.inverse());
            if let Format { model: Model::Yuv, bits, chroma: [across, down], alpha, .. } = *video.format
                && across != down
            {
                // What is subsampled in one direction alone would be resampled when it is turned.
                video.format = Format::planar(Model::Yuv, bits, [0, 0], alpha).unwrap_or(video.format);
            }
        }
        let header = Header::new(from.0, from.1, amplio_media::Channels::Rgb, amplio_media::Depth::U8);
        let result = upscaler.result(&header, &request.request.target)?;
        let to = (result.width, result.height);
        let made = Made { video: &probe.video, from, sample_aspect, to, container };
        let encode = Encode::choose(tools, &request.wish, &made)?;
        let decode = Decode {
            path: input.to_owned(),
            stream: probe.main,
            video: probe.video.clone(),
            hwaccel: request.hwaccel.clone(),
            deinterlace: request.deinterlace,
            on_error: request.on_error,
        };
        Ok(Self { upscaler, tools, request, probe, decode, encode, container, from, to })
    }

    /// All that the samples of the result depend on beside the input and the model, as text.
    pub fn description(&self) -> String {
        let VideoRequest { request, wish, dedup, part, length, deinterlace, .. } = &self.request;
        format!(
            "{} ffmpeg {} {request:?} {wish:?} {dedup:?} {part:?} {length} {deinterlace} {:?} {:?} {}",
            env!("CARGO_PKG_VERSION"),
            self.tools.version(),
            self.encode,
            self.decode.video,
            self.container.muxer,
        )
    }

    /// How the result is encoded, for people.
    pub fn encoder(&self) -> String {
        format!("{} {}", self.encode.encoder, self.encode.format.name)
    }

    /// What of the video is lost, or worse than people may think.
    pub fn remarks(&self) -> Vec<String> {
        let (video, format) = (&self.probe.video, self.encode.format);
        let mut remarks = Vec::new();
        if video.interlaced && !self.request.deinterlace {
            remarks.push(
                "the video is interlaced, and networks take its fields for one picture; --deinterlace makes frames of them"
                    .into(),
            );
        }
        if video.format.bits > format.bits {
            remarks.push(format!("{} bits become {}", video.format.bits, format.bits));
        }
        if video.format.alpha && !format.alpha {
            remarks.push(format!("{} holds no transparency", self.encode.encoder));
        }
        let videos = self.probe.streams.iter().filter(|s| s.kind == amplio_media::videos::Kind::Video);
        let covers = videos.clone().filter(|s| s.dispositions.iter().any(|d| d == "attached_pic")).count();
        if videos.count() > covers + 1 {
            remarks.push("only the first of several videos is made larger, the others are copied".into());
        }
        remarks
    }

    /// Encodes one grey frame, to learn early whether everything fits together.
    ///
    /// # Errors
    /// With what the encoder says.
    pub fn check(&self) -> Result<()> {
        Ok(self.encode.check(self.tools)?)
    }

    /// What becomes of the streams beside the video, by index. `scratch` is a file that may be written and is removed.
    ///
    /// # Errors
    /// If ffmpeg cannot be started.
    pub fn kept(&self, scratch: &Path) -> Result<Vec<Kept>> {
        Ok(Mux::keeps(self.tools, &self.decode.path, &self.probe, self.container, scratch)?)
    }

    /// The number of frames that are to be made, as far as it is known.
    pub fn frames(&self) -> Option<u64> {
        let part = &self.request.part;
        let rate = self.probe.video.rate.value();
        let all = self.probe.video.frames?;
        let count = |seconds: f64| ((seconds * rate).round() as u64).min(all);
        let (first, end) = (part.start.map_or(0, count), part.end.map_or(all, count));
        let inside = end.saturating_sub(first);
        Some(part.frames.as_ref().map_or(inside, |r| r.end.min(inside).saturating_sub(r.start)))
    }

    /// Makes the wanted segments that are not there yet; the times, in seconds, of frames that could not be decoded.
    ///
    /// # Errors
    /// If anything fails, or the watcher says stop. Segments that are finished stay.
    pub fn run(&self, work: &Arc<Work>, wanted: &Wanted, watcher: VideoWatcher) -> Result<Vec<f64>> {
        let length = self.request.length;
        let finished = work.segments();
        let mut progress = VideoProgress {
            done: finished.range(wanted.first..).map(|(_, segment)| segment.frames).sum(),
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
        let (source, repeated) = self.source(gap)?;
        let marked = Marked::new(source, length);
        let what = (self.tools, &self.encode, self.probe.video.time_base);
        let mut segments = Segmenter::new(what, (work.clone(), length, gap.first), marked.digests());
        let most = gap.end.map_or(u64::MAX, |end| (end - gap.first) * length);
        let mut frames = marked.take(clamped(most)).map(|frame| frame.map_err(Error::from));
        // Frames that are nearly equal are told from the first one of a segment on, so that any split gives the same.
        let at_once = if matches!(self.request.dedup, Dedup::Near(_)) { length } else { u64::MAX };
        let mut total = 0;
        loop {
            let before = *progress;
            let seen = |film: FilmProgress| watcher(before.with(film));
            let mut sink = |frame: &Frame| Ok(segments.push(frame)?);
            let made = self.film().enlarge(frames.by_ref().take(clamped(at_once)), &mut sink, &seen)?;
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
        let base = self.probe.video.time_base;
        let repeated = repeated.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(repeated.iter().map(|&pts| base.seconds(pts)).collect())
    }

    /// The frames from a place on.
    fn source(&self, gap: &Gap) -> Result<(Source, Repeated)> {
        let (part, video) = (&self.request.part, &self.probe.video);
        let at = |seconds: f64| video.start.unwrap_or(0) + video.time_base.ticks(seconds);
        let decoder = match (&gap.after, part.start) {
            (None, Some(start)) => Decoder::starting(self.tools, &self.decode, at(start))?,
            (after, _) => Decoder::new(self.tools, &self.decode, after.as_ref())?,
        };
        if decoder.size() != self.from {
            let (size, from) = (decoder.size(), self.from);
            return Err(Error::request(format!("frames are {size:?} pixels, and not {from:?} as was said")));
        }
        let repeated = decoder.repeated();
        let until = part.end.map_or(i64::MAX, at);
        let inside =
            move |frame: &amplio_media::Result<Frame>| frame.as_ref().map_or(true, |f| f.pts < until);
        let range = part.frames.clone().unwrap_or(0..u64::MAX);
        let (before, skipped) = match &gap.after {
            Some(mark) => (mark.frames, 0),
            None => (0, range.start),
        };
        let most = (range.end - range.start).saturating_sub(before);
        let source = decoder.take_while(inside).skip(clamped(skipped)).take(clamped(most));
        Ok((Box::new(source), repeated))
    }

    fn film(&self) -> Film<'_> {
        let (read, write) = self.encode.colours;
        Film {
            upscaler: self.upscaler,
            request: self.request.request,
            read,
            format: self.encode.format,
            write,
            lanes: self.request.lanes,
            dedup: self.request.dedup,
        }
    }

    /// Decodes everything once: the number of frames, and the places behind all segments but the last. `stop` says whether
    /// to stop.
    ///
    /// # Errors
    /// If it cannot be decoded, or is to be stopped.
    pub fn scan(&self, stop: &dyn Fn() -> bool) -> Result<(u64, Vec<Mark>)> {
        let (source, _) = self.source(&Gap { first: 0, end: None, after: None })?;
        let (mut frames, mut last, mut marks) = (0, None, Vec::new());
        for frame in source {
            if stop() {
                return Err(Error::Stopped);
            }
            marks.extend(last.take());
            let frame = frame?;
            frames += 1;
            if frames % self.request.length == 0 {
                last = Some(Mark { frames, pts: frame.pts, digest: Mark::digest(&frame) });
            }
        }
        if frames == 0 {
            return Err(Error::request("there is no frame in this part of the video"));
        }
        Ok((frames, marks))
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
        let base = self.probe.video.time_base;
        let part = match (finished.values().next(), finished.values().last()) {
            (Some(first), Some(last)) if !self.request.part.is_all() => {
                let length = base.seconds(last.last.0 - first.first) + 1.0 / self.probe.video.rate.value();
                Some((base.seconds(first.first), length))
            }
            _ => None,
        };
        let mux = Mux {
            tools: self.tools,
            input: &self.decode.path,
            probe: &self.probe,
            container: self.container,
            kept,
            colour: self.encode.colour,
            part,
        };
        Ok(mux.write(&segments, to)?)
    }

    /// One frame, as it is and made larger: the first of the part, or one from the middle of the video.
    ///
    /// # Errors
    /// If it cannot be decoded or made larger.
    pub fn preview(&self, watcher: crate::Watcher) -> Result<(Image, Image)> {
        let middle = self.request.part.is_all().then(|| self.probe.duration.unwrap_or(0.0) / 2.0);
        let (start, video) = (middle.or(self.request.part.start), &self.probe.video);
        let skipped = self.request.part.frames.as_ref().map_or(0, |range| range.start);
        let pts = video.start.unwrap_or(0) + video.time_base.ticks(start.unwrap_or(0.0));
        let mut frames = Decoder::starting(self.tools, &self.decode, pts)?;
        let frame =
            frames.nth(clamped(skipped)).ok_or_else(|| Error::request("there is no such frame"))??;
        let before = to_image(&frame, &self.encode.colours.0)?;
        let after = self.upscaler.enlarge(before.clone(), &self.request.request, watcher)?;
        Ok((before, after))
    }
}

type Source = Box<dyn Iterator<Item = amplio_media::Result<Frame>> + Send>;

fn clamped(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
