//! Numbers of variable length, read and written.

use super::NAME;
use crate::{Error, Result};

/// Numbers are at most so long; more would be stuffing.
const LONGEST: usize = 16;

/// Reads from the bytes of a header.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn u8(&mut self) -> Result<u8> {
        let (&first, rest) = self.0.split_first().ok_or_else(|| broken("a header is too short"))?;
        self.0 = rest;
        Ok(first)
    }

    /// An unsigned number.
    pub(super) fn v(&mut self) -> Result<u64> {
        number(|| self.u8())
    }

    /// An unsigned number that is to be small.
    pub(super) fn small(&mut self, what: &str, limit: u64) -> Result<u32> {
        let value = self.v()?;
        if value > limit.min(u32::MAX.into()) {
            return Err(broken(format!("{what} is {value}, more than {limit}")));
        }
        Ok(value as u32)
    }

    /// A signed number.
    pub(super) fn s(&mut self) -> Result<i64> {
        Ok(signed(self.v()?))
    }

    /// Bytes after their number.
    pub(super) fn vb(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.v()?).unwrap_or(usize::MAX);
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(|| broken("a header is too short"))?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// An unsigned number from bytes that are asked for one by one.
pub(super) fn number(mut next: impl FnMut() -> Result<u8>) -> Result<u64> {
    let mut value = 0_u64;
    for _ in 0..LONGEST {
        let byte = next()?;
        if value >> 57 != 0 {
            return Err(broken("a number of more than 64 bits"));
        }
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(broken("a number of more than 64 bits"))
}

/// The signed number that an unsigned one stands for: 0, 1, -1, 2, -2, …
pub(super) fn signed(value: u64) -> i64 {
    let half = (value >> 1) as i64;
    if value & 1 == 1 { half + 1 } else { -half }
}

/// Appends an unsigned number.
pub(super) fn put_v(to: &mut Vec<u8>, value: u64) {
    let length = (64 - value.leading_zeros()).div_ceil(7).max(1);
    for group in (0..length).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        to.push((value >> (7 * group)) as u8 & 0x7F | more);
    }
}

/// Appends bytes after their number.
pub(super) fn put_vb(to: &mut Vec<u8>, bytes: &[u8]) {
    put_v(to, bytes.len() as u64);
    to.extend(bytes);
}

pub(super) fn broken(what: impl ToString) -> Error {
    Error::malformed(NAME, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX] {
            let mut bytes = Vec::new();
            put_v(&mut bytes, value);
            let mut from = Bytes(&bytes);
            assert_eq!((from.v().unwrap(), from.0.len()), (value, 0));
        }
        assert_eq!([0, 1, 2, 3, 4].map(signed), [0, 1, -1, 2, -2]);
        assert!(Bytes(&[0xFF; 20]).v().is_err());
        assert!(Bytes(&[0x80]).v().is_err());
    }
}
