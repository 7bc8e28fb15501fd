//! Files that other programs wrote. All show the same picture; see `testdata/images/README.md`.

use amplio_media::images::{Limits, by_name, detect, read, read_header};
use amplio_media::{Channels, Depth, Header, Image, Samples, Transfer, convert};

use super::sample;

const W: u32 = 24;
const H: u32 = 16;

/// Name, layout, depth, and the largest difference to the true picture in 8-bit steps.
const FILES: &[(&str, Channels, Depth, f32)] = &[
    ("interlaced.png", Channels::Rgb, Depth::U8, 0.0),
    ("animated.png", Channels::Rgb, Depth::U8, 0.0),
    ("palette.png", Channels::Rgb, Depth::U8, 90.0),
    ("palette-alpha.png", Channels::Rgba, Depth::U8, 255.0),
    ("grey16.png", Channels::Grey, Depth::U16, 0.01),
    ("icc.png", Channels::Rgb, Depth::U8, 0.0),
    ("bilevel.png", Channels::Grey, Depth::U8, 255.0),
    ("progressive.jpg", Channels::Rgb, Depth::U8, 20.0),
    ("grey.jpg", Channels::Grey, Depth::U8, 8.0),
    ("rgb.jpg", Channels::Rgb, Depth::U8, 8.0),
    ("lossy.webp", Channels::Rgba, Depth::U8, 255.0),
    ("lossless.webp", Channels::Rgba, Depth::U8, 0.0),
    ("rgb.bmp", Channels::Rgb, Depth::U8, 0.0),
    ("rgb.tga", Channels::Rgb, Depth::U8, 0.0),
    ("rle.tga", Channels::Rgba, Depth::U8, 0.0),
    ("rgb.qoi", Channels::Rgb, Depth::U8, 0.0),
    ("plain.ppm", Channels::Rgb, Depth::U8, 0.0),
    ("rgb.ppm", Channels::Rgb, Depth::U8, 0.0),
    ("bilevel.pbm", Channels::Grey, Depth::U8, 255.0),
    ("animated.gif", Channels::Rgb, Depth::U8, 90.0),
    ("rgb16.tif", Channels::Rgb, Depth::U16, 0.01),
    ("tiled.tif", Channels::Rgb, Depth::U8, 0.0),
    ("planar.tif", Channels::Rgb, Depth::U8, 0.0),
    ("float.tif", Channels::Rgb, Depth::F32, 0.01),
    ("big-endian.tif", Channels::Rgb, Depth::U16, 0.01),
    ("big.tif", Channels::Rgb, Depth::U8, 0.0),
    ("associated.tif", Channels::Rgba, Depth::U8, 255.0),
    ("palette.tif", Channels::Rgb, Depth::U8, 90.0),
    ("bilevel.tif", Channels::Grey, Depth::U8, 255.0),
    ("jpeg.tif", Channels::Rgb, Depth::U8, 20.0),
    ("rgb.jxl", Channels::Rgb, Depth::U8, 0.0),
    ("rgb16.jxl", Channels::Rgb, Depth::U16, 0.01),
    ("rgba.jxl", Channels::Rgba, Depth::U8, 255.0),
    ("grey.jxl", Channels::Grey, Depth::U8, 0.0),
    ("lossy.jxl", Channels::Rgb, Depth::U8, 20.0),
    ("float.jxl", Channels::Rgb, Depth::F32, 0.5),
    ("420.avif", Channels::Rgb, Depth::U8, 20.0),
    ("rgba.avif", Channels::Rgba, Depth::U8, 255.0),
    ("10bit.avif", Channels::Rgb, Depth::U16, 8.0),
    ("grey.avif", Channels::Grey, Depth::U8, 8.0),
    ("rgb.exr", Channels::Rgb, Depth::F32, 0.5),
    ("rgba.exr", Channels::Rgba, Depth::F32, 255.0),
    ("grey.exr", Channels::Grey, Depth::F32, 0.5),
    ("flat.hdr", Channels::Rgb, Depth::F32, 3.0),
];

/// The true picture at a pixel: the same formula as in the script that made the files.
fn truth(x: u32, y: u32) -> [f32; 3] {
    [x * 255 / (W - 1), y * 255 / (H - 1), (x + y) * 255 / (W + H - 2)].map(|v| v as f32)
}

/// The colour of a pixel in 8-bit steps, whatever the file stores.
fn colour(name: &str, image: &Image, x: u32, y: u32) -> [f32; 4] {
    let n = image.channels.count();
    let at = (y * image.width + x) as usize * n;
    let sample = |i: usize| match &image.samples {
        Samples::U8(v) => f32::from(v[at + i]),
        Samples::U16(v) => f32::from(v[at + i]) / 257.0,
        Samples::F32(v) if i + 1 == n && image.channels.has_alpha() => v[at + i] * 255.0,
        // The floats of EXR and HDR go up to 4.
        Samples::F32(v) if name.ends_with("exr") || name.ends_with("hdr") => v[at + i] * 255.0 / 4.0,
        Samples::F32(v) => v[at + i] * 255.0,
    };
    let alpha = if image.channels.has_alpha() { sample(n - 1) } else { 255.0 };
    if image.channels.colours() == 1 {
        return [sample(0), sample(0), sample(0), alpha];
    }
    [sample(0), sample(1), sample(2), alpha]
}

