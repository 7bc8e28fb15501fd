//! Settings of the server, and its file of keys.
#![no_main]

use amplio_service::fuzzing::settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    settings(data);
});
