//! Broken and malicious files: errors, never panics, never large allocations.

use std::path::PathBuf;

use amplio_media::images::{FORMATS, Limits, WriteOptions, by_name, read, read_header};
use amplio_media::{Channels, Depth, Error, Header};

use super::{sample, scene, write};

fn samples() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| !n.ends_with(".md") && !n.ends_with(".py"))
        .collect();
    names.sort();
    let mut all: Vec<_> = names.into_iter().map(|n| (n.clone(), sample(&n))).collect();
    for format in FORMATS.iter().filter(|f| f.write.is_some()) {
        let header = Header::new(9, 7, Channels::Rgb, Depth::U8).fitted(format).unwrap();
        let file = write(format, &header, &scene(&header), &WriteOptions::default(), 3);
        all.push((format!("own.{}", format.name), file));
    }
    all
}

/// Small limits, so that a damaged size cannot make a test slow.
const LIMITS: Limits = Limits { max_pixels: 1 << 16, max_bytes: 1 << 20 };

#[test]
fn truncation_at_every_byte() {
    for (name, bytes) in samples() {
        let expected = read(&bytes, &LIMITS).unwrap();
        // The last number of a text may lose digits.
        let length = if name == "plain.ppm" { bytes.len() - 4 } else { bytes.len() };
        for end in 0..length {
            if let Ok(image) = read(&bytes[..end], &LIMITS) {
                assert!(image.header() == expected.header(), "{name} cut at {end}: another shape");
                assert!(image.samples == expected.samples, "{name} cut at {end}: another picture");
            }
        }
    }
}

#[test]
fn one_wrong_byte_anywhere() {
    for (name, bytes) in samples() {
        // A profile for inks costs a large table every time.
        let step = if name.starts_with("cmyk-icc") { 101 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8) | 0x80;
            let _ = read(&damaged, &LIMITS);
        }
    }
}

#[test]
fn promises_of_a_huge_picture_are_refused() {
    let png = |side: u32| {
        let mut file = sample("interlaced.png");
        file[16..20].copy_from_slice(&side.to_be_bytes());
        file[20..24].copy_from_slice(&side.to_be_bytes());
        let crc = crc32(&file[12..29]);
        file[29..33].copy_from_slice(&crc.to_be_bytes());
        file
    };
    let refused = |file: &[u8]| {
        let error = read(file, &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    };
    refused(&png(100_000));
    assert!(read_header(&png(100_000)).is_ok());
    refused(b"P6\n100000 100000\n255\n");
    refused(b"PF\n100000 100000\n-1.0\n");
    let mut qoi = b"qoif".to_vec();
    qoi.extend([0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0, 3, 0, 0, 0]);
    assert!(read(&qoi, &Limits::default()).is_err());
    let mut tiff = sample("big-endian.tif");
    for tag in [256u16, 257] {
        let at = tiff.windows(2).position(|w| w == tag.to_be_bytes()).unwrap();
        tiff[at + 2..at + 4].copy_from_slice(&4u16.to_be_bytes());
        tiff[at + 8..at + 12].copy_from_slice(&100_000u32.to_be_bytes());
    }
    assert!(read(&tiff, &Limits::default()).is_err());
    let header = Header::new(100, 100, Channels::Rgb, Depth::U8);
    let file = write(by_name("jpeg").unwrap(), &header, &scene(&header), &WriteOptions::default(), 100);
    let small = Limits { max_pixels: 9999, ..Limits::default() };
    assert!(matches!(read(&file, &small).unwrap_err(), Error::Limit { limit: 9999, .. }));
    let small = Limits { max_bytes: 29_999, ..Limits::default() };
    assert!(matches!(read(&file, &small).unwrap_err(), Error::Limit { limit: 29_999, .. }));
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    })
}
