//! EXIF blocks: the few tags this crate reads or patches in place, and taking a block apart for TIFF.
//!
//! An EXIF block is a TIFF file without a picture (CIPA DC-008). Patching in place, rather than writing
//! anew, keeps maker notes intact, whose offsets nobody knows.

use crate::orientation::Orientation;

const ORIENTATION: u16 = 0x0112;
const EXIF_IFD: u16 = 0x8769;
const GPS_IFD: u16 = 0x8825;
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
    Orientation::from_exif(u32::from(short(block, ORIENTATION)?))
}

/// Sets the orientation tag, if there is one, to 1.
pub(crate) fn set_upright(block: &mut [u8]) {
    set_short(block, ORIENTATION, 1);
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
        let old = match order.u16(block, entry + 2) {
            Some(SHORT) => order.u16(block, entry + 8).map(u32::from),
            _ => order.u32(block, entry + 8),
        };
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

/// A tag of the main directory that holds one 16-bit number.
pub(crate) fn short(block: &[u8], tag: u16) -> Option<u16> {
    let order = Order::of(block)?;
    let entry = find(block, order, order.u32(block, 4)? as usize, tag)?;
    (order.u16(block, entry + 2) == Some(SHORT)).then(|| order.u16(block, entry + 8))?
}

/// Sets a tag of the main directory that holds one 16-bit number, if it is there.
pub(crate) fn set_short(block: &mut [u8], tag: u16, value: u16) {
    let Some(order) = Order::of(block) else { return };
    let Some(ifd) = order.u32(block, 4) else { return };
    if let Some(entry) = find(block, order, ifd as usize, tag) {
        put(block, entry + 2, &order.bytes16(SHORT));
        put(block, entry + 8, &order.bytes16(value));
    }
}

/// One tag with its values, in little-endian order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) tag: u16,
    pub(crate) kind: u16,
    pub(crate) count: u32,
    pub(crate) data: Vec<u8>,
}

/// The tags of a block that say something about the photograph, not about how samples are stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Directories {
    /// IFD0: maker, model, date, artist, copyright and the like.
    pub(crate) main: Vec<Entry>,
    /// The EXIF directory: exposure and the like.
    pub(crate) exif: Vec<Entry>,
    /// The GPS directory.
    pub(crate) gps: Vec<Entry>,
}

impl Directories {
    /// Takes a block, or a whole classic TIFF file, apart. What cannot be read is left out.
    pub(crate) fn parse(block: &[u8]) -> Option<Self> {
        let order = Order::of(block)?;
        let ifd0 = order.u32(block, 4)? as usize;
        let sub = |tag| {
            let entry = find(block, order, ifd0, tag)?;
            Some(entries(block, order, order.u32(block, entry + 8)? as usize))
        };
        let mut main = entries(block, order, ifd0);
        main.retain(|e| describes_photograph(e.tag));
        Some(Directories { main, exif: sub(EXIF_IFD).unwrap_or_default(), gps: sub(GPS_IFD).unwrap_or_default() })
    }

    /// Whether there is nothing worth keeping.
    pub(crate) fn is_empty(&self) -> bool {
        self.main.is_empty() && self.exif.is_empty() && self.gps.is_empty()
    }

    /// Puts a little-endian block together.
    pub(crate) fn to_block(&self) -> Vec<u8> {
        let mut out = b"II*\0\0\0\0\0".to_vec();
        let mut main = self.main.clone();
        for (tag, sub) in [(EXIF_IFD, &self.exif), (GPS_IFD, &self.gps)] {
            if !sub.is_empty() {
                let at = write_directory(&mut out, 0, sub.clone());
                main.push(Entry { tag, kind: LONG, count: 1, data: at.to_le_bytes().to_vec() });
            }
        }
        let at = write_directory(&mut out, 0, main);
        put(&mut out, 4, &at.to_le_bytes());
        out
    }
}

