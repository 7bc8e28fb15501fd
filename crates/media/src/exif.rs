//! EXIF blocks: the few tags this crate reads or patches in place, and taking a block apart for TIFF.
//!
//! An EXIF block is a TIFF file without a picture (CIPA DC-008). Patching in place, rather than writing
//! anew, keeps maker notes intact, whose offsets nobody knows.

use crate::orientation::Orientation;

mod directories;

pub(crate) use directories::{Directories, Entry, write_directory};

const ORIENTATION: u16 = 0x0112;
const EXIF_IFD: u16 = 0x8769;
const GPS_IFD: u16 = 0x8825;
const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// `Exif\0\0`, which JPEG and some WebP writers put in front of the block.
pub(crate) const PREFIX: &[u8] = b"Exif\0\0";

/// The block without its JPEG prefix; `None` if it does not start like a TIFF file.
pub(crate) fn block(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(PREFIX).unwrap_or(bytes);
    Order::of(bytes).map(|_| bytes)
}

/// The orientation tag, if there is one and it is 1 to 8.
pub(crate) fn orientation(block: &[u8]) -> Option<Orientation> {
    Orientation::from_exif(number(block, ORIENTATION)?)
}

/// Sets the orientation tag, if [`orientation`] can read it, to 1.
pub(crate) fn set_upright(block: &mut [u8]) {
    if orientation(block).is_some() {
        set_number(block, ORIENTATION, 1);
    }
}

/// Sets the tags that repeat the size of the picture, where they are present, and unlinks the thumbnail
/// (IFD1) unless they already said exactly this size.
pub(crate) fn set_size(block: &mut [u8], width: u32, height: u32) {
    let Some(order) = Order::of(block) else { return };
    let Some(ifd0) = order.u32(block, 4).map(|v| v as usize) else { return };
    let exif = find(block, order, ifd0, EXIF_IFD).and_then(|e| order.u32(block, e + 8)).map(|v| v as usize);
    let places = [
        (Some(ifd0), 0x0100, width),
        (Some(ifd0), 0x0101, height),
        (exif, 0xA002, width),
        (exif, 0xA003, height),
    ];
    let mut known = 0;
    let mut same = true;
    for (ifd, tag, value) in places {
        let Some(entry) = ifd.and_then(|ifd| find(block, order, ifd, tag)) else { continue };
        let old = order.number(block, entry);
        known += 1;
        same &= old == Some(value);
        if old == Some(value) {
            continue;
        }
        put(block, entry + 2, &order.bytes16(LONG));
        put(block, entry + 4, &order.bytes32(1));
        put(block, entry + 8, &order.bytes32(value));
    }
    if known == 0 || !same {
        let count = order.u16(block, ifd0).unwrap_or(0) as usize;
        put(block, ifd0 + 2 + count * 12, &[0; 4]);
    }
}

/// A tag of the main directory that holds one unsigned number of 8, 16 or 32 bits.
pub(crate) fn number(block: &[u8], tag: u16) -> Option<u32> {
    let order = Order::of(block)?;
    order.number(block, find(block, order, order.u32(block, 4)? as usize, tag)?)
}

/// Sets a tag of the main directory to a 16-bit number, if it is there.
pub(crate) fn set_number(block: &mut [u8], tag: u16, value: u16) {
    let Some(order) = Order::of(block) else { return };
    let Some(ifd) = order.u32(block, 4) else { return };
    if let Some(entry) = find(block, order, ifd as usize, tag) {
        put(block, entry + 2, &order.bytes16(SHORT));
        put(block, entry + 4, &order.bytes32(1));
        put(block, entry + 8, &order.bytes16(value));
    }
}

/// The byte order of a block.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn of(block: &[u8]) -> Option<Order> {
        match block.get(..4)? {
            b"II*\0" => Some(Order::Little),
            b"MM\0*" => Some(Order::Big),
            _ => None,
        }
    }

    fn u16(self, block: &[u8], at: usize) -> Option<u16> {
        let bytes = block.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(self, block: &[u8], at: usize) -> Option<u32> {
        let bytes = block.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    /// The unsigned number that an entry holds.
    fn number(self, block: &[u8], entry: usize) -> Option<u32> {
        match self.u16(block, entry + 2)? {
            BYTE => block.get(entry + 8).copied().map(u32::from),
            SHORT => self.u16(block, entry + 8).map(u32::from),
            LONG => self.u32(block, entry + 8),
            _ => None,
        }
    }

    fn bytes16(self, value: u16) -> [u8; 2] {
        match self {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }

    fn bytes32(self, value: u32) -> [u8; 4] {
        match self {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }
}

/// Where the 12-byte entry of a tag starts.
fn find(block: &[u8], order: Order, ifd: usize, tag: u16) -> Option<usize> {
    let count = order.u16(block, ifd)? as usize;
    (0..count).map(|i| ifd + 2 + i * 12).find(|&e| order.u16(block, e) == Some(tag) && e + 12 <= block.len())
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = block.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTE, Directories, LONG, SHORT, orientation, set_size, set_upright};
    use crate::orientation::Orientation;

    /// Orientation 6, a pointer to an EXIF directory with both pixel dimensions, and a link to an IFD1.
    fn sample(big: bool) -> Vec<u8> {
        let w = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let d = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let mut b = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        b.extend(d(8));
        b.extend(w(2));
        b.extend([w(0x0112), w(SHORT)].concat());
        b.extend(d(1));
        b.extend([w(6), w(0)].concat());
        b.extend([w(0x8769), w(LONG)].concat());
        b.extend([d(1), d(38)].concat());
        b.extend(d(99));
        b.extend(w(2));
        b.extend([w(0xA002), w(SHORT)].concat());
        b.extend(d(1));
        b.extend([w(10), w(0)].concat());
        b.extend([w(0xA003), w(LONG)].concat());
        b.extend([d(1), d(20)].concat());
        b.extend(d(0));
        b
    }

    #[test]
    fn patches_both_byte_orders() {
        for big in [false, true] {
            let mut b = sample(big);
            assert_eq!(orientation(&b), Some(Orientation::Turned90));
            set_upright(&mut b);
            assert_eq!(orientation(&b), Some(Orientation::Upright));
            let kept = b.clone();
            set_size(&mut b, 10, 20);
            assert_eq!(b, kept, "same size: nothing changes, the thumbnail stays");
            set_size(&mut b, 100_000, 200);
            let parsed = Directories::parse(&b).unwrap();
            assert_eq!(parsed.exif[0].data, 100_000u32.to_le_bytes());
            assert_eq!(parsed.exif[1].data, 200u32.to_le_bytes());
            assert_eq!(b[34..38], [0; 4]);
        }
    }

    #[test]
    fn the_orientation_may_have_8_16_or_32_bits() {
        for kind in [BYTE, SHORT, LONG] {
            let mut b = sample(false);
            b[12..14].copy_from_slice(&kind.to_le_bytes());
            assert_eq!(orientation(&b), Some(Orientation::Turned90), "type {kind}");
            set_upright(&mut b);
            assert_eq!(orientation(&b), Some(Orientation::Upright), "type {kind}");
        }
        let mut rational = sample(false);
        rational[12] = 5;
        let kept = rational.clone();
        set_upright(&mut rational);
        assert_eq!((orientation(&rational), rational), (None, kept), "what is not understood stays");
    }
}
