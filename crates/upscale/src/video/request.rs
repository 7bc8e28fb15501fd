//! What is asked for with a video, and how far it has come.

use std::ops::{ControlFlow, Range};

use amplio_media::Header;
use amplio_media::videos::{Colour, Format, OnError, Wish};

use crate::film::{Dedup, Film, FilmProgress};
use crate::{Request, Upscaler};

/// How a video is to be made larger.
#[derive(Clone, Debug)]
pub struct VideoRequest {
    /// The size, as for a picture.
    pub request: Request,
    /// How results are encoded.
    pub wish: Wish,
    /// Which frames are not computed.
    pub dedup: Dedup,
    /// Which frames are made.
    pub part: Part,
    /// How many frames a segment has.
    pub length: u64,
    /// How many frames are worked on at the same time; if `None`, as many as keep the device busy and have room in memory
    /// ([`Request::side_by_side`]).
    pub lanes: Option<usize>,
    /// Whether frames stay on the device's threads from end to end ([`Film::alone`](crate::Film::alone)).
    pub alone: bool,
    /// A way of decoding in hardware, by ffmpeg's name.
    pub hwaccel: Option<String>,
    /// Whether frames are made of their fields.
    pub deinterlace: bool,
    /// What happens where a frame cannot be decoded.
    pub on_error: OnError,
}

impl Default for VideoRequest {
    /// All frames, at the model's scale: in segments of 120, as many at a time as are best, on the device's threads, equal ones once.
    fn default() -> Self {
        Self {
            request: Request::default(),
            wish: Wish::default(),
            dedup: Dedup::default(),
            part: Part::default(),
            length: 120,
            lanes: None,
            alone: true,
            hwaccel: None,
            deinterlace: false,
            on_error: OnError::Fail,
        }
    }
}

impl VideoRequest {
    /// What is done with frames that look like `frame` and become those of `format`, whose samples mean what these two say.
    pub(super) fn film<'a>(
        &self,
        upscaler: &'a Upscaler,
        frame: &Header,
        format: &'static Format,
        (read, write): (Colour, Colour),
    ) -> Film<'a> {
        let Self { request, dedup, alone, .. } = *self;
        let at_best = || upscaler.frames_at_a_time(frame, &Request { bits: Some(format.bits), ..request });
        let lanes = self.lanes.unwrap_or_else(at_best);
        Film { upscaler, request, read, format, write, lanes, alone, dedup }
    }
}

/// Which frames of a video.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Those from so many seconds after the beginning on.
    pub start: Option<f64>,
    /// Those before so many seconds after the beginning.
    pub end: Option<f64>,
    /// Of those, by number, the first being 0.
    pub frames: Option<Range<u64>>,
}

/// How far a video has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VideoProgress {
    /// Frames that are done, those of earlier runs included.
    pub done: u64,
    /// Those that were made in this run, with what is done of the frames in work.
    pub made: f64,
    /// Those of them that are the same as the frame before.
    pub repeated: u64,
}

/// Asked again and again, from several threads: what was reached, and whether to go on.
pub type VideoWatcher<'a> = &'a (dyn Fn(VideoProgress) -> ControlFlow<()> + Sync);

impl Part {
    /// Whether it is all frames.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

impl VideoProgress {
    /// After a film has come so far.
    pub(super) fn with(self, film: FilmProgress) -> Self {
        Self {
            done: self.done + film.frames,
            made: self.made + film.frames as f64 + film.begun,
            repeated: self.repeated + film.repeated,
        }
    }
}
