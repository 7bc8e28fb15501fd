//! What is written is read again: samples, depth, channels and metadata.

use amplio_media::images::{FORMATS, Format, Limits, Sink, WriteOptions, by_name, read, read_header, writer};
use amplio_media::{Channels, Density, DensityUnit, Depth, Error, Header, Metadata, Samples, Transfer};

use super::{Shared, scene, write};

const W: u32 = 37;
const H: u32 = 23;

/// An EXIF block with an orientation, an EXIF directory with the pixel dimensions, and a maker.
fn exif(orientation: u8, width: u32, height: u32, big_endian: bool) -> Vec<u8> {
    let w = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let d = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let mut block = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    block.extend(d(8));
    block.extend(w(3));
    let mut entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        block.extend([w(tag), w(kind)].concat());
        block.extend(d(count));
        block.extend(value);
    };
    entry(0x010F, 2, 4, *b"abc\0");
    let short = w(u16::from(orientation));
    entry(0x0112, 3, 1, [short[0], short[1], 0, 0]);
    entry(0x8769, 4, 1, d(50));
    block.extend(d(0));
    block.extend(w(2));
    for (tag, value) in [(0xA002, width), (0xA003, height)] {
        block.extend([w(tag), w(4)].concat());
        block.extend([d(1), d(value)].concat());
    }
    block.extend(d(0));
    block
}

fn metadata() -> Metadata {
    let mut icc = vec![0; 130_000];
    icc.iter_mut().enumerate().for_each(|(i, b)| *b = (i * i / 7) as u8);
    icc[16..20].copy_from_slice(b"RGB ");
    Metadata {
        icc: Some(icc),
        exif: Some(exif(1, W, H, true)),
        xmp: Some(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa4</x:xmpmeta>".to_vec()),
        density: Some(Density { x: 300.0, y: 150.0, unit: DensityUnit::Inch }),
        ..Metadata::default()
    }
}

fn writable() -> impl Iterator<Item = &'static Format> {
    FORMATS.iter().copied().filter(|f| f.write.is_some())
}

#[test]
fn every_layout_of_every_format() {
    for format in writable() {
        let capability = format.write.as_ref().unwrap();
        // GIF has few colours and no half-transparent pixels; what it does with them is tested with animations.
        if !capability.lossy && !capability.lossless {
            continue;
        }
        for &channels in capability.channels {
            for &depth in capability.depths {
                let mut header = Header::new(W, H, channels, depth);
                if depth == Depth::F32 {
                    header.transfer = Transfer::Linear;
                }
                assert_eq!(header.fitted(format).unwrap(), header);
                let samples = scene(&header);
                let quality = if capability.lossless { 100 } else { 90 };
                let options = WriteOptions { quality, ..WriteOptions::default() };
                let file = write(format, &header, &samples, &options, 5);
                let (found, shape) = read_header(&file).unwrap();
                assert_eq!((found, shape), (format, header), "{} {channels:?} {depth:?}", format.name);
                let image = read(&file, &Limits::default()).unwrap();
                assert_eq!(image.header(), header);
                if capability.lossless {
                    assert!(image.samples == samples, "{} {channels:?} {depth:?}", format.name);
                } else {
                    let psnr = super::quality::psnr(&samples, &image.samples);
                    assert!(psnr > 32.0, "{} {channels:?} {depth:?}: {psnr}", format.name);
                }
            }
        }
    }
}

