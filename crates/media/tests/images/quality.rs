//! Quality means about the same everywhere, and more of it is never worse.

use amplio_media::images::{FORMATS, Limits, WriteOptions, read};
use amplio_media::{Channels, Depth, Header, Samples};

use super::{sample_photo, write};

/// Peak signal-to-noise ratio in decibels; infinite for equal samples.
pub(super) fn psnr(a: &Samples, b: &Samples) -> f64 {
    let values = |s: &Samples| -> Vec<f64> {
        match s {
            Samples::U8(v) => v.iter().map(|&v| f64::from(v) / 255.0).collect(),
            Samples::U16(v) => v.iter().map(|&v| f64::from(v) / 65535.0).collect(),
            Samples::F32(v) => v.iter().map(|&v| f64::from(v)).collect(),
        }
    };
    let (a, b) = (values(a), values(b));
    let error: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64;
    -10.0 * error.log10()
}

/// A detail of a photograph.
fn detail() -> (Header, Samples) {
    let photo = read(&sample_photo(), &Limits::default()).unwrap();
    let header = Header::new(160, 160, Channels::Rgb, Depth::U8);
    let n = photo.channels.count();
    let Samples::U8(v) = &photo.samples else { panic!() };
    let (left, top) = (150.min(photo.width - 160), 60.min(photo.height - 160));
    let mut out = Vec::new();
    for y in top..top + 160 {
        for x in left..left + 160 {
            out.extend_from_slice(&v[(y * photo.width + x) as usize * n..][..3]);
        }
    }
    (header, Samples::U8(out))
}

#[test]
fn size_and_fidelity_grow_with_quality() {
    let (header, samples) = detail();
    let mut at_90 = Vec::new();
    for format in FORMATS.iter().filter(|f| f.write.as_ref().is_some_and(|w| w.lossy)) {
        let mut last = (0, 0.0);
        for quality in [1, 20, 50, 75, 89, 90, 97, 100] {
            let options = WriteOptions { quality, ..WriteOptions::default() };
            let file = write(format, &header, &samples, &options, 64);
            let got = psnr(&samples, &read(&file, &Limits::default()).unwrap().samples);
            let (size, before) = last;
            let name = format.name;
            assert!(
                file.len() > size && got > before,
                "{name} {quality}: {} {got} after {last:?}",
                file.len()
            );
            if quality == 90 {
                at_90.push(got);
            }
            last = (file.len(), got);
        }
    }
    let spread = at_90.iter().fold(0.0f64, |a, v| a.max((v - at_90[0]).abs()));
    assert!(at_90.len() == 3 && spread < 1.0, "quality 90 means {at_90:?} dB");
}
