//! A list of NCNN layers, as text or binary: with more numbers than it asks for, so that every layer is read, and without
//! numbers, so that lists that need none become networks.
#![no_main]

use amplio_models::{Limits, Model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|param: &[u8]| {
    for bin in [&[0; 1 << 16][..], &[]] {
        let _ = Model::from_ncnn("fuzz", param, bin, &Limits::default());
    }
});
