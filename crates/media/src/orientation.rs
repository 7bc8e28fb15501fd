//! The eight ways in which a camera can be held, and turning pixels upright.

use crate::{Header, Samples};

/// EXIF orientation: where row 0 and column 0 of the stored samples belong in the upright picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Orientation {
    #[default]
    Upright,
    MirroredLeftRight,
    Turned180,
    MirroredTopBottom,
    Transposed,
    Turned90,
    AntiTransposed,
    Turned270,
}

impl Orientation {
    /// From the EXIF or TIFF value 1 to 8; `None` for other values.
    pub(crate) fn from_exif(value: u32) -> Option<Self> {
        Some(match value {
            1 => Orientation::Upright,
            2 => Orientation::MirroredLeftRight,
            3 => Orientation::Turned180,
            4 => Orientation::MirroredTopBottom,
            5 => Orientation::Transposed,
            6 => Orientation::Turned90,
            7 => Orientation::AntiTransposed,
            8 => Orientation::Turned270,
            _ => return None,
        })
    }

    /// Whether rows become columns.
    pub(crate) fn swaps_axes(self) -> bool {
        matches!(
            self,
            Orientation::Transposed
                | Orientation::Turned90
                | Orientation::AntiTransposed
                | Orientation::Turned270
        )
    }

    /// The shape of the upright picture.
    pub(crate) fn upright(self, header: Header) -> Header {
        if !self.swaps_axes() {
            return header;
        }
        Header { width: header.height, height: header.width, ..header }
    }

    /// Turns stored samples upright; `header` is the shape as stored.
    pub(crate) fn apply(self, samples: Samples, header: Header) -> Samples {
        if self == Orientation::Upright {
            return samples;
        }
        match samples {
            Samples::U8(v) => Samples::U8(self.turn(&v, header)),
            Samples::U16(v) => Samples::U16(self.turn(&v, header)),
            Samples::F32(v) => Samples::F32(self.turn(&v, header)),
        }
    }

    fn turn<T: Copy>(self, stored: &[T], header: Header) -> Vec<T> {
        let (w, h, n) = (header.width as usize, header.height as usize, header.channels.count());
        let upright = self.upright(header);
        let mut out = Vec::with_capacity(stored.len());
        for y in 0..upright.height as usize {
            for x in 0..upright.width as usize {
                let (sx, sy) = match self {
                    Orientation::Upright => (x, y),
                    Orientation::MirroredLeftRight => (w - 1 - x, y),
                    Orientation::Turned180 => (w - 1 - x, h - 1 - y),
                    Orientation::MirroredTopBottom => (x, h - 1 - y),
                    Orientation::Transposed => (y, x),
                    Orientation::Turned90 => (y, h - 1 - x),
                    Orientation::AntiTransposed => (w - 1 - y, h - 1 - x),
                    Orientation::Turned270 => (w - 1 - y, x),
                };
                let at = (sy * w + sx) * n;
                out.extend_from_slice(&stored[at..at + n]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Orientation;
    use crate::{Channels, Depth, Header, Samples};

    /// Page 36 of the TIFF 6.0 specification: which corner the first stored row and column belong to.
    #[test]
    fn all_eight() {
        let header = Header::new(2, 3, Channels::Grey, Depth::U8);
        let expected: [(u32, [u8; 6]); 8] = [
            (1, [1, 2, 3, 4, 5, 6]),
            (2, [2, 1, 4, 3, 6, 5]),
            (3, [6, 5, 4, 3, 2, 1]),
            (4, [5, 6, 3, 4, 1, 2]),
            (5, [1, 3, 5, 2, 4, 6]),
            (6, [5, 3, 1, 6, 4, 2]),
            (7, [6, 4, 2, 5, 3, 1]),
            (8, [2, 4, 6, 1, 3, 5]),
        ];
        for (value, upright) in expected {
            let orientation = Orientation::from_exif(value).unwrap();
            let got = orientation.apply(Samples::U8(vec![1, 2, 3, 4, 5, 6]), header);
            assert_eq!(got, Samples::U8(upright.to_vec()), "{value}");
        }
    }
}
