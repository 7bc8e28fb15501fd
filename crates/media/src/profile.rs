//! What the samples of a picture mean as colours (ICC profile, CICP of ITU-T H.273, or gamma and chromaticities), and how files
//! tell it.

mod gamma;

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, LocalizableString,
    MatrixCoefficients, ProfileText, RenderingIntent, ToneReprCurve, TransferCharacteristics,
    TransformOptions,
};

use crate::images::{Format, Keeps};
use crate::{Depth, Error, Header, Image, Metadata, Result, Samples, convert};

/// The pixels that go through the colour engine at once.
const BATCH: usize = 1 << 16;

/// What becomes of the colours of a picture in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// The file says what they are, or they are those of sRGB, which is what a file without a word about it means.
    Kept,
    /// The format cannot say what they are, so [`to_srgb`] has to make them those of sRGB.
    Converted,
    /// The format cannot say what they are, and this crate cannot convert them: HDR, floats and profiles that it does not
    /// understand.
    Lost,
}

/// What becomes of the colours of a picture with this header and metadata in a format.
pub fn colours(picture: &Header, metadata: &Metadata, format: &Format) -> Colours {
    let keeps = format.write.as_ref().map_or(Keeps::default(), |writer| writer.keeps);
    if (metadata.icc.is_some() && keeps.icc) || keeps_without_icc(metadata, keeps) {
        return Colours::Kept;
    }
    match profile(metadata) {
        None if metadata.icc.is_none() && metadata.cicp.is_none_or(is_srgb) => Colours::Kept,
        None => Colours::Lost,
        Some(_) if keeps.icc => Colours::Kept,
        Some(profile) if looks_like_srgb(&profile) => Colours::Kept,
        Some(_) if picture.depth == Depth::F32 || metadata.cicp.is_some_and(is_hdr) => Colours::Lost,
        Some(_) => Colours::Converted,
    }
}

/// Makes the colours of a picture of integers those of sRGB, with 16 bits, and forgets what they were; colours that sRGB does
/// not have are clipped.
///
/// # Errors
///
/// [`Error::Unsupported`] where [`colours`] does not say [`Colours::Converted`].
pub fn to_srgb(image: Image) -> Result<Image> {
    let refused = || Error::unsupported("the colours of this picture cannot be made those of sRGB");
    let profile = profile(&image.metadata).ok_or_else(refused)?;
    let header = Header { depth: Depth::U16, ..image.header() };
    let Samples::U16(mut samples) = convert(&image.samples, &image.header(), &header)? else {
        return Err(refused());
    };
    let (count, colours) = (header.channels.count(), header.channels.colours());
    for batch in samples.chunks_mut(BATCH * count) {
        // Of grey, all three are the same.
        let rgb: Vec<u16> =
            batch.chunks_exact(count).flat_map(|p| [p[0], p[1 % colours], p[2 % colours]]).collect();
        let converted = in_srgb(&profile, &rgb).ok_or_else(refused)?;
        for (pixel, rgb) in batch.chunks_exact_mut(count).zip(converted.chunks_exact(3)) {
            pixel[..colours].copy_from_slice(&rgb[..colours]);
        }
    }
    let mut converted = Image::new(header, Samples::U16(samples))?;
    converted.metadata =
        Metadata { icc: None, cicp: None, gamma: None, chromaticities: None, ..image.metadata };
    Ok(converted)
}

/// The ICC profile for a file of a format that keeps one, with 1 or 3 colours: the picture's own, or one that says the same for
/// pictures that have CICP or a gamma only, and for grey ones that became RGB.
pub(crate) fn icc(metadata: &Metadata, colours: usize, keeps: Keeps) -> Option<Vec<u8>> {
    match &metadata.icc {
        Some(own) if colours == 3 && is_grey(own) => profile(metadata)?.encode().ok(),
        Some(own) => Some(own.clone()),
        None if keeps_without_icc(metadata, keeps) => None,
        None if colours == 1 => to_grey(profile(metadata)?).encode().ok(),
        None => profile(metadata)?.encode().ok(),
    }
}

/// Whether a format keeps what a picture says of its colours beside an ICC profile.
fn keeps_without_icc(metadata: &Metadata, keeps: Keeps) -> bool {
    let has_gamma = metadata.gamma.is_some() || metadata.chromaticities.is_some();
    (metadata.cicp.is_some() && keeps.cicp) || (has_gamma && keeps.gamma)
}

/// Relative colorimetric keeps what both can show; press profiles carry a table for it.
pub(crate) fn options() -> TransformOptions {
    TransformOptions {
        rendering_intent: RenderingIntent::RelativeColorimetric,
        ..TransformOptions::default()
    }
}

