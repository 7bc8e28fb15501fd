//! The colours that a gamma and chromaticities describe, as PNG has them in gAMA and cHRM:
//! <https://www.w3.org/TR/png-3/#11cHRM>.

use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve};

use super::{shaped, text};

/// What is a whole in these numbers.
const ONE: f32 = 100_000.0;

/// The gamma of sRGB: of the power that is nearest to its curve.
const SRGB_GAMMA: u32 = 45_455;

/// x and y of white, red, green and blue of sRGB.
const SRGB_POINTS: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];

/// How far numbers that are rounded are from what they mean; a gamma so far off changes samples by a level of 8 bits.
const ROUNDED: u32 = 500;

/// The profile of RGB samples that they describe, where one that is missing, or cannot be, is that of sRGB; `None` if all is.
pub(super) fn profile(gamma: Option<u32>, chromaticities: Option<[u32; 8]>) -> Option<ColorProfile> {
    let with_primaries = chromaticities.and_then(of_chromaticities);
    let Some(gamma) = gamma.filter(|&gamma| gamma > 0) else { return with_primaries };
    if with_primaries.is_none() && gamma.abs_diff(SRGB_GAMMA) <= ROUNDED {
        return None;
    }
    let profile = with_primaries.unwrap_or_else(|| described(ColorProfile::new_srgb()));
    Some(shaped(profile, &ToneReprCurve::Parametric(vec![ONE / gamma as f32])))
}

/// A profile with these primaries and white, and the curve of sRGB; `None` if they are those of sRGB, or cannot be.
fn of_chromaticities(points: [u32; 8]) -> Option<ColorProfile> {
    if points.iter().zip(&SRGB_POINTS).all(|(a, b)| a.abs_diff(*b) <= ROUNDED) {
        return None;
    }
    // What has no brightness at all has no other numbers of XYZ.
    let point = |i: usize| Chromaticity::new(points[i] as f32 / ONE, points[i + 1].max(1) as f32 / ONE);
    let [white, primaries @ ..] = [0, 2, 4, 6].map(point);
    let [red, green, blue] = primaries;
    let mut profile = described(ColorProfile::new_srgb());
    profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
    is_between(white, primaries).then_some(profile)
}

/// Whether a point lies inside a triangle.
fn is_between(point: Chromaticity, [a, b, c]: [Chromaticity; 3]) -> bool {
    let side =
        |a: Chromaticity, b: Chromaticity| (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x);
    let sides = [side(a, b), side(b, c), side(c, a)];
    sides.iter().all(|side| *side > 0.0) || sides.iter().all(|side| *side < 0.0)
}

fn described(mut profile: ColorProfile) -> ColorProfile {
    profile.media_white_point = Some(profile.white_point);
    profile.description = Some(text("gAMA and cHRM of PNG"));
    profile
}
