//! Where the frames of a video come from: a file that ffmpeg decodes, or pictures.

use std::path::Path;

use amplio_media::videos::{
    Colour, Decode, Decoder, Ending, Format, Frame, Kind, Mark, Model, Probe, Ratio, Repeated, Slides, Tools,
};
use amplio_media::{Channels, Depth, Header};

use super::{Part, VideoRequest, clamped};
use crate::{Error, Result};

/// A video that is read, or the part of it that is wanted.
pub struct Reel<'a> {
    pub(super) tools: &'a Tools,
    /// What is in it.
    pub probe: Probe,
    /// Width and height of its frames, upright.
    pub size: (u32, u32),
    /// The width of an upright frame's pixel over its height, if known.
    pub(super) sample_aspect: Option<Ratio>,
    pub(super) part: Part,
    source: Source,
}

enum Source {
    File(Box<Decode>),
    Pictures(Slides),
}

/// Frames in order, and the times of those that could not be decoded: the list grows while frames are taken.
pub(super) type Frames<'a> = (Box<dyn Iterator<Item = amplio_media::Result<Frame>> + Send + 'a>, Repeated);

impl<'a> Reel<'a> {
    /// Looks into a file.
    ///
    /// # Errors
    /// If there is no video in it.
    pub fn of_file(tools: &'a Tools, path: &Path, request: &VideoRequest) -> Result<Self> {
        let mut probe = Probe::new(tools, path)?;
        let (main, video) = (probe.main, &mut probe.video);
        let (mut size, mut sample_aspect) = ((video.width, video.height), video.sample_aspect);
        if video.turns % 2 == 1 {
            size = (size.1, size.0);
            sample_aspect = sample_aspect.map(|aspect| aspect.inverse());
            if let Format { model: Model::Yuv, bits, chroma: [across, down], alpha, .. } = *video.format
                && across != down
            {
                // What is subsampled in one direction alone would be resampled when it is turned.
                video.format = Format::planar(Model::Yuv, bits, [0, 0], alpha).unwrap_or(video.format);
            }
        }
        let decode = Decode {
            path: path.to_owned(),
            stream: main,
            video: video.clone(),
            hwaccel: request.hwaccel.clone(),
            deinterlace: request.deinterlace,
            on_error: request.on_error,
        };
        let part = request.part.clone();
        Ok(Self { tools, probe, size, sample_aspect, part, source: Source::File(Box::new(decode)) })
    }

    /// Takes pictures for a video. The programs are those that will make one of them.
    pub fn of_pictures(tools: &'a Tools, pictures: Slides, request: &VideoRequest) -> Self {
        let probe = pictures.probe();
        let size = (probe.video.width, probe.video.height);
        let part = request.part.clone();
        Self { tools, probe, size, sample_aspect: None, part, source: Source::Pictures(pictures) }
    }

