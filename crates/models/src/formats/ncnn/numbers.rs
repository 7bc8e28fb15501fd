//! The numbers of a network's layers, one after the other in the order of the layers.

use half::f16;

use super::malformed;
use crate::{DType, Error, Limits, Result};

/// How the numbers after a flag are stored.
const HALF: u32 = 0x0130_6B47;
const INT8: u32 = 0x000D_4B38;
const SINGLE: [u32; 2] = [0, 0x0002_C056];

/// Reads a `.bin` file from its beginning to its end.
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    rest: &'a [u8],
    left: usize,
    limits: &'a Limits,
    halves: usize,
    singles: usize,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(bytes: &'a [u8], limits: &'a Limits) -> Self {
        Self { rest: bytes, left: limits.elements, limits, halves: 0, singles: 0 }
    }

    /// The next numbers, which a flag precedes that says how they are stored.
    pub(super) fn flagged(&mut self, count: usize) -> Result<Vec<f32>> {
        self.spend(count)?;
        match u32::from_le_bytes(self.chunk()?) {
            HALF => {
                self.halves += count;
                let bytes = self.padded(count, 2)?;
                Ok(bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect())
            }
            flag if SINGLE.contains(&flag) => self.singles(count),
            INT8 => Err(Error::unsupported("int8 weights; f32 and f16 are")),
            _ => self.looked_up(count),
        }
    }

    /// The next numbers, which are stored as `f32`.
    pub(super) fn plain(&mut self, count: usize) -> Result<Vec<f32>> {
        self.spend(count)?;
        self.singles(count)
    }

    /// How most of the numbers were stored.
    pub(super) fn dtype(&self) -> DType {
        if self.halves > self.singles { DType::F16 } else { DType::F32 }
    }

    /// Complains if numbers are left over.
    pub(super) fn finish(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(malformed(format!("{left} bytes of numbers follow those of the last layer"))),
        }
    }

    fn singles(&mut self, count: usize) -> Result<Vec<f32>> {
        self.singles += count;
        let bytes = self.padded(count, 4)?;
        Ok(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    /// A table of 256 numbers, then a byte for each number that says which of them it is.
    fn looked_up(&mut self, count: usize) -> Result<Vec<f32>> {
        let table = self.singles(256)?;
        let bytes = self.padded(count, 1)?;
        bytes
            .iter()
            .map(|&b| table.get(usize::from(b)).copied().ok_or_else(|| malformed("a short table")))
            .collect()
    }

    fn spend(&mut self, count: usize) -> Result<()> {
        let left = self.left.checked_sub(count);
        self.left = left.ok_or_else(|| Error::limit("numbers of all layers", self.limits.elements))?;
        Ok(())
    }

    fn chunk(&mut self) -> Result<[u8; 4]> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or_else(short)?;
        self.rest = rest;
        Ok(*chunk)
    }

    /// The bytes of `count` numbers of `size` bytes, after which the file is padded to four bytes.
    fn padded(&mut self, count: usize, size: usize) -> Result<&'a [u8]> {
        let bytes = count.checked_mul(size).ok_or_else(short)?;
        let (chunk, rest) = self.rest.split_at_checked(bytes.next_multiple_of(4)).ok_or_else(short)?;
        self.rest = rest;
        Ok(&chunk[..bytes])
    }
}

fn short() -> Error {
    malformed("the file of numbers is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_of_storing() {
        let half = |v: f32| f16::from_f32(v).to_le_bytes();
        let mut file = Vec::new();
        file.extend(HALF.to_le_bytes());
        file.extend([half(1.0), half(-2.0), half(0.5), [0, 0]].concat());
        file.extend([[0; 4], 3.5_f32.to_le_bytes(), 4.5_f32.to_le_bytes()].concat());
        file.extend(1_u32.to_le_bytes());
        file.extend((0..256).flat_map(|i| (i as f32).to_le_bytes()));
        file.extend([7, 255, 0, 0]);
        let limits = Limits::default();
        let mut numbers = Numbers::new(&file, &limits);
        assert_eq!(numbers.flagged(3).expect("half"), [1.0, -2.0, 0.5]);
        assert_eq!(numbers.flagged(1).expect("single"), [3.5]);
        assert!(numbers.finish().is_err());
        assert_eq!(numbers.plain(1).expect("plain"), [4.5]);
        assert_eq!(numbers.flagged(2).expect("table"), [7.0, 255.0]);
        numbers.finish().expect("all read");
        assert!(numbers.plain(1).is_err());
    }

    #[test]
    fn int8_is_named() {
        let limits = Limits::default();
        let error = Numbers::new(&INT8.to_le_bytes(), &limits).flagged(1).expect_err("int8").to_string();
        assert!(error.contains("int8"), "{error}");
    }
}
