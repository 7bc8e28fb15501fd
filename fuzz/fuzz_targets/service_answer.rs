//! What other servers say when they do not do what they are asked for.
#![no_main]

use amplio_service::fuzzing::answer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    answer(data);
});
