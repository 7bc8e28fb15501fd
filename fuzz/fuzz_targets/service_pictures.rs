//! Bodies in JSON that carry pictures in base64.
#![no_main]

use amplio_service::fuzzing::pictures;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    pictures(data, &std::env::temp_dir());
});