#[test]
fn metadata_byte_for_byte() {
    for format in writable() {
        let keeps = format.write.as_ref().unwrap().keeps;
        let header = Header::new(W, H, Channels::Rgb, Depth::U8).fitted(format).unwrap();
        let kept = metadata();
        let options = WriteOptions { metadata: kept.clone(), ..WriteOptions::default() };
        let got = read(&write(format, &header, &scene(&header), &options, 100), &Limits::default())
            .unwrap()
            .metadata;
        let name = format.name;
        assert_eq!(got.icc, kept.icc.filter(|_| keeps.icc), "{name}");
        assert_eq!(got.xmp, kept.xmp.filter(|_| keeps.xmp), "{name}");
        // TIFF stores directories, not a block; the next test looks at them.
        if name != "tiff" {
            assert_eq!(got.exif, kept.exif.filter(|_| keeps.exif), "{name}");
        }
        if keeps.density {
            let density = got.density.unwrap();
            let factor = if density.unit == DensityUnit::Metre { 0.0254 } else { 1.0 };
            assert!(
                (density.x * factor - 300.0).abs() < 0.02 && (density.y * factor - 150.0).abs() < 0.02,
                "{name}"
            );
        } else {
            assert_eq!(got.density, None, "{name}");
        }
    }
}

#[test]
fn exif_survives_tiff() {
    let (tiff, png) = (by_name("tiff").unwrap(), by_name("png").unwrap());
    let header = Header::new(W, H, Channels::Rgb, Depth::U8);
    let options = WriteOptions { metadata: metadata(), ..WriteOptions::default() };
    let once = read(&write(tiff, &header, &scene(&header), &options, 9), &Limits::default()).unwrap();
    let block = once.metadata.exif.clone().unwrap();
    let contains = |needle: &[u8]| block.windows(needle.len()).any(|w| w == needle);
    assert!(
        contains(b"abc\0") && contains(&[&W.to_le_bytes()[..], &[3, 0xA0]].concat()),
        "maker and dimensions"
    );
    let options = WriteOptions { metadata: once.metadata, ..WriteOptions::default() };
    let twice = read(&write(png, &header, &scene(&header), &options, 9), &Limits::default()).unwrap();
    assert_eq!(twice.metadata.exif, Some(block));
}

#[test]
fn png_colour_chunks_and_texts() {
    let header = Header::new(W, H, Channels::Rgb, Depth::U8);
    let mut kept = Metadata {
        gamma: Some(45455),
        chromaticities: Some([31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000]),
        cicp: Some([9, 16, 0, 1]),
        texts: vec![("parameters".into(), "a cat".into()), ("Author".into(), "Zoë 猫".into())],
        ..Metadata::default()
    };
    let options = WriteOptions { metadata: kept.clone(), ..WriteOptions::default() };
    let png = by_name("png").unwrap();
    let got = read(&write(png, &header, &scene(&header), &options, 9), &Limits::default()).unwrap().metadata;
    assert_eq!(got, kept);
    kept.strip();
    assert!(kept.texts.is_empty() && kept.cicp.is_some());
}

/// A picture turned in eight ways reads as one picture, and says that it is upright.
#[test]
fn every_orientation_once() {
    let header = Header::new(W, H, Channels::Rgb, Depth::U8);
    let Samples::U8(upright) = scene(&header) else { panic!() };
    let pixel = |x: u32, y: u32| &upright[((y * W + x) * 3) as usize..][..3];
    for name in ["png", "webp", "jpeg"] {
        let format = by_name(name).unwrap();
        for orientation in 1..=8u8 {
            let swapped = orientation > 4;
            let (w, h) = if swapped { (H, W) } else { (W, H) };
            let mut stored = Vec::new();
            for sy in 0..h {
                for sx in 0..w {
                    // Where this stored pixel is seen: EXIF's words for rows and columns.
                    let (x, y) = match orientation {
                        1 => (sx, sy),
                        2 => (W - 1 - sx, sy),
                        3 => (W - 1 - sx, H - 1 - sy),
                        4 => (sx, H - 1 - sy),
                        5 => (sy, sx),
                        6 => (W - 1 - sy, sx),
                        7 => (W - 1 - sy, H - 1 - sx),
                        _ => (sy, H - 1 - sx),
                    };
                    stored.extend_from_slice(pixel(x, y));
                }
            }
            let xmp = format!("<a tiff:Orientation=\"{orientation}\"/>").into_bytes();
            let density = Some(Density { x: 2000.0, y: 4000.0, unit: DensityUnit::Metre });
            let block = exif(orientation, w, h, orientation % 2 == 0);
            let metadata = Metadata { exif: Some(block), xmp: Some(xmp), density, ..Metadata::default() };
            let options = WriteOptions { quality: 100, metadata, ..WriteOptions::default() };
            let file = write(
                format,
                &Header::new(w, h, Channels::Rgb, Depth::U8),
                &Samples::U8(stored),
                &options,
                4,
            );
            let (_, shape) = read_header(&file).unwrap();
            assert_eq!((shape.width, shape.height), (W, H), "{name} {orientation}");
            let image = read(&file, &Limits::default()).unwrap();
            let psnr = super::quality::psnr(&image.samples, &Samples::U8(upright.clone()));
            assert!(psnr > 35.0, "{name} {orientation}: {psnr}");
            assert_eq!(
                image.metadata.exif.unwrap(),
                exif(1, w, h, orientation % 2 == 0),
                "{name} {orientation}"
            );
            assert_eq!(image.metadata.xmp.unwrap(), b"<a tiff:Orientation=\"1\"/>");
            if name == "png" {
                assert_eq!(image.metadata.density.unwrap().x, if swapped { 4000.0 } else { 2000.0 });
            }
        }
    }
}

