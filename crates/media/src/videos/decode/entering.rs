//! Decoding that begins somewhere: after a frame that is known, or at a time.

use std::sync::PoisonError;

use sha2::{Digest, Sha256};

use super::{Decode, Decoder};
use crate::videos::{Frame, Tools};
use crate::{Error, Result};

/// How long before a time the decoder begins to look for it, in seconds. A key frame is then before it, and the frame
/// itself hangs on nothing that is left out.
const LEAD: f64 = 2.0;

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

impl Mark {
    /// A digest of a frame's samples.
    pub fn digest(frame: &Frame) -> String {
        Sha256::digest(&frame.data).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Decode {
    /// The time before which there is nothing to look for, in seconds.
    fn earliest(&self) -> f64 {
        self.video.start.map_or(0.0, |start| self.video.time_base.seconds(start)).max(0.0)
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
    pub(super) fn hear(&mut self) {
        self.said = self.running.as_ref().map_or(0, |running| running.process.messages().count());
    }
}
