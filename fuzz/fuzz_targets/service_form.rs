//! Forms that the server receives: uploads and runs of model-compose. The first line is the boundary.
#![no_main]

use amplio_service::fuzzing::form;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    form(data, &std::env::temp_dir());
});
