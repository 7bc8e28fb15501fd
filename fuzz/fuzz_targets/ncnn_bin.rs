//! The numbers of a fixed list of NCNN layers.
#![no_main]

use amplio_models::{Limits, Model};
use libfuzzer_sys::fuzz_target;

const PARAM: &[u8] = b"7767517
11 12
Input        in     0 1 in 2=3
Convolution  conv   1 1 in a 0=12 1=3 4=1 5=1 6=324 9=2 -23310=1,0.2
PReLU        prelu  1 1 a b 0=12
Split        split  1 2 b c d
Pooling      pool   1 1 c e 0=1 4=1
InnerProduct inner  1 1 e f 0=12 1=1 2=144 9=4
Scale        scale  2 1 d f g 0=-233
BatchNorm    batch  1 1 g h 0=12 1=0.001
InstanceNorm norm   1 1 h i 0=12 1=0.001
Deconvolution deconv 1 1 i j 0=12 1=4 3=2 4=1 5=1 6=2304
PixelShuffle up     1 1 j k 0=2
";

fuzz_target!(|bin: &[u8]| {
    let _ = Model::from_ncnn("fuzz", PARAM, bin, &Limits::default());
});
