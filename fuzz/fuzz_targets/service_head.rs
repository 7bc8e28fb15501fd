//! What stands in heads and URLs of requests: ranges, accepted formats, metadata of uploads, keys.
#![no_main]

use amplio_service::fuzzing::head;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    head(data);
});