/// Appends a classic little-endian directory and its values to `out`, whose first byte will lie at `base`
/// of the file, and says where the directory starts in the file.
pub(crate) fn write_directory(out: &mut Vec<u8>, base: u32, mut entries: Vec<Entry>) -> u32 {
    entries.sort_by_key(|e| e.tag);
    if out.len() % 2 == 1 {
        out.push(0);
    }
    let start = out.len();
    let mut values_at = start + 2 + entries.len() * 12 + 4;
    out.extend((entries.len() as u16).to_le_bytes());
    let mut values = Vec::new();
    for entry in &entries {
        out.extend(entry.tag.to_le_bytes());
        out.extend(entry.kind.to_le_bytes());
        out.extend(entry.count.to_le_bytes());
        if entry.data.len() <= 4 {
            let mut inline = [0; 4];
            inline[..entry.data.len()].copy_from_slice(&entry.data);
            out.extend(inline);
        } else {
            out.extend((base + values_at as u32).to_le_bytes());
            values.extend_from_slice(&entry.data);
            values_at += entry.data.len();
            if entry.data.len() % 2 == 1 {
                values.push(0);
                values_at += 1;
            }
        }
    }
    out.extend([0; 4]);
    out.extend(values);
    base + start as u32
}

/// Description, maker, model, software, date, artist, host, copyright; XP* tags of Windows.
fn describes_photograph(tag: u16) -> bool {
    matches!(tag, 0x010D..=0x0110 | 0x0131 | 0x0132 | 0x013B | 0x013C | 0x8298 | 0x9C9B..=0x9C9F)
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

/// All readable entries of a directory, values in little-endian order, without pointers to directories.
fn entries(block: &[u8], order: Order, ifd: usize) -> Vec<Entry> {
    let count = order.u16(block, ifd).unwrap_or(0) as usize;
    // Hostile entries may all point to the same bytes; together they must not outgrow the block.
    let mut budget = block.len();
    let mut found = Vec::new();
    for i in 0..count {
        let Some(entry) = entry(block, order, ifd + 2 + i * 12, budget) else { continue };
        budget -= entry.data.len();
        found.push(entry);
    }
    found
}

fn entry(block: &[u8], order: Order, at: usize, budget: usize) -> Option<Entry> {
    let (tag, kind, count) = (order.u16(block, at)?, order.u16(block, at + 2)?, order.u32(block, at + 4)?);
    // 0xA005 points to the interoperability directory, which says nothing about the picture.
    if matches!(tag, EXIF_IFD | GPS_IFD | 0xA005) {
        return None;
    }
    let (unit, swapped) = match kind {
        1 | 2 | 6 | 7 => (1, 1),
        3 | 8 => (2, 2),
        4 | 9 | 11 => (4, 4),
        5 | 10 => (8, 4),
        12 => (8, 8),
        _ => return None,
    };
    let len = (count as usize).checked_mul(unit)?;
    if len > budget {
        return None;
    }
    let from = if len <= 4 { at + 8 } else { order.u32(block, at + 8)? as usize };
    let mut data = block.get(from..from.checked_add(len)?)?.to_vec();
    if matches!(order, Order::Big) {
        data.chunks_exact_mut(swapped).for_each(<[u8]>::reverse);
    }
    Some(Entry { tag, kind, count, data })
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = block.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{Directories, Entry, LONG, SHORT, orientation, set_size, set_upright};
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
    fn directories_round_trip_and_truncation() {
        let directories = Directories {
            main: vec![Entry { tag: 0x010F, kind: 2, count: 7, data: b"amplio\0".to_vec() }],
            exif: vec![Entry { tag: 0x829A, kind: 5, count: 1, data: vec![1, 0, 0, 0, 60, 0, 0, 0] }],
            gps: vec![],
        };
        let block = directories.to_block();
        assert_eq!(Directories::parse(&block), Some(directories));
        for n in 0..block.len() {
            let mut cut = block[..n].to_vec();
            let _ = Directories::parse(&cut);
            set_size(&mut cut, 1, 1);
            set_upright(&mut cut);
        }
    }
}
