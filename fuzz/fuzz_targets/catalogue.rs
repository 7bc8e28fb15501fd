//! What the net and people say of models: lists, and names, links and places on a hub.
#![no_main]

use amplio_models::catalogue::{Download, Index, Reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(index) = Index::parse(bytes) {
        for entry in index.entries() {
            let _ = entry.download();
        }
    }
    if let Ok(reference) = Reference::parse(&String::from_utf8_lossy(bytes)) {
        let _ = Download::of(&reference, "https://hub.example");
    }
});
