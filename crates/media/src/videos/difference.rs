use super::Frame;

/// Samples on a side of the blocks in which frames are compared.
const BLOCK: usize = 16;

impl Frame {
    /// How much another frame of the same shape differs where it differs most: the largest mean absolute difference among
    /// blocks of 16 rows of 16 samples in each plane, in levels of 8 bits. A mean over the whole frame would overlook a
    /// cursor that moves. Frames of different shapes differ by infinity.
    pub fn difference(&self, other: &Frame) -> f64 {
        let shape = |frame: &Frame| (frame.format.name, frame.width, frame.height, frame.data.len());
        if shape(self) != shape(other) {
            return f64::INFINITY;
        }
        let (format, bytes) = (self.format, self.format.sample_bytes());
        let (mut start, mut largest) = (0, 0.0);
        for plane in 0..format.planes() {
            let (row, rows) = format.plane_size(plane, self.width, self.height);
            let stride = row as usize * bytes;
            let size = stride * rows as usize;
            let planes = [self, other].map(|frame| &frame.data[start..start + size]);
            largest = f64::max(largest, most(planes, stride, bytes));
            start += size;
        }
        largest / f64::from(1_u32 << (format.bits + format.shift - 8))
    }
}

/// The largest mean absolute difference of the blocks of two planes, in codes.
fn most([a, b]: [&[u8]; 2], stride: usize, bytes: usize) -> f64 {
    let mut largest = 0.0;
    let mut sums = vec![0_u64; stride.div_ceil(BLOCK * bytes)];
    for (a, b) in a.chunks(stride * BLOCK).zip(b.chunks(stride * BLOCK)) {
        if a == b {
            continue;
        }
        sums.fill(0);
        for (a, b) in a.chunks_exact(stride).zip(b.chunks_exact(stride)) {
            let blocks = a.chunks(BLOCK * bytes).zip(b.chunks(BLOCK * bytes));
            sums.iter_mut().zip(blocks).for_each(|(sum, (a, b))| *sum += distance(a, b, bytes));
        }
        let rows = a.len() / stride;
        for (i, sum) in sums.iter().enumerate() {
            let columns = (stride / bytes - i * BLOCK).min(BLOCK);
            largest = f64::max(largest, *sum as f64 / (rows * columns) as f64);
        }
    }
    largest
}

/// The sum of absolute differences of samples of one byte, or of two.
fn distance(a: &[u8], b: &[u8], bytes: usize) -> u64 {
    if bytes == 1 {
        return a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    }
    let words = a.chunks_exact(2).zip(b.chunks_exact(2));
    let word = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
    words.map(|(a, b)| u64::from(word(a).abs_diff(word(b)))).sum()
}

#[cfg(test)]
mod tests {
    use crate::videos::{Format, Frame};

    fn grey(name: &str, width: u32, height: u32) -> Frame {
        let format = Format::by_name(name).unwrap();
        Frame::new(format, width, height, vec![7; format.frame_bytes(width, height) as usize], 0).unwrap()
    }

    #[test]
    fn the_block_that_differs_most_counts() {
        let frame = grey("yuv420p", 40, 20);
        assert_eq!(frame.difference(&frame), 0.0);
        let mut other = frame.clone();
        // The last block of luma has 8 columns and 4 rows.
        other.data[19 * 40 + 39] += 64;
        assert_eq!(frame.difference(&other), 2.0);
        assert!(!frame.same_picture(&other));
        other.data[20 * 40 + 20 * 10 + 5] += 200;
        assert_eq!(other.difference(&frame), 2.0);
    }

    #[test]
    fn words_count_in_levels_of_8_bits() {
        for name in ["yuv420p10le", "p010le", "gray16le"] {
            let frame = grey(name, 16, 16);
            let mut other = frame.clone();
            other.data[1] += 2;
            let codes = f64::from(1 << (frame.format.bits + frame.format.shift - 8));
            assert_eq!(frame.difference(&other), 512.0 / 256.0 / codes, "{name}");
        }
        assert_eq!(grey("gray", 4, 4).difference(&grey("gray", 4, 5)), f64::INFINITY);
    }
}
