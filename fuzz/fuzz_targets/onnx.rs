//! An ONNX file: its messages, its numbers, its operators and what they compute of sizes, its network.
#![no_main]

use amplio_models::formats::{Input, onnx};
use amplio_models::{Limits, Model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Whatever it begins with, so that no change of the first bytes ends a run.
    let limits = Limits { elements: 1 << 22, ..Limits::default() };
    let _ = (onnx::FORMAT.read)(&Input { bytes, path: None, limits: &limits });
    let _ = Model::from_bytes("fuzz", bytes);
});