    /// The file, if it is one that may hold more than frames.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.source {
            Source::File(decode) => Some(&decode.path),
            Source::Pictures(_) => None,
        }
    }

    /// The pixel format to which a result's should be near: the video's own, but of pictures one that most players show.
    pub(super) fn like(&self) -> &'static Format {
        let Format { bits, alpha, .. } = *self.probe.video.format;
        let shown = || Format::planar(Model::Yuv, if bits > 8 { 10 } else { 8 }, [1, 1], alpha);
        match &self.source {
            Source::File(_) => self.probe.video.format,
            Source::Pictures(_) => shown().unwrap_or(self.probe.video.format),
        }
    }

    /// How a frame looks as a picture.
    pub fn header(&self) -> Header {
        let Format { model, bits, alpha, .. } = *self.probe.video.format;
        let channels = Channels::of(if model == Model::Grey { 1 } else { 3 }, alpha);
        let depth = if bits > 8 { Depth::U16 } else { Depth::U8 };
        Header::new(self.size.0, self.size.1, channels, depth)
    }

    /// What the samples of its frames mean; where the file does not say it, as it is usual.
    pub fn colour(&self) -> Colour {
        let video = &self.probe.video;
        video.colour.resolved(video.format, self.size.0, self.size.1)
    }

    /// What people may not expect of the video.
    pub fn remarks(&self, request: &VideoRequest) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.probe.video.interlaced && !request.deinterlace {
            remarks.push(
                "the video is interlaced, and networks take its fields for one picture; --deinterlace makes frames of them"
                    .into(),
            );
        }
        let videos = self.probe.streams.iter().filter(|s| s.kind == Kind::Video);
        let covers = videos.clone().filter(|stream| stream.is_cover()).count();
        if videos.count() > covers + 1 {
            remarks.push("only the first of several videos is made larger".into());
        }
        let main = &self.probe.streams[self.probe.main];
        if main.is_transparent() && !self.probe.video.format.alpha {
            remarks.push(format!("this ffmpeg does not decode the transparency of {}", main.codec));
        }
        remarks
    }

    /// The number of frames, as far as it is known.
    pub fn count(&self) -> Option<u64> {
        let rate = self.probe.video.rate.value();
        let all = self.probe.video.frames?;
        let count = |seconds: f64| ((seconds * rate).round() as u64).min(all);
        let (first, end) = (self.part.start.map_or(0, count), self.part.end.map_or(all, count));
        let inside = end.saturating_sub(first);
        Some(self.part.frames.as_ref().map_or(inside, |r| r.end.min(inside).saturating_sub(r.start)))
    }

    /// How a video ends whose last frame is shown at this time, where it is known.
    pub(super) fn ending(&self, pts: i64) -> Option<Ending> {
        match &self.source {
            // Where a part of it ends is not told.
            Source::File(_) if self.part.end.is_some() || self.part.frames.is_some() => None,
            Source::File(decode) => decode.video.ending(pts),
            Source::Pictures(pictures) => pictures.ending(pts),
        }
    }

    /// The frames after a mark, or from the beginning on.
    ///
    /// # Errors
    /// If they cannot be decoded, or the frame of the mark is not there.
    pub fn frames(&self, after: Option<&Mark>) -> Result<Frames<'_>> {
        let (frames, repeated): Frames = match (&self.source, after, self.part.start) {
            (Source::Pictures(pictures), None, Some(start)) => {
                (pictures.starting(self.ticks(start))?, Repeated::default())
            }
            (Source::Pictures(pictures), after, _) => (pictures.after(after)?, Repeated::default()),
            (Source::File(decode), None, Some(start)) => {
                self.checked(Decoder::starting(self.tools, decode, self.ticks(start))?)?
            }
            (Source::File(decode), after, _) => self.checked(Decoder::new(self.tools, decode, after)?)?,
        };
        let until = self.part.end.map_or(i64::MAX, |end| self.ticks(end));
        let inside =
            move |frame: &amplio_media::Result<Frame>| frame.as_ref().map_or(true, |f| f.pts < until);
        let range = self.part.frames.clone().unwrap_or(0..u64::MAX);
        let (before, skipped) = match after {
            Some(mark) => (mark.frames, 0),
            None => (0, range.start),
        };
        let most = (range.end - range.start).saturating_sub(before);
        let frames = frames.take_while(inside).skip(clamped(skipped)).take(clamped(most));
        Ok((Box::new(frames), repeated))
    }

    /// The frames from the first one of the part on, or from the middle of the whole.
    pub(super) fn sample(&self) -> Result<Option<Frame>> {
        let middle = self.part.is_all().then(|| self.probe.duration.unwrap_or(0.0) / 2.0);
        let skipped = clamped(self.part.frames.as_ref().map_or(0, |range| range.start));
        let pts = self.ticks(middle.or(self.part.start).unwrap_or(0.0));
        Ok(match &self.source {
            Source::File(decode) => Decoder::starting(self.tools, decode, pts)?.nth(skipped),
            Source::Pictures(pictures) => pictures.starting(pts)?.nth(skipped),
        }
        .transpose()?)
    }

    /// Decodes everything once: the number of frames, and the places behind all segments of so many but the last. `stop` says
    /// whether to stop.
    ///
    /// # Errors
    /// If it cannot be decoded, or is to be stopped.
    pub fn scan(&self, length: u64, stop: &dyn Fn() -> bool) -> Result<(u64, Vec<Mark>)> {
        let (source, _) = self.frames(None)?;
        let (mut frames, mut last, mut marks) = (0, None, Vec::new());
        for frame in source {
            if stop() {
                return Err(Error::Stopped);
            }
            marks.extend(last.take());
            let frame = frame?;
            frames += 1;
            if frames % length == 0 {
                last = Some(Mark { frames, pts: frame.pts, digest: Mark::digest(&frame) });
            }
        }
        if frames == 0 {
            return Err(Error::request("there is no frame in this part of the video"));
        }
        Ok((frames, marks))
    }

    /// Seconds after the beginning as a time.
    fn ticks(&self, seconds: f64) -> i64 {
        let video = &self.probe.video;
        video.start.unwrap_or(0) + video.time_base.ticks(seconds)
    }

    fn checked(&self, decoder: Decoder) -> Result<Frames<'static>> {
        if decoder.size() != self.size {
            let (size, said) = (decoder.size(), self.size);
            return Err(Error::request(format!("frames are {size:?} pixels, and not {said:?} as was said")));
        }
        let repeated = decoder.repeated();
        Ok((Box::new(decoder), repeated))
    }
}
