//! A PyTorch file: the archive or the pickles of the old container, the pickle machine, views of storages; and the same bytes
//! as the object of an old container, so that the machine is reached without a sound beginning and end.
#![no_main]

use amplio_models::formats::pth;
use amplio_models::{Limits, Model};
use libfuzzer_sys::fuzz_target;

/// The magic number, the version and the machine.
const BEGINNING: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";

fuzz_target!(|bytes: &[u8]| {
    let _ = Model::from_bytes("fuzz", bytes);
    let limits = Limits { elements: 1 << 20, ..Limits::default() };
    let _ = pth::read(&[BEGINNING, bytes, b"\x80\x02]."].concat(), &limits);
});
