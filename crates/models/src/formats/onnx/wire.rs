//! The wire format of protocol buffers (<https://protobuf.dev/programming-guides/encoding/>): a message is a list of
//! fields, each a number and a value. Nothing is copied, and a length is checked before it is believed.
//!
//! Our own reader: ONNX needs four kinds of values and eight kinds of messages, and a general library would copy every
//! tensor, or want a compiler of its own to be built.

use super::malformed;
use crate::Result;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    /// A string, bytes, a message, or a packed list.
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field with its number; `None` after the last one.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.rest)?;
        let value = match key & 7 {
            0 => Field::Varint(varint(&mut self.rest)?),
            1 => Field::Fixed64(self.chunk()?),
            2 => {
                let length = usize::try_from(varint(&mut self.rest)?).map_err(|_| short())?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(short)?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(self.chunk()?),
            kind => return Err(malformed(format!("a field of the unknown kind {kind}"))),
        };
        Ok(Some((key >> 3, value)))
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or_else(short)?;
        self.rest = rest;
        Ok(*chunk)
    }
}

impl<'a> Field<'a> {
    /// The bytes of a message, a string or a list.
    pub(super) fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(malformed("a number where a message or a string should be")),
        }
    }

    pub(super) fn text(self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| malformed("a name that is no text"))
    }

    pub(super) fn int(self) -> Result<i64> {
        match self {
            Self::Varint(value) => Ok(value as i64),
            _ => Err(malformed("something else where a whole number should be")),
        }
    }

    pub(super) fn float(self) -> Result<f32> {
        match self {
            Self::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(malformed("something else where a number should be")),
        }
    }

    /// Adds the whole numbers of a list, which lies packed or as one field for each, to `list`.
    pub(super) fn ints(self, list: &mut Vec<i64>) -> Result<()> {
        match self {
            Self::Varint(value) => list.push(value as i64),
            Self::Bytes(mut bytes) => {
                while !bytes.is_empty() {
                    list.push(varint(&mut bytes)? as i64);
                }
            }
            _ => return Err(malformed("something else where whole numbers should be")),
        }
        Ok(())
    }

    /// Adds the numbers of a list to `list`.
    pub(super) fn floats(self, list: &mut Vec<f32>) -> Result<()> {
        match self {
            Self::Fixed32(bytes) => list.push(f32::from_le_bytes(bytes)),
            Self::Bytes(bytes) => {
                let (chunks, []) = bytes.as_chunks() else { return Err(short()) };
                list.extend(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)));
            }
            _ => return Err(malformed("something else where numbers should be")),
        }
        Ok(())
    }

    /// Adds the double-precision numbers of a list to `list`.
    pub(super) fn doubles(self, list: &mut Vec<f64>) -> Result<()> {
        match self {
            Self::Fixed64(bytes) => list.push(f64::from_le_bytes(bytes)),
            Self::Bytes(bytes) => {
                let (chunks, []) = bytes.as_chunks() else { return Err(short()) };
                list.extend(chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)));
            }
            _ => return Err(malformed("something else where numbers should be")),
        }
        Ok(())
    }
}

/// Seven bits in each byte, the lowest first; the highest bit says whether more follow.
fn varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for (i, byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            *rest = &rest[i + 1..];
            return Ok(value);
        }
    }
    if rest.len() < 10 { Err(short()) } else { Err(malformed("a whole number of more than ten bytes")) }
}

fn short() -> crate::Error {
    malformed("it is cut off, or a length in it is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_all_kinds() {
        let bytes =
            [0x08, 0x96, 0x01, 0x12, 2, b'o', b'k', 0x1d, 0, 0, 128, 63, 0x21, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut fields = Fields::new(&bytes);
        assert_eq!(fields.next().ok(), Some(Some((1, Field::Varint(150)))));
        assert_eq!(fields.next().ok(), Some(Some((2, Field::Bytes(b"ok")))));
        assert_eq!(fields.next().ok(), Some(Some((3, Field::Fixed32([0, 0, 128, 63])))));
        assert_eq!(fields.next().ok(), Some(Some((4, Field::Fixed64([0; 8])))));
        assert_eq!(fields.next().ok(), Some(None));
    }

    #[test]
    fn negative_numbers_and_lists() {
        let mut bytes = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1][..];
        assert_eq!(varint(&mut bytes).ok(), Some(u64::MAX));
        let mut list = Vec::new();
        Field::Bytes(&[3, 0x96, 0x01]).ints(&mut list).expect("packed");
        Field::Varint(7).ints(&mut list).expect("one");
        assert_eq!(list, [3, 150, 7]);
    }

    #[test]
    fn unsound_bytes_are_refused() {
        for bytes in [&[0x80][..], &[0x0a, 5, 1], &[0x0d, 1, 2], &[0x0b], &[0x08; 1], &[0xff; 12]] {
            assert!(Fields::new(bytes).next().is_err(), "{bytes:?}");
        }
    }
}
