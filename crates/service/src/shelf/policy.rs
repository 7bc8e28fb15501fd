//! How small things are stored.

use crate::settings::Settings;

/// What is stored meets all of these, but its shorter side is never made smaller than `least`. A bound of 0 is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    side: u32,
    pixels: u64,
    bytes: u64,
    least: u32,
}

impl Policy {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            side: settings.media_side,
            pixels: settings.media_pixels,
            bytes: settings.media_bytes,
            least: settings.media_least,
        }
    }

    /// The size in which something of this size is stored; its shape is kept.
    pub(crate) fn size(&self, sent: (u32, u32)) -> (u32, u32) {
        let (width, height) = (f64::from(sent.0), f64::from(sent.1));
        let bound = |most: f64, scale: f64| if most > 0.0 { scale } else { 1.0 };
        let by_side = bound(self.side.into(), f64::from(self.side) / width.max(height));
        let by_pixels = bound(self.pixels as f64, (self.pixels as f64 / (width * height)).sqrt());
        self.scaled(sent, by_side.min(by_pixels))
    }

    /// The size that is tried next if this one gave so many bytes; `None` if it is good, or as small as it may be.
    pub(crate) fn smaller(&self, sent: (u32, u32), tried: (u32, u32), bytes: u64) -> Option<(u32, u32)> {
        if self.bytes == 0 || bytes <= self.bytes {
            return None;
        }
        let scale = f64::from(tried.0) / f64::from(sent.0);
        // A little less than in proportion: small pictures need more bytes for each pixel.
        let next = self.scaled(sent, scale * 0.95 * (self.bytes as f64 / bytes as f64).sqrt());
        (next.0 < tried.0 || next.1 < tried.1).then_some(next)
    }

    fn scaled(&self, (width, height): (u32, u32), scale: f64) -> (u32, u32) {
        let least = f64::from(self.least) / f64::from(width.min(height));
        let scale = scale.max(least).min(1.0);
        let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        (side(width), side(height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bounds_hold_and_the_shape_is_kept() {
        let policy = |side, pixels, bytes, least| Policy { side, pixels, bytes, least };
        assert_eq!(policy(512, 0, 0, 64).size((1024, 768)), (512, 384));
        assert_eq!(policy(0, 10_000, 0, 1).size((400, 100)), (200, 50));
        assert_eq!(policy(512, 0, 0, 64).size((300, 200)), (300, 200), "nothing is made larger");
        assert_eq!(policy(100, 0, 0, 64).size((1000, 100)), (640, 64), "never below the least");
        assert_eq!(policy(0, 0, 0, 64).size((20, 10)), (20, 10));
        let bytes = policy(512, 0, 1000, 50);
        assert_eq!(bytes.smaller((512, 256), (512, 256), 900), None);
        assert_eq!(bytes.smaller((512, 256), (512, 256), 4000), Some((243, 122)));
        assert_eq!(bytes.smaller((512, 256), (100, 50), 4000), None, "as small as it may be");
    }
}