#[test]
fn exif_dimensions_follow_the_picture() {
    let header = Header::new(W, H, Channels::Rgb, Depth::U8);
    let metadata = Metadata { exif: Some(exif(1, 5, 6, false)), ..Metadata::default() };
    let options = WriteOptions { metadata, ..WriteOptions::default() };
    let file = write(by_name("png").unwrap(), &header, &scene(&header), &options, 4);
    assert_eq!(read(&file, &Limits::default()).unwrap().metadata.exif, Some(exif(1, W, H, false)));
}

#[test]
fn bands_do_not_change_the_file() {
    for format in writable() {
        let header = Header::new(W, H, Channels::Rgb, Depth::U16).fitted(format).unwrap();
        let samples = scene(&header);
        let options = WriteOptions { quality: 80, metadata: metadata(), ..WriteOptions::default() };
        let whole = write(format, &header, &samples, &options, H as usize);
        for band in [1, 7] {
            assert!(write(format, &header, &samples, &options, band) == whole, "{} {band}", format.name);
        }
    }
}

#[test]
fn misuse_is_refused() {
    for format in writable() {
        let header = Header::new(W, H, Channels::Rgb, Depth::U8).fitted(format).unwrap();
        let open = || writer(format, &header, &WriteOptions::default(), Box::new(Shared::default())).unwrap();
        let samples = scene(&header);
        let row = header.row_samples();
        let mut short = open();
        short.write_rows(&samples.slice(0..row * 3)).unwrap();
        assert!(matches!(short.finish(), Err(Error::Misuse { .. })), "{}", format.name);
        let mut long = open();
        long.write_rows(&samples).unwrap();
        assert!(long.write_rows(&samples.slice(0..row)).is_err());
        assert!(open().write_rows(&samples.slice(0..row + 1)).is_err());
        drop(open());
    }
}

/// A disk that is full after some bytes.
struct Full(usize, u64);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| std::io::Error::other("disk full"))?;
        self.1 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Seek for Full {
    fn seek(&mut self, _: std::io::SeekFrom) -> std::io::Result<u64> {
        Ok(self.1)
    }
}

#[test]
fn errors_of_the_sink_come_back() {
    for format in writable() {
        let header = Header::new(300, 300, Channels::Rgb, Depth::U8).fitted(format).unwrap();
        let samples = scene(&header);
        let attempt = |room: usize| {
            let sink: Sink = Box::new(Full(room, 0));
            let mut out = writer(format, &header, &WriteOptions::default(), sink)?;
            for start in (0..samples.len()).step_by(header.row_samples()) {
                out.write_rows(&samples.slice(start..start + header.row_samples()))?;
            }
            out.finish()
        };
        let whole = write(format, &header, &samples, &WriteOptions::default(), 1).len();
        for room in [0, 100, 1500, whole - 1] {
            let error = attempt(room).unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{}: {error}", format.name);
            assert!(error.to_string().contains("disk full"), "{}: {error}", format.name);
        }
    }
}

