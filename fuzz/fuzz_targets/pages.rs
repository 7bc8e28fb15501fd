//! TIFF files of several pages.
#![no_main]

use amplio_media::images::Limits;
use amplio_media::pages::Pages;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { max_pixels: 1 << 16, max_bytes: 1 << 20 };

fuzz_target!(|data: &[u8]| {
    let Ok(Ok(mut pages)) = Pages::open(data.to_vec()) else { return };
    for page in 0..pages.count().min(20) {
        let _ = pages.read(page, &LIMITS);
    }
});
