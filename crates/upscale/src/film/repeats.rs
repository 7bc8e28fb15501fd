use std::sync::Arc;

use amplio_media::videos::Frame;

use crate::{Error, Result};

/// Which frames are not computed, as the result of the one before is used again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Dedup {
    /// None: every frame is computed.
    Off,
    /// Those that equal their predecessor in every sample. The film is the same as if they were computed.
    #[default]
    Exact,
    /// Those that differ from the last frame that was computed by at most so much where they differ most, in levels of 8 bits
    /// ([`Frame::difference`]). What changes little by little is computed as soon as it adds up to more.
    Near(f64),
}

/// What is to be done for a frame.
pub(super) enum Step {
    /// It is to be computed.
    New(Arc<Frame>),
    /// The last result is shown again, at this time.
    Again(i64),
}

/// The steps for the frames of a film.
pub(super) struct Steps<I> {
    frames: I,
    dedup: Dedup,
    /// The last frame that is to be computed.
    last: Option<Arc<Frame>>,
}

impl<I> Steps<I> {
    pub(super) fn new(frames: I, dedup: Dedup) -> Self {
        Self { frames, dedup, last: None }
    }

    fn step(&mut self, frame: Frame) -> Result<Step> {
        if let Some(last) = &self.last {
            check(last, &frame)?;
            let again = match self.dedup {
                Dedup::Off => false,
                Dedup::Exact => last.same_picture(&frame),
                Dedup::Near(most) => last.difference(&frame) <= most,
            };
            if again {
                return Ok(Step::Again(frame.pts));
            }
        }
        let frame = Arc::new(frame);
        self.last = Some(frame.clone());
        Ok(Step::New(frame))
    }
}

impl<I: Iterator<Item = Result<Frame>>> Iterator for Steps<I> {
    type Item = Result<Step>;

    fn next(&mut self) -> Option<Result<Step>> {
        let frame = self.frames.next()?;
        Some(frame.and_then(|frame| self.step(frame)))
    }
}

/// All frames of a film have one shape.
fn check(first: &Frame, frame: &Frame) -> Result<()> {
    let shape = |frame: &Frame| format!("{}x{} {}", frame.width, frame.height, frame.format.name);
    let (was, is) = (shape(first), shape(frame));
    if was == is {
        return Ok(());
    }
    Err(Error::request(format!("the frames change from {was} to {is}, which one film cannot hold")))
}
