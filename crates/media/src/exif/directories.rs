//! Taking an EXIF block, or a classic TIFF file, apart into its directories, and putting one together.

use super::{EXIF_IFD, GPS_IFD, LONG, Order, find, put};

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
        Some(Directories {
            main,
            exif: sub(EXIF_IFD).unwrap_or_default(),
            gps: sub(GPS_IFD).unwrap_or_default(),
        })
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

#[cfg(test)]
mod tests {
    use super::super::{set_size, set_upright};
    use super::{Directories, Entry};

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
