use super::Format;
use crate::{Error, Result};

/// One frame of a video, as raw video has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// How the samples lie.
    pub format: &'static Format,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// The planes, one after the other, without padding: [`Format::frame_bytes`] bytes.
    pub data: Vec<u8>,
    /// When the frame is shown, in the time base of its stream.
    pub pts: i64,
}

impl Frame {
    /// A frame from its samples.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] if a side is 0 or the number of bytes is not the format's.
    pub fn new(format: &'static Format, width: u32, height: u32, data: Vec<u8>, pts: i64) -> Result<Self> {
        let expected = format.frame_bytes(width, height);
        if expected == 0 || data.len() as u64 != expected {
            return Err(Error::misuse(format!(
                "a {} frame of {width}x{height} pixels has {expected} bytes, not {}",
                format.name,
                data.len()
            )));
        }
        Ok(Frame { format, width, height, data, pts })
    }

    /// Whether another frame shows the same samples, whatever its time.
    pub fn same_picture(&self, other: &Frame) -> bool {
        let shape = |frame: &Frame| (frame.format.name, frame.width, frame.height);
        shape(self) == shape(other) && self.data == other.data
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} {}x{} at {})", self.format.name, self.width, self.height, self.pts)
    }
}
