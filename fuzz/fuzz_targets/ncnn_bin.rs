//! The numbers of a fixed list of NCNN layers.
#![no_main]

use amplio_models::{Limits, Model};
use libfuzzer_sys::fuzz_target;

const PARAM: &[u8] = b"7767517
5 5
Input        in    0 1 in 2=3
Split        split 1 1 in a
Convolution  conv  1 1 a c 0=12 1=3 4=1 5=1 6=324 9=2 -23310=1,0.2
PReLU        prelu 1 1 c d 0=12
PixelShuffle up    1 1 d e 0=2
";

fuzz_target!(|bin: &[u8]| {
    let _ = Model::from_ncnn("fuzz", PARAM, bin, &Limits::default());
});
