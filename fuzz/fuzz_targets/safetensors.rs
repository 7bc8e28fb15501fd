//! A safetensors file: header, tensors, detection of the architecture, its network.
#![no_main]

use amplio_models::Model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Model::from_bytes("fuzz", bytes);
});
