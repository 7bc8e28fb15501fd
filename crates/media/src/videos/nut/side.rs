//! What packets carry beside their data: of all that there may be, the picture of their transparency.

use super::bytes::{Bytes, put_v, put_vb};
use crate::Result;

/// What it is called: the first "block addition" of Matroska.
const ALPHA: &[u8] = b"CodecSpecificSide1";

/// ffmpeg writes the number of the addition before the bytes, too, and does not expect it there when it reads. No picture
/// begins so.
const NUMBER: [u8; 8] = 1_u64.to_be_bytes();

/// The most things that a packet carries.
const MOST: u64 = 1000;

/// The number -2, which stands for bytes of some type.
const BYTES: u64 = 4;

/// Reads both lists before a packet's data; what makes it transparent, empty if nothing does.
pub(super) fn read(from: &mut Bytes) -> Result<Vec<u8>> {
    let mut alpha = Vec::new();
    for _list in ["what decoders need", "what people may know"] {
        for _ in 0..from.small("the number of things beside a packet", MOST)? {
            let name = from.vb()?;
            match from.s()? {
                -1 => drop(from.vb()?),
                -2 => {
                    from.vb()?;
                    let bytes = from.vb()?;
                    if name == ALPHA {
                        alpha = bytes.strip_prefix(&NUMBER).unwrap_or(bytes).to_vec();
                    }
                }
                // Another number, a time, or a fraction below a number that is meant by this one.
                ..-2 => drop(from.v()?),
                _ => {}
            }
        }
    }
    Ok(alpha)
}

/// Both lists for a packet with this picture of its transparency.
pub(super) fn written(alpha: &[u8]) -> Vec<u8> {
    let mut lists = Vec::new();
    put_v(&mut lists, 1);
    put_vb(&mut lists, ALPHA);
    put_v(&mut lists, BYTES);
    put_vb(&mut lists, b"bin");
    put_vb(&mut lists, alpha);
    put_v(&mut lists, 0);
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_is_found_among_other_things() {
        let mut bytes = written(b"abc");
        bytes.push(7);
        let mut from = Bytes(&bytes);
        assert_eq!((read(&mut from).unwrap(), from.0), (b"abc".to_vec(), &[7][..]));

        let mut others = Vec::new();
        put_v(&mut others, 5);
        // Text, a number by itself, another number, a time, a fraction.
        for (kind, value) in
            [(2, Some(b"text".as_slice())), (7, None), (6, Some(b"")), (8, Some(b"")), (10, Some(b""))]
        {
            put_vb(&mut others, b"name");
            put_v(&mut others, kind);
            match (kind, value) {
                (2, Some(text)) => put_vb(&mut others, text),
                (_, Some(_)) => put_v(&mut others, 300),
                (_, None) => {}
            }
        }
        put_v(&mut others, 0);
        assert_eq!(read(&mut Bytes(&others)).unwrap(), b"");
        for end in 0..others.len() {
            assert!(read(&mut Bytes(&others[..end])).is_err(), "{end}");
        }
    }

    #[test]
    fn the_number_that_ffmpeg_writes_is_no_part_of_the_picture() {
        let bytes = written(&[&NUMBER[..], &[0x82, 0x49]].concat());
        assert_eq!(read(&mut Bytes(&bytes)).unwrap(), [0x82, 0x49]);
    }
}
