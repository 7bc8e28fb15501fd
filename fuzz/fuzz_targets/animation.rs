//! GIF, APNG, animated WebP and JPEG XL.
#![no_main]

use amplio_media::{animations, images};
use libfuzzer_sys::fuzz_target;

const LIMITS: animations::Limits = animations::Limits {
    picture: images::Limits { max_pixels: 1 << 16, max_bytes: 1 << 20 },
    max_frames: 100,
    max_pixels: 1 << 20,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(Some(animation)) = animations::open(data, &LIMITS) {
        animation.for_each(drop);
    }
});
