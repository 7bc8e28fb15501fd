//! Runs of model-compose: in JSON, and as fields of a URL.
#![no_main]

use amplio_service::fuzzing::run;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    run(data, &std::env::temp_dir());
});
