//! What is written is read again: every pixel, every delay.

use amplio_media::animations::{self, Delay, Dither, Frame, Loops, Options};
use amplio_media::images::{WriteOptions, by_name};
use amplio_media::{Channels, Depth, Error, Header, Metadata, Samples};

use super::{DELAYS, Shared, frames, options, pixels, read, shapes, write};

#[test]
fn round_trips() {
    for (format, header) in shapes() {
        for loops in [Loops::Forever, Loops::Times(1), Loops::Times(3), Loops::Times(65535)] {
            let file = write(format, &header, &options(loops, Metadata::default()));
            let (got, got_loops, _, read) = read(&file);
            let name = format!("{} {:?} {:?}", format.name, header.channels, header.depth);
            assert_eq!((got, got_loops), (header, loops), "{name}");
            for (number, (read, written)) in read.iter().zip(frames(&header)).enumerate() {
                assert_eq!(read.samples, written.samples, "{name}: frame {number}");
                assert_eq!(read.delay.seconds(), written.delay.seconds(), "{name}: frame {number}");
            }
        }
    }
}

#[test]
fn alpha_that_is_never_seen_is_left_out() {
    for (format, header) in shapes().into_iter().filter(|(_, header)| header.channels.has_alpha()) {
        let opaque = Header { channels: Channels::of(header.channels.colours(), false), ..header };
        let sink = Shared::default();
        let options = Options { frames: 2, ..options(Loops::Forever, Metadata::default()) };
        let mut writer = animations::writer(format, &header, &options, Box::new(sink.clone())).unwrap();
        for number in 0..2 {
            let samples = amplio_media::convert(&pixels(number, &opaque), &opaque, &header).unwrap();
            writer.write_frame(Frame { samples, delay: Delay::new(1, 10) }).unwrap();
        }
        writer.finish().unwrap();
        let (got, _, _, frames) = read(&sink.bytes());
        assert_eq!(got, opaque, "{}", format.name);
        assert_eq!(frames[1].samples, pixels(1, &opaque), "{}", format.name);
    }
}

#[test]
fn metadata_is_kept() {
    let metadata = Metadata {
        icc: Some((0..700u32).map(|v| v as u8).collect()),
        exif: Some(b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec()),
        xmp: Some(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".to_vec()),
        ..Metadata::default()
    };
    for (name, exif) in [("gif", false), ("webp", true), ("png", true)] {
        let header = Header::new(13, 9, Channels::Rgb, Depth::U8);
        let file = write(by_name(name).unwrap(), &header, &options(Loops::Forever, metadata.clone()));
        let (_, _, got, _) = read(&file);
        assert_eq!((&got.icc, &got.xmp), (&metadata.icc, &metadata.xmp), "{name}");
        assert_eq!(got.exif.is_some(), exif, "{name}");
    }
}

#[test]
fn delays_that_do_not_fit_are_rounded_without_drift_or_refused() {
    let header = Header::new(13, 9, Channels::Rgb, Depth::U8);
    for (name, unit) in [("gif", 0.01), ("webp", 0.001), ("png", 0.0)] {
        let format = by_name(name).unwrap();
        let sink = Shared::default();
        let options = Options { frames: 48, ..options(Loops::Forever, Metadata::default()) };
        let mut writer = animations::writer(format, &header, &options, Box::new(sink.clone())).unwrap();
        for number in 0..48 {
            let delay = Delay::new(1001, 24000);
            writer.write_frame(Frame { samples: pixels(number % 9, &header), delay }).unwrap();
        }
        writer.finish().unwrap();
        let total: f64 = read(&sink.bytes()).3.iter().map(|frame| frame.delay.seconds()).sum();
        assert!((total - 2.002).abs() <= unit / 2.0 + 1e-9, "{name}: {total}");

        let mut writer = animations::writer(format, &header, &options, Box::new(Shared::default())).unwrap();
        let forever = Frame { samples: pixels(0, &header), delay: Delay::new(u32::MAX, 1) };
        assert!(matches!(writer.write_frame(forever).unwrap_err(), Error::Limit { .. }), "{name}");
        assert!(matches!(writer.finish().unwrap_err(), Error::Misuse { .. }), "{name}");
    }
}

#[test]
fn wrong_calls_are_refused() {
    let header = Header::new(13, 9, Channels::Rgb, Depth::U8);
    let options = options(Loops::Forever, Metadata::default());
    let open = |name: &str, header: &Header, options: &Options| {
        animations::writer(by_name(name).unwrap(), header, options, Box::new(Shared::default()))
    };
    assert!(matches!(open("jpeg", &header, &options), Err(Error::Unsupported { .. })));
    assert!(matches!(open("jxl", &header, &options), Err(Error::Unsupported { .. })));
    let none = Options { frames: 0, ..options.clone() };
    assert!(matches!(open("png", &header, &none), Err(Error::Misuse { .. })));
    let wide = Header { width: 70_000, ..header };
    assert!(matches!(open("gif", &wide, &options), Err(Error::Limit { .. })));
    for name in ["gif", "png", "webp"] {
        let mut writer = open(name, &header, &options).unwrap();
        let short = Frame { samples: Samples::U8(vec![0; 3]), delay: Delay::new(1, 10) };
        assert!(matches!(writer.write_frame(short), Err(Error::Misuse { .. })), "{name}");
        assert!(matches!(writer.finish(), Err(Error::Misuse { .. })), "{name}: frames are missing");
    }
    assert_eq!(DELAYS.len(), 6);
}

/// A photograph has more colours than a palette; what is lost should not be seen.
#[test]
fn palettes_are_good() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/photos/astronaut.png");
    let limits = amplio_media::images::Limits::default();
    let photo = amplio_media::images::read(&std::fs::read(path).unwrap(), &limits).unwrap();
    let Samples::U8(samples) = &photo.samples else { panic!("8 bits") };
    let (width, height) = (160, 120);
    let rows = samples.chunks_exact(photo.width as usize * 3).skip(40).take(height);
    let samples: Vec<u8> = rows.flat_map(|row| &row[150 * 3..(150 + width) * 3]).copied().collect();
    let header = Header::new(width as u32, height as u32, Channels::Rgb, Depth::U8);
    let psnr = |dither| {
        let sink = Shared::default();
        let options = Options { frames: 2, loops: Loops::Forever, dither, picture: WriteOptions::default() };
        let format = by_name("gif").unwrap();
        let mut writer = animations::writer(format, &header, &options, Box::new(sink.clone())).unwrap();
        for _ in 0..2 {
            let samples = Samples::U8(samples.clone());
            writer.write_frame(Frame { samples, delay: Delay::new(1, 10) }).unwrap();
        }
        writer.finish().unwrap();
        let frames = read(&sink.bytes()).3;
        assert_eq!(frames[0].samples, frames[1].samples, "what does not change keeps its colours");
        let Samples::U8(got) = &frames[0].samples else { panic!("8 bits") };
        let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
        let mean = got.iter().zip(&samples).map(square).sum::<f64>() / samples.len() as f64;
        10.0 * (255.0f64 * 255.0 / mean).log10()
    };
    let (plain, diffused) = (psnr(Dither::None), psnr(Dither::Diffusion));
    assert!(plain > 34.0 && diffused > 31.0, "{plain:.1} dB, {diffused:.1} dB");
}
