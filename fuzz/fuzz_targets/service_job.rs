//! Jobs: in JSON, and in a query.
#![no_main]

use amplio_service::fuzzing::job;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    job(data);
});
