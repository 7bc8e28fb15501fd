//! The scans of a file: where they end, and whether they bring all of the picture.

use std::collections::BTreeMap;

use super::segments::{Segments, body, next_marker};

/// How the scans of a file end.
pub(super) enum End<'a> {
    /// With a marker, as they should; what follows it is no part of the picture.
    Marked,
    /// With the file, which has a scan for every coefficient. Its data, without zeros at the end: they are what an
    /// interrupted download leaves.
    Unmarked(&'a [u8]),
    /// Before there was a scan for every coefficient.
    Early,
}

/// Which coefficients of each component have been sent to their last bit.
#[derive(Default)]
struct Sent(BTreeMap<u8, [bool; 64]>);

/// Walks the scans to the marker that ends them.
pub(super) fn end<'a>(bytes: &'a [u8], segments: &Segments) -> End<'a> {
    let mut at = segments.scans;
    let mut sent = Sent::default();
    while let Ok(marker) = next_marker(bytes, &mut at) {
        match marker {
            0xD9 => return End::Marked,
            0x01 | 0xD0..=0xD7 => {}
            _ => match body(bytes, &mut at) {
                Ok(scan) if marker == 0xDA => sent.add(scan),
                Ok(_) => {}
                Err(_) => break,
            },
        }
    }
    if !sent.is_all(segments.components) {
        return End::Early;
    }
    let data = bytes.strip_suffix(b"\xff").unwrap_or(bytes);
    End::Unmarked(&data[..data.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)])
}

impl Sent {
    /// Adds what a scan says in its header: components, the first and last coefficient, the lowest bit.
    fn add(&mut self, scan: &[u8]) {
        let Some((&count, rest)) = scan.split_first() else { return };
        let Some((components, &[first, last, bits, ..])) = rest.split_at_checked(2 * usize::from(count))
        else {
            return;
        };
        if bits & 15 != 0 {
            return;
        }
        for component in components.chunks_exact(2) {
            let sent = self.0.entry(component[0]).or_insert([false; 64]);
            sent.iter_mut()
                .take(usize::from(last) + 1)
                .skip(usize::from(first))
                .for_each(|sent| *sent = true);
        }
    }

    fn is_all(&self, components: u8) -> bool {
        self.0.values().filter(|sent| sent.iter().all(|&sent| sent)).count() >= usize::from(components)
    }
}