/// Whether a file was made from 16-bit values, not from the rounded 8-bit ones.
fn made_from_16_bits(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "grey16.png",
        "rgb16.tif",
        "float.tif",
        "big-endian.tif",
        "rgb16.jxl",
        "float.jxl",
        "10bit.avif",
        "rgb.exr",
        "rgba.exr",
        "grey.exr",
        "flat.hdr",
    ];
    NAMES.contains(&name)
}

#[test]
fn files_of_other_programs() {
    for &(name, channels, depth, tolerance) in FILES {
        let bytes = sample(name);
        let (format, header) = read_header(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let image = read(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(image.header(), header, "{name}");
        assert_eq!(
            (header.width, header.height, header.channels, header.depth),
            (W, H, channels, depth),
            "{name}"
        );
        assert_eq!(detect(&bytes[..64.min(bytes.len())]), Some(format), "{name}");
        let mut mean = 0.0;
        for y in 0..H {
            for x in 0..W {
                let (got, mut wanted) = (colour(name, &image, x, y), truth(x, y));
                if channels.colours() == 1 {
                    wanted = [wanted[0]; 3];
                }
                if made_from_16_bits(name) {
                    let exact = |v: u32, max: u32| (v * 65535 / max) as f32 / 257.0;
                    wanted = [exact(x, W - 1), exact(y, H - 1), exact(x + y, W + H - 2)];
                    if channels.colours() == 1 {
                        wanted = [wanted[0]; 3];
                    }
                }
                if got[3] < 20.0 {
                    continue;
                }
                for i in 0..3 {
                    let difference = (got[i] - wanted[i]).abs();
                    mean += difference / (W * H * 3) as f32;
                    assert!(difference <= tolerance + 0.51, "{name} {x},{y}: {got:?} for {wanted:?}");
                }
            }
        }
        assert!(
            mean <= if name.contains("bilevel") { 100.0 } else { 25.0f32.min(tolerance + 0.51) },
            "{name}: {mean}"
        );
    }
}

#[test]
fn alpha_is_straight() {
    for name in ["associated.tif", "rgba.exr", "rgba.avif", "rgba.jxl", "lossless.webp", "rle.tga"] {
        let image = read(&sample(name), &Limits::default()).unwrap();
        for y in 0..H {
            for x in 5..W {
                let got = colour(name, &image, x, y);
                let alpha = (255 - y * 8) as f32;
                assert!((got[3] - alpha).abs() < 3.0, "{name} {x},{y}: {got:?}");
                for (i, wanted) in truth(x, y).into_iter().enumerate() {
                    assert!((got[i] - wanted).abs() < 14.0, "{name} {x},{y}: {got:?}");
                }
            }
            assert!(colour(name, &image, 2, y)[3] < 2.0, "{name}");
        }
    }
}

#[test]
fn inks_become_light() {
    for name in ["cmyk.jpg", "ycck.jpg", "cmyk.tif"] {
        let image = read(&sample(name), &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        for y in 0..H {
            for x in 0..W {
                let got = colour(name, &image, x, y);
                for (i, light) in truth(x, y).into_iter().enumerate() {
                    let wanted = light * (255 - x * 2) as f32 / 255.0;
                    assert!((got[i] - wanted).abs() < 14.0, "{name} {x},{y} {i}: {got:?} for {wanted}");
                }
            }
        }
    }
}

/// The profile says that every ink prints mid-grey, which the simple formula would not.
#[test]
fn inks_go_through_their_profile() {
    let image = read(&sample("cmyk-icc.jpg"), &Limits::default()).unwrap();
    assert_eq!(image.metadata.icc, None, "a profile for inks does not fit RGB samples");
    let got = colour("", &image, 0, 0);
    let spread = got[..3].iter().fold(0.0f32, |a, v| a.max((v - got[0]).abs()));
    assert!(spread < 6.0 && (100.0..160.0).contains(&got[0]), "{got:?}");
}

#[test]
fn odd_jpeg_files_are_read() {
    for name in ["rgb.jpg", "grey.jpg", "progressive.jpg", "cmyk.jpg"] {
        let bytes = sample(name);
        let expected = read(&bytes, &Limits::default()).unwrap();
        let without_end = bytes.strip_suffix(b"\xff\xd9").unwrap();
        let padded = [&bytes[..2], &[0xFF; 9], &bytes[2..]].concat();
        let more = [&bytes[..], &bytes[..200]].concat();
        for (what, odd) in [
            ("without an end", without_end.to_vec()),
            ("with half an end", [without_end, b"\xff"].concat()),
            ("with zeros for an end", [without_end, &[0; 100]].concat()),
            ("with padding before a marker", padded),
            ("with something behind the end", more),
        ] {
            let image = read(&odd, &Limits::default()).unwrap_or_else(|e| panic!("{name} {what}: {e}"));
            assert_eq!(image, expected, "{name} {what}");
        }
    }
}

#[test]
fn jpeg_files_that_lack_rows_are_refused() {
    for name in ["rgb.jpg", "grey.jpg", "progressive.jpg", "cmyk.jpg"] {
        let bytes = sample(name);
        for missing in [3, 10, 25] {
            let cut = &bytes[..bytes.len() - missing];
            for file in [cut.to_vec(), [cut, &vec![0; missing]].concat()] {
                let error = read(&file, &Limits::default()).unwrap_err().to_string();
                assert_eq!(
                    error, "broken jpeg file: the file ends before the picture does",
                    "{name} without {missing} bytes"
                );
            }
        }
    }
}

/// A TGA file of two pixels of 32 bits, the descriptor of which tells of so many bits of alpha.
fn tga(attribute_bits: u8, alpha: [u8; 2]) -> Vec<u8> {
    let mut file = vec![0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 32, 0x20 | attribute_bits];
    alpha.into_iter().for_each(|alpha| file.extend([10, 20, 30, alpha]));
    file
}

#[test]
fn padding_of_tga_is_not_taken_for_alpha() {
    let alpha = |bits, stored| match read(&tga(bits, stored), &Limits::default()).unwrap().samples {
        Samples::U8(samples) => [samples[3], samples[7]],
        other => panic!("{other:?}"),
    };
    assert_eq!(alpha(0, [0, 0]), [255, 255], "padding");
    assert_eq!(alpha(0, [0, 128]), [0, 128], "alpha of a writer that does not say so");
    assert_eq!(alpha(8, [0, 0]), [0, 0], "alpha");
}

#[test]
fn the_display_window_of_exr_is_the_picture() {
    let bytes = sample("rgba.exr");
    let whole = read(&bytes, &Limits::default()).unwrap();
    let at = bytes.windows(14).position(|w| w == b"displayWindow\0").unwrap() + 14 + 6 + 4;
    let shown = |window: [i32; 4]| {
        let mut file = bytes.clone();
        file[at..at + 16].copy_from_slice(&window.map(i32::to_le_bytes).concat());
        let (_, header) = read_header(&file).unwrap();
        let image = read(&file, &Limits::default()).unwrap();
        assert_eq!(image.header(), header);
        image
    };
    let (Samples::F32(from), window) = (&whole.samples, [-3, 5, 9, 40]) else { panic!() };
    let image = shown(window);
    assert_eq!((image.width, image.height), (13, 36));
    let Samples::F32(to) = &image.samples else { panic!() };
    for (at, pixel) in to.chunks_exact(4).enumerate() {
        let (x, y) = (at % 13, at / 13 + 5);
        match x.checked_sub(3).filter(|_| y < H as usize) {
            Some(x) => assert_eq!(pixel, &from[(y * W as usize + x) * 4..][..4], "{x},{y}"),
            None => assert_eq!(pixel, [0.0; 4], "{x},{y}"),
        }
    }
    assert!(matches!(shown([100, 100, 102, 103]).samples, Samples::F32(v) if v == [0.0; 3 * 4 * 4]));
}

#[test]
fn orientation_of_tiff_is_applied() {
    let image = read(&sample("turned.tif"), &Limits::default()).unwrap();
    assert_eq!((image.width, image.height), (H, W));
    assert_eq!(read_header(&sample("turned.tif")).unwrap().1, image.header());
    for y in 0..W {
        for x in 0..H {
            assert_eq!(colour("", &image, x, y)[..3], truth(y, H - 1 - x), "{x},{y}");
        }
    }
}

#[test]
fn profiles_are_kept() {
    let image = read(&sample("icc.png"), &Limits::default()).unwrap();
    assert!(image.metadata.icc.is_some_and(|p| p.get(36..40) == Some(b"acsp")));
}

#[test]
fn floats_are_linear() {
    for name in ["rgb.exr", "flat.hdr", "float.tif"] {
        assert_eq!(read_header(&sample(name)).unwrap().1.transfer, Transfer::Linear, "{name}");
    }
    let image = read(&sample("rgb.exr"), &Limits::default()).unwrap();
    let to = Header { depth: Depth::U8, transfer: Transfer::Encoded, ..image.header() };
    let Samples::U8(v) = convert(&image.samples, &image.header(), &to).unwrap() else { panic!() };
    assert_eq!(v[v.len() - 3..], [255; 3], "brighter than white is clipped");
}

#[test]
fn names_and_extensions() {
    assert_eq!(amplio_media::images::by_extension(".JPG"), by_name("jpeg"));
    assert!(by_name("nothing").is_none());
    assert!(detect(b"").is_none());
    assert!(detect(b"hello, this is a text of more than eighteen bytes").is_none());
}
