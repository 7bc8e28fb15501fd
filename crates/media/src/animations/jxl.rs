//! Animated JPEG XL: reads frames as the decoder library lays them together.

use jxl_oxide::JxlImage;

use super::{Animated, Delay, Frame, Limits, Loops, Opened, check};
use crate::images::jxl::{self, frame, load, metadata, shape};
use crate::orientation::Orientation;
use crate::{Header, Result};

pub(super) static ANIMATED: Animated = Animated { format: &jxl::FORMAT, open, write: None };

fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<Opened<'a>>> {
    let image = load(bytes, &limits.picture)?;
    let Some(animation) = &image.image_header().metadata.animation else { return Ok(None) };
    let (numerator, denominator) = (animation.tps_numerator.max(1), animation.tps_denominator.max(1));
    let loops = if animation.num_loops == 0 { Loops::Forever } else { Loops::Times(animation.num_loops) };
    let frames = u32::try_from(image.num_loaded_keyframes()).unwrap_or(u32::MAX);
    if frames < 2 {
        return Ok(None);
    }
    let header = shape(&image)?;
    check(limits, &header, frames)?;
    let cut = !image.is_loading_done();
    let mut metadata = metadata(&image);
    // The decoder has turned the pixels already; the tags have to follow.
    metadata.turned(Orientation::Upright);
    let source = Frames { image, header, frames, next: 0, tick: (denominator, numerator) };
    Ok(Some(Opened { header, frames, loops, metadata, cut, source: Box::new(source) }))
}

struct Frames {
    image: JxlImage,
    header: Header,
    frames: u32,
    next: u32,
    /// The seconds of a tick, as a fraction.
    tick: (u32, u32),
}

impl Iterator for Frames {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        if self.next == self.frames {
            return None;
        }
        let number = self.next as usize;
        self.next += 1;
        let ticks = self.image.frame_header(number).map_or(0, |header| header.duration);
        let delay = seconds(ticks, self.tick);
        Some(frame(&self.image, number, &self.header).map(|samples| Frame { samples, delay }))
    }
}

/// So many ticks, exactly where the numbers allow it.
fn seconds(ticks: u32, (numerator, denominator): (u32, u32)) -> Delay {
    match ticks.checked_mul(numerator) {
        Some(numerator) => Delay::new(numerator, denominator),
        None => {
            Delay::new((f64::from(ticks) * f64::from(numerator) / f64::from(denominator)).round() as u32, 1)
        }
    }
}
