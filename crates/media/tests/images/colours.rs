//! What becomes of colours that are not those of sRGB.

use amplio_media::images::{Limits, WriteOptions, by_name, read};
use amplio_media::profile::{Colours, colours, to_srgb};
use amplio_media::{Channels, Depth, Header, Image, Metadata, Samples};
use moxcms::{ColorProfile, DataColorSpace, ToneReprCurve, TransferCharacteristics};

use super::{scene, write};

const P3: [u8; 4] = [12, 13, 0, 1];
const PQ: [u8; 4] = [9, 16, 0, 1];

/// x and y of white, red, green and blue, times 100000.
const SRGB_POINTS: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
const P3_POINTS: [u32; 8] = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000];

fn cicp(cicp: [u8; 4]) -> Metadata {
    Metadata { cicp: Some(cicp), ..Metadata::default() }
}

fn gamma(gamma: impl Into<Option<u32>>, chromaticities: impl Into<Option<[u32; 8]>>) -> Metadata {
    Metadata { gamma: gamma.into(), chromaticities: chromaticities.into(), ..Metadata::default() }
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
    assert_eq!(in_formats(&rgb, &gamma(45_455, SRGB_POINTS)), kept, "sRGB");
    assert_eq!(in_formats(&rgb, &gamma(45_000, None)), kept, "sRGB, rounded");
    assert_eq!(in_formats(&rgb, &gamma(None, P3_POINTS)), or(Colours::Converted));
    assert_eq!(in_formats(&rgb, &gamma(100_000, None)), or(Colours::Converted));
    let line = [31_270, 32_900, 10_000, 10_000, 20_000, 20_000, 30_000, 30_000];
    for impossible in [gamma(0, None), gamma(None, line), gamma(45_455, [0; 8]), gamma(None, [u32::MAX; 8])] {
        assert_eq!(in_formats(&rgb, &impossible), kept, "{impossible:?}");
    }
    assert_eq!(in_formats(&rgb, &gamma(1, line)), or(Colours::Converted));
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

/// Makes sure that a profile has the primaries of Display P3.
fn assert_p3(profile: &ColorProfile, format: &str) {
    let expected = ColorProfile::new_display_p3();
    for (ours, theirs) in [
        (profile.red_colorant, expected.red_colorant),
        (profile.green_colorant, expected.green_colorant),
        (profile.blue_colorant, expected.blue_colorant),
    ] {
        assert!((ours.x - theirs.x).abs() < 1e-3 && (ours.y - theirs.y).abs() < 1e-3, "{format}: {ours:?}");
    }
}

#[test]
fn where_there_is_no_cicp_a_profile_says_the_same() {
    for format in ["jpeg", "webp", "tiff"] {
        assert_p3(&written(format, Channels::Rgb, cicp(P3)), format);
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
fn where_there_is_no_gamma_a_profile_says_the_same() {
    for format in ["jpeg", "webp", "tiff"] {
        let p3 = written(format, Channels::Rgb, gamma(50_000, P3_POINTS));
        assert_p3(&p3, format);
        assert_eq!(p3.green_trc, Some(ToneReprCurve::Parametric(vec![2.0])), "{format}");
        assert_p3(&written(format, Channels::Rgb, gamma(None, P3_POINTS)), format);
    }
    for (format, metadata) in [("jpeg", gamma(50_000, None)), ("tiff", cicp([1, 4, 0, 1]))] {
        let grey = written(format, Channels::Grey, metadata);
        assert_eq!(grey.color_space, DataColorSpace::Gray, "{format}");
        assert!(grey.gray_trc.is_some(), "{format}");
    }
}

/// A PNG of one pixel with these chunks.
fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = png::Encoder::new(&mut file, 1, 1).write_header().unwrap();
    for (name, content) in chunks {
        writer.write_chunk(png::chunk::ChunkType(**name), content).unwrap();
    }
    writer.write_image_data(&[7]).unwrap();
    writer.finish().unwrap();
    file
}

#[test]
fn srgb_overrules_gamma_in_png() {
    let gamma = (b"gAMA", &50_000_u32.to_be_bytes()[..]);
    let read = |chunks: &[_]| read(&png_of(chunks), &Limits::default()).unwrap().metadata;
    assert_eq!(read(&[gamma]).gamma, Some(50_000));
    assert_eq!(read(&[(b"sRGB", &[0]), gamma]).gamma, None);
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

    let mut light =
        Image::new(Header::new(1, 1, Channels::Rgb, Depth::U8), Samples::U8(vec![128; 3])).unwrap();
    light.metadata = gamma(100_000, None);
    let Samples::U16(got) = to_srgb(light).unwrap().samples else { panic!("16 bits") };
    assert!(got.iter().all(|v| (i32::from(*v) - level(128.0 / 255.0)).abs() < 200), "{got:?}");

    let mut grey =
        Image::new(Header::new(2, 1, Channels::Grey, Depth::U16), Samples::U16(vec![0, 14_027])).unwrap();
    grey.metadata = icc(&ColorProfile::new_gray_with_gamma(1.0));
    let Samples::U16(got) = to_srgb(grey).unwrap().samples else { panic!("16 bits") };
    assert!(got[0] == 0 && (i32::from(got[1]) - 32_768).abs() < 200, "{got:?}");
}