/// What RGB samples of a picture with this metadata mean; `None` if it does not say so, or in a way that is not understood.
fn profile(metadata: &Metadata) -> Option<ColorProfile> {
    match (&metadata.icc, metadata.cicp) {
        (Some(icc), _) => of_icc(icc),
        (None, Some(cicp)) => of_cicp(cicp),
        (None, None) => gamma::profile(metadata.gamma, metadata.chromaticities),
    }
}

/// The profile of RGB samples that an ICC profile describes.
fn of_icc(icc: &[u8]) -> Option<ColorProfile> {
    let own = ColorProfile::new_from_slice(icc).ok()?;
    match own.color_space {
        DataColorSpace::Rgb => Some(own),
        DataColorSpace::Gray => of_grey(own),
        _ => None,
    }
}

/// The profile of RGB samples that CICP describes.
fn of_cicp(cicp: [u8; 4]) -> Option<ColorProfile> {
    if is_srgb(cicp) {
        return None;
    }
    let [primaries, transfer, ..] = cicp;
    // That of BT.709 and its kin is how cameras encode. Displays undo something else, which that of sRGB is nearer to.
    let transfer = if is_of_cameras(transfer) { 13 } else { transfer };
    let codes = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    let mut profile = ColorProfile::new_from_cicp(codes);
    profile.media_white_point = Some(profile.white_point);
    profile.description = Some(text(&format!("H.273 primaries {primaries}, transfer {transfer}")));
    profile.copyright = Some(text("No copyright, use freely"));
    profile.is_matrix_shaper().then_some(profile)
}

/// The profile of grey samples that became RGB: equal samples mean the grey that they were.
fn of_grey(grey: ColorProfile) -> Option<ColorProfile> {
    let curve = grey.gray_trc?;
    let mut profile = ColorProfile::new_srgb();
    profile.description = grey.description;
    profile.copyright = grey.copyright;
    Some(shaped(profile, &curve))
}

/// The profile of grey samples whose grey is that of a profile of RGB.
fn to_grey(rgb: ColorProfile) -> ColorProfile {
    let mut profile = ColorProfile::new_gray_with_gamma(1.0);
    profile.gray_trc = rgb.red_trc;
    profile.media_white_point = rgb.media_white_point;
    profile.description = rgb.description;
    profile.copyright = rgb.copyright;
    profile
}

/// A profile of RGB samples with this curve for all three.
fn shaped(mut profile: ColorProfile, curve: &ToneReprCurve) -> ColorProfile {
    profile.cicp = None;
    for own in [&mut profile.red_trc, &mut profile.green_trc, &mut profile.blue_trc] {
        *own = Some(curve.clone());
    }
    profile
}

fn text(text: &str) -> ProfileText {
    ProfileText::Localizable(vec![LocalizableString::new("en".into(), "US".into(), text.into())])
}

/// RGB samples as those of sRGB.
fn in_srgb(profile: &ColorProfile, rgb: &[u16]) -> Option<Vec<u16>> {
    let options = TransformOptions { prefer_fixed_point: false, ..options() };
    let srgb = ColorProfile::new_srgb();
    let engine = profile.create_transform_16bit(Layout::Rgb, &srgb, Layout::Rgb, options).ok()?;
    let mut out = vec![0; rgb.len()];
    engine.transform(rgb, &mut out).ok()?;
    Some(out)
}

/// Whether no colour differs from that of sRGB by more than a level of 8 bits.
fn looks_like_srgb(profile: &ColorProfile) -> bool {
    const STEPS: u16 = 15;
    let level = |i: u16| i % (STEPS + 1) * (u16::MAX / STEPS);
    let side = STEPS + 1;
    let grid: Vec<u16> =
        (0..side * side * side).flat_map(|i| [level(i), level(i / side), level(i / side / side)]).collect();
    in_srgb(profile, &grid).is_some_and(|out| out.iter().zip(&grid).all(|(a, b)| a.abs_diff(*b) <= 257))
}

fn is_grey(icc: &[u8]) -> bool {
    icc.get(16..20) == Some(b"GRAY")
}

/// Whether CICP describes sRGB, or says nothing.
fn is_srgb([primaries, transfer, ..]: [u8; 4]) -> bool {
    matches!(primaries, 1 | 2) && (transfer == 13 || is_of_cameras(transfer))
}

/// The transfer of BT.709, BT.601 and BT.2020, and none that is said.
fn is_of_cameras(transfer: u8) -> bool {
    matches!(transfer, 1 | 2 | 6 | 14 | 15)
}

/// PQ and HLG.
fn is_hdr([_, transfer, ..]: [u8; 4]) -> bool {
    matches!(transfer, 16 | 18)
}
