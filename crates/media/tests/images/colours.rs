//! What becomes of colours that are not those of sRGB.

use amplio_media::images::{Limits, WriteOptions, by_name, read};
use amplio_media::profile::{Colours, colours, to_srgb};
use amplio_media::{Channels, Depth, Header, Image, Metadata, Samples};
use moxcms::{ColorProfile, DataColorSpace, TransferCharacteristics};

use super::{scene, write};

const P3: [u8; 4] = [12, 13, 0, 1];
const PQ: [u8; 4] = [9, 16, 0, 1];

fn cicp(cicp: [u8; 4]) -> Metadata {
    Metadata { cicp: Some(cicp), ..Metadata::default() }
}

fn icc(profile: &ColorProfile) -> Metadata {
    Metadata { icc: Some(profile.encode().unwrap()), ..Metadata::default() }
}

#[test]
fn what_a_format_makes_of_colours() {
    let rgb = Header::new(4, 4, Channels::Rgb, Depth::U8);
    let in_formats = |header: &Header, metadata: &Metadata| {
        ["png", "jpeg", "webp", "tiff", "avif", "bmp"]
            .map(|name| colours(header, metadata, by_name(name).unwrap()))
    };
    let kept = [Colours::Kept; 6];
    let or = |other| [Colours::Kept, Colours::Kept, Colours::Kept, Colours::Kept, other, other];
    assert_eq!(in_formats(&rgb, &Metadata::default()), kept);
    assert_eq!(in_formats(&rgb, &cicp([1, 13, 0, 1])), kept, "sRGB");
    assert_eq!(in_formats(&rgb, &cicp([1, 1, 0, 1])), kept, "as cameras encode it");
    assert_eq!(in_formats(&rgb, &icc(&ColorProfile::new_srgb())), kept, "a profile of sRGB");
    assert_eq!(in_formats(&rgb, &cicp(P3)), or(Colours::Converted));
    assert_eq!(in_formats(&rgb, &icc(&ColorProfile::new_pro_photo_rgb())), or(Colours::Converted));
    assert_eq!(in_formats(&rgb, &cicp(PQ)), or(Colours::Lost));
    let broken = Metadata { icc: Some(b"no profile".to_vec()), ..Metadata::default() };
    assert_eq!(in_formats(&rgb, &broken), or(Colours::Lost));
    let floats = Header { depth: Depth::F32, ..rgb };
    assert_eq!(in_formats(&floats, &cicp(P3)), or(Colours::Lost));
}

/// The profile in a file that was written with this metadata.
fn written(format: &str, channels: Channels, metadata: Metadata) -> ColorProfile {
    let format = by_name(format).unwrap();
    let header = Header::new(5, 4, channels, Depth::U8).fitted(format).unwrap();
    let options = WriteOptions { metadata, ..WriteOptions::default() };
    let file = write(format, &header, &scene(&header), &options, 9);
    ColorProfile::new_from_slice(&read(&file, &Limits::default()).unwrap().metadata.icc.unwrap()).unwrap()
}

#[test]
fn where_there_is_no_cicp_a_profile_says_the_same() {
    for format in ["jpeg", "webp", "tiff"] {
        let (p3, expected) = (written(format, Channels::Rgb, cicp(P3)), ColorProfile::new_display_p3());
        for (ours, theirs) in [
            (p3.red_colorant, expected.red_colorant),
            (p3.green_colorant, expected.green_colorant),
            (p3.blue_colorant, expected.blue_colorant),
        ] {
            assert!(
                (ours.x - theirs.x).abs() < 1e-3 && (ours.y - theirs.y).abs() < 1e-3,
                "{format}: {ours:?}"
            );
        }
        let pq = written(format, Channels::Rgb, cicp(PQ)).cicp.unwrap();
        assert_eq!(pq.transfer_characteristics, TransferCharacteristics::Smpte2084, "{format}");
    }
    let png = by_name("png").unwrap();
    let header = Header::new(5, 4, Channels::Rgb, Depth::U8);
    let options = WriteOptions { metadata: cicp(P3), ..WriteOptions::default() };
    let kept = read(&write(png, &header, &scene(&header), &options, 9), &Limits::default()).unwrap().metadata;
    assert_eq!((kept.cicp, kept.icc), (Some(P3), None), "png has CICP itself");
}

#[test]
fn the_profile_of_grey_becomes_one_of_colours_where_grey_does() {
    let grey = ColorProfile::new_gray_with_gamma(1.0);
    let written = written("webp", Channels::Grey, icc(&grey));
    assert_eq!(written.color_space, DataColorSpace::Rgb);
    assert!(written.red_trc == grey.gray_trc && written.blue_trc == grey.gray_trc, "{:?}", written.red_trc);
}

/// The sample of a colour of sRGB.
fn level(light: f32) -> i32 {
    (amplio_media::colour::from_linear(light.clamp(0.0, 1.0)) * 65535.0).round() as i32
}

#[test]
fn colours_are_converted_where_nothing_else_helps() {
    let header = Header::new(3, 1, Channels::Rgba, Depth::U8);
    let pixels = vec![200, 100, 50, 255, 128, 128, 128, 7, 255, 0, 0, 0];
    let mut image = Image::new(header, Samples::U8(pixels.clone())).unwrap();
    image.metadata = cicp(P3);
    let converted = to_srgb(image).unwrap();
    let Samples::U16(got) = &converted.samples else { panic!("16 bits") };
    for (from, to) in pixels.chunks_exact(4).zip(got.chunks_exact(4)) {
        let [r, g, b] = [0, 1, 2].map(|i| amplio_media::colour::to_linear(f32::from(from[i]) / 255.0));
        // From the primaries of Display P3 to those of sRGB, which have the same white.
        let expected = [
            1.224_94 * r - 0.224_94 * g,
            -0.042_06 * r + 1.042_06 * g,
            -0.019_64 * r - 0.078_64 * g + 1.098_27 * b,
        ]
        .map(level);
        for (to, expected) in to.iter().zip(expected) {
            assert!((i32::from(*to) - expected).abs() < 200, "{from:?} became {to:?}, not {expected:?}");
        }
        assert_eq!(to[3], u16::from(from[3]) * 257);
    }
    assert_eq!(converted.metadata, Metadata::default());

    let mut grey =
        Image::new(Header::new(2, 1, Channels::Grey, Depth::U16), Samples::U16(vec![0, 14_027])).unwrap();
    grey.metadata = icc(&ColorProfile::new_gray_with_gamma(1.0));
    let Samples::U16(got) = to_srgb(grey).unwrap().samples else { panic!("16 bits") };
    assert!(got[0] == 0 && (i32::from(got[1]) - 32_768).abs() < 200, "{got:?}");
}
