//! ZIP archives.
#![no_main]

use std::io::Cursor;

use amplio_media::archives::{Archive, Limits};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { max_entries: 100, max_entry: 1 << 20, max_ratio: 1100 };

fuzz_target!(|data: &[u8]| {
    let Ok(mut archive) = Archive::open(Cursor::new(data), &LIMITS) else { return };
    for index in 0..archive.len() {
        let _ = archive.first_bytes(index, 64);
        let _ = archive.read(index);
    }
});
