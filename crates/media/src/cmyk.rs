//! CMYK to sRGB, through the embedded ICC profile or, without one, by the simple formula.
//!
//! Samples here are amounts of ink: 0 is paper, the maximum is full ink.

use moxcms::{ColorProfile, DataColorSpace, Layout};

use crate::profile::options;

/// The pixels that go through the colour engine at once.
const BATCH: usize = 1 << 16;

/// YCCK to CMYK in place, in the inverted or the plain sense alike (T.871 applied to the first three).
pub(crate) fn ycck_to_cmyk(samples: &mut [u8]) {
    for pixel in samples.chunks_exact_mut(4) {
        let (y, cb, cr) = (f32::from(pixel[0]), f32::from(pixel[1]) - 128.0, f32::from(pixel[2]) - 128.0);
        let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        for (sample, value) in pixel.iter_mut().zip(rgb) {
            *sample = (255.0 - value + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
}

/// 8-bit inks to 8-bit sRGB.
pub(crate) fn to_rgb8(inks: &[u8], icc: Option<&[u8]>) -> Vec<u8> {
    let mut out = vec![0; inks.len() / 4 * 3];
    let engine = icc.and_then(profile).and_then(|p| {
        p.create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, options()).ok()
    });
    for (from, to) in inks.chunks(BATCH * 4).zip(out.chunks_mut(BATCH * 3)) {
        if engine.as_ref().is_some_and(|e| e.transform(from, to).is_ok()) {
            continue;
        }
        for (ink, rgb) in from.chunks_exact(4).zip(to.chunks_exact_mut(3)) {
            for i in 0..3 {
                let light = (255 - u32::from(ink[i])) * (255 - u32::from(ink[3]));
                rgb[i] = ((light + 127) / 255) as u8;
            }
        }
    }
    out
}

/// 16-bit inks to 16-bit sRGB.
pub(crate) fn to_rgb16(inks: &[u16], icc: Option<&[u8]>) -> Vec<u16> {
    let mut out = vec![0; inks.len() / 4 * 3];
    let engine = icc.and_then(profile).and_then(|p| {
        p.create_transform_16bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, options()).ok()
    });
    for (from, to) in inks.chunks(BATCH * 4).zip(out.chunks_mut(BATCH * 3)) {
        if engine.as_ref().is_some_and(|e| e.transform(from, to).is_ok()) {
            continue;
        }
        for (ink, rgb) in from.chunks_exact(4).zip(to.chunks_exact_mut(3)) {
            for i in 0..3 {
                let light = (65535 - u64::from(ink[i])) * (65535 - u64::from(ink[3]));
                rgb[i] = ((light + 32767) / 65535) as u16;
            }
        }
    }
    out
}

fn profile(icc: &[u8]) -> Option<ColorProfile> {
    ColorProfile::new_from_slice(icc).ok().filter(|p| p.color_space == DataColorSpace::Cmyk)
}
