//! NUT, as ffmpeg writes it to pipes.
#![no_main]

use amplio_media::videos::nut::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut reader) = Reader::new(bytes, 1 << 20) {
        while let Ok(Some(_)) = reader.packet() {}
    }
});