#[test]
fn formats_say_what_they_cannot() {
    let open = |name: &str, header: Header| {
        writer(by_name(name).unwrap(), &header, &WriteOptions::default(), Box::new(Shared::default()))
            .err()
            .unwrap()
    };
    let huge = |side| Header::new(side, 1, Channels::Rgb, Depth::U8);
    for (name, side) in [("webp", 16384), ("jpeg", 65536), ("avif", 65536)] {
        let error = open(name, huge(side));
        assert!(matches!(error, Error::Limit { limit, .. } if limit == u64::from(side) - 1), "{error}");
        assert!(error.to_string().contains("png"), "{error}");
    }
    assert!(matches!(open("bmp", Header::new(40000, 40000, Channels::Rgb, Depth::U8)), Error::Limit { .. }));
    assert!(matches!(open("qoi", Header::new(40000, 40000, Channels::Rgb, Depth::U8)), Error::Limit { .. }));
    assert!(matches!(open("jpeg", Header::new(4, 4, Channels::Rgba, Depth::U8)), Error::Unsupported { .. }));
    assert!(matches!(open("jxl", huge(1)), Error::Unsupported { .. }));
}

#[test]
fn fitting() {
    let fitted = |name: &str, channels, depth| {
        let header = Header::new(1, 1, channels, depth).fitted(by_name(name).unwrap()).unwrap();
        (header.channels, header.depth)
    };
    assert_eq!(fitted("jpeg", Channels::Rgba, Depth::U16), (Channels::Rgb, Depth::U8));
    assert_eq!(fitted("jpeg", Channels::GreyAlpha, Depth::F32), (Channels::Grey, Depth::U8));
    assert_eq!(fitted("webp", Channels::GreyAlpha, Depth::U8), (Channels::Rgba, Depth::U8));
    assert_eq!(fitted("png", Channels::Grey, Depth::F32), (Channels::Grey, Depth::U16));
    assert_eq!(fitted("bmp", Channels::GreyAlpha, Depth::U8), (Channels::Rgba, Depth::U8));
    assert_eq!(fitted("tiff", Channels::GreyAlpha, Depth::F32), (Channels::GreyAlpha, Depth::F32));
}

#[test]
fn a_png_of_several_strips_is_one_file_however_its_rows_come() {
    let png = by_name("png").unwrap();
    let shapes = [
        Header::new(1021, 1100, Channels::Rgb, Depth::U8),
        Header::new(401, 1300, Channels::GreyAlpha, Depth::U16),
        // A row is more than a strip.
        Header::new(600_001, 3, Channels::Grey, Depth::U16),
    ];
    for header in shapes {
        let mut samples = scene(&header);
        match &mut samples {
            Samples::U8(v) => v.iter_mut().step_by(7).for_each(|v| *v = v.wrapping_mul(167)),
            Samples::U16(v) => v.iter_mut().step_by(5).for_each(|v| *v = v.wrapping_mul(40_503)),
            Samples::F32(_) => {}
        }
        let options = WriteOptions::default();
        let whole = write(png, &header, &samples, &options, header.height as usize);
        assert!(read(&whole, &Limits::default()).unwrap().samples == samples, "{header:?}");
        for band in [1, 7, 64] {
            assert!(
                write(png, &header, &samples, &options, band) == whole,
                "{header:?}: {band} rows at a time"
            );
        }
    }
}

#[test]
fn formats_for_large_photographs_are_named() {
    let webp = by_name("webp").unwrap();
    let header = Header::new(20_000, 10, Channels::Rgb, Depth::U8);
    let sink = Shared::default();
    let error = writer(webp, &header, &WriteOptions::default(), Box::new(sink)).err().unwrap().to_string();
    assert!(error.contains("use png or jpeg or tiff instead"), "{error}");
}
