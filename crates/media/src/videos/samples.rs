//! Rows of one component of a frame as numbers, and of one channel of a picture.

use super::Format;
use crate::convert::rounded;

/// Where the rows of a component lie in a frame's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// Samples in a row of the component, and rows.
    pub(super) size: [usize; 2],
    start: usize,
    /// Bytes of a row of the plane.
    stride: usize,
    step: usize,
    shift: u32,
    wide: bool,
}

impl Rows {
    /// The rows of a component of a frame of this size.
    pub(super) fn new(format: &Format, component: usize, width: u32, height: u32) -> Self {
        let place = format.components()[component];
        let bytes = format.sample_bytes();
        let plane = |plane| format.plane_size(plane, width, height);
        let before: u64 = (0..place.plane).map(plane).map(|(row, rows)| row * rows).sum();
        let (across, down) = format.component_size(component, width, height);
        Rows {
            size: [across as usize, down as usize],
            start: (before as usize + place.offset) * bytes,
            stride: plane(place.plane).0 as usize * bytes,
            step: place.step,
            shift: format.shift,
            wide: bytes == 2,
        }
    }

    /// The codes of a row.
    pub(super) fn read(&self, data: &[u8], row: usize, codes: &mut [f32]) {
        let bytes = &data[self.start + row * self.stride..];
        match (self.wide, self.step) {
            (false, 1) => codes.iter_mut().zip(bytes).for_each(|(code, &v)| *code = f32::from(v)),
            (false, step) => {
                codes.iter_mut().zip(bytes.iter().step_by(step)).for_each(|(code, &v)| *code = f32::from(v));
            }
            (true, 1) => {
                let (words, _) = bytes.as_chunks::<2>();
                codes.iter_mut().zip(words).for_each(|(code, word)| *code = self.code(word));
            }
            (true, step) => {
                let (words, _) = bytes.as_chunks::<2>();
                codes
                    .iter_mut()
                    .zip(words.iter().step_by(step))
                    .for_each(|(code, word)| *code = self.code(word));
            }
        }
    }

    /// Writes a row; codes are rounded, and those beyond `max` become the nearest that there are.
    pub(super) fn write(&self, data: &mut [u8], row: usize, codes: &[f32], max: f32) {
        let bytes = &mut data[self.start + row * self.stride..];
        match (self.wide, self.step) {
            (false, 1) => bytes.iter_mut().zip(codes).for_each(|(v, code)| *v = rounded(*code, max) as u8),
            (false, step) => {
                bytes
                    .iter_mut()
                    .step_by(step)
                    .zip(codes)
                    .for_each(|(v, code)| *v = rounded(*code, max) as u8);
            }
            (true, 1) => {
                let (words, _) = bytes.as_chunks_mut::<2>();
                words.iter_mut().zip(codes).for_each(|(word, code)| *word = self.word(*code, max));
            }
            (true, step) => {
                let (words, _) = bytes.as_chunks_mut::<2>();
                words
                    .iter_mut()
                    .step_by(step)
                    .zip(codes)
                    .for_each(|(word, code)| *word = self.word(*code, max));
            }
        }
    }

    fn code(&self, word: &[u8; 2]) -> f32 {
        f32::from(u16::from_le_bytes(*word) >> self.shift)
    }

    fn word(&self, code: f32, max: f32) -> [u8; 2] {
        (rounded(code, max) << self.shift).to_le_bytes()
    }
}

/// A sample of a picture of integers.
pub(super) trait Sample: Copy + Default {
    /// White.
    const WHITE: f32;
    /// As a number.
    fn value(self) -> f32;
    /// The nearest sample.
    fn nearest(value: f32) -> Self;
}

impl Sample for u8 {
    const WHITE: f32 = 255.0;
    fn value(self) -> f32 {
        f32::from(self)
    }
    fn nearest(value: f32) -> u8 {
        rounded(value, 255.0) as u8
    }
}

impl Sample for u16 {
    const WHITE: f32 = 65535.0;
    fn value(self) -> f32 {
        f32::from(self)
    }
    fn nearest(value: f32) -> u16 {
        rounded(value, 65535.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;
    use crate::videos::FORMATS;

    #[test]
    fn components_lie_apart_and_inside_of_the_frame() {
        for format in FORMATS {
            for (width, height) in [(1, 1), (7, 5), (8, 4)] {
                let mut data = vec![0; format.frame_bytes(width, height) as usize];
                let rows: Vec<Rows> =
                    (0..format.components().len()).map(|c| Rows::new(format, c, width, height)).collect();
                let code = |c: usize, x: usize, y: usize| ((c * 83 + x * 7 + y * 31) % 251 + 1) as f32;
                let max = ((1_u32 << format.bits) - 1) as f32;
                for (c, rows) in rows.iter().enumerate() {
                    for y in 0..rows.size[1] {
                        let codes: Vec<f32> = (0..rows.size[0]).map(|x| code(c, x, y)).collect();
                        rows.write(&mut data, y, &codes, max);
                    }
                }
                for (c, rows) in rows.iter().enumerate() {
                    for y in 0..rows.size[1] {
                        let mut codes = vec![0.0; rows.size[0]];
                        rows.read(&data, y, &mut codes);
                        assert!(
                            codes.iter().enumerate().all(|(x, v)| *v == code(c, x, y)),
                            "{}",
                            format.name
                        );
                    }
                }
            }
        }
    }
}
