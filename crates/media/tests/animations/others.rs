//! Files with every way in which a frame can come and go, against what other programs show: ffmpeg for GIF and APNG, libwebp
//! for WebP. Both ways: what we write, they read.

use std::borrow::Cow;
use std::path::Path;
use std::process::{Command, Stdio};

use amplio_media::animations::{Delay, Loops};
use amplio_media::images::by_name;
use amplio_media::{Channels, Depth, Header, Metadata, Samples, convert};
use gif::DisposalMethod;

use super::{H, W, frames, options, read, shapes, write};

/// A frame's place on the canvas, in the order of time.
const PLACES: [[u32; 4]; 6] =
    [[0, 0, W, H], [2, 2, 5, 4], [4, 0, 6, 7], [0, 4, 13, 5], [8, 2, 4, 4], [2, 0, 3, 9]];

/// What ffmpeg shows, as red, green, blue and alpha.
fn shown_by_ffmpeg(bytes: &[u8], demuxer: &str) -> Vec<Vec<u8>> {
    let folder = std::env::temp_dir().join(format!("amplio-animation-{}-{}", std::process::id(), unique()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("animation");
    std::fs::write(&file, bytes).unwrap();
    let frames = decoded(&file, demuxer);
    std::fs::remove_dir_all(&folder).unwrap();
    frames
}

fn unique() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn decoded(file: &Path, demuxer: &str) -> Vec<Vec<u8>> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", demuxer, "-i"])
        .arg(file)
        .args(["-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-"])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is installed; tools/test does it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.chunks(W as usize * H as usize * 4).map(<[u8]>::to_vec).collect()
}

/// Our frames as red, green, blue and alpha of 8 bits.
fn shown_by_us(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (header, _, _, frames) = read(bytes);
    let to = Header { channels: Channels::Rgba, depth: Depth::U8, ..header };
    let rgba = |samples: &Samples| match convert(samples, &header, &to).unwrap() {
        Samples::U8(v) => v,
        _ => panic!("8 bits"),
    };
    frames.iter().map(|frame| rgba(&frame.samples)).collect()
}

/// The same pixels, but for the colours of those that cannot be seen and for rounding.
#[track_caller]
fn assert_alike(ours: &[Vec<u8>], theirs: &[Vec<u8>], tolerance: u8, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (number, (a, b)) in ours.iter().zip(theirs).enumerate() {
        for (i, (a, b)) in a.chunks_exact(4).zip(b.chunks_exact(4)).enumerate() {
            let far = |i: usize| a[i].abs_diff(b[i]) > tolerance;
            let colours = a[3] > 0 && b[3] > 0 && (0..3).any(far);
            assert!(!colours && !far(3), "{what}: frame {number}, pixel {i}: {a:?} and {b:?}");
        }
    }
}

fn gif_of(dispose: [DisposalMethod; 6], interlaced: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let palette: Vec<u8> = (0..16u8).flat_map(|v| [v * 16, 255 - v * 9, v * 5]).collect();
    {
        let mut encoder = gif::Encoder::new(&mut file, W as u16, H as u16, &palette).unwrap();
        encoder.set_repeat(gif::Repeat::Finite(4)).unwrap();
        for (number, [x, y, width, height]) in PLACES.into_iter().enumerate() {
            let rows: Vec<Vec<u8>> = (0..height)
                .map(|row| {
                    (0..width).map(|column| ((column + row * 3 + number as u32 * 2) % 16) as u8).collect()
                })
                .collect();
            let order: Vec<usize> = match interlaced {
                true => [(0, 8), (4, 8), (2, 4), (1, 2)]
                    .iter()
                    .flat_map(|&(from, step)| (from..height as usize).step_by(step))
                    .collect(),
                false => (0..height as usize).collect(),
            };
            let buffer: Vec<u8> = order.iter().flat_map(|&row| rows[row].clone()).collect();
            let local: Vec<u8> = (0..16u8).flat_map(|v| [255 - v * 11, v * 16, 40]).collect();
            encoder
                .write_frame(&gif::Frame {
                    delay: number as u16 * 3,
                    dispose: dispose[number],
                    transparent: Some(5),
                    left: x as u16,
                    top: y as u16,
                    width: width as u16,
                    height: height as u16,
                    interlaced,
                    palette: (number % 2 == 1).then_some(local),
                    buffer: Cow::Owned(buffer),
                    ..gif::Frame::default()
                })
                .unwrap();
        }
    }
    file
}

#[test]
fn gif_in_every_way() {
    use DisposalMethod::{Any, Background, Keep, Previous};
    for (dispose, interlaced) in [
        ([Keep, Any, Keep, Keep, Any, Keep], false),
        ([Keep, Background, Keep, Background, Keep, Keep], false),
        ([Keep, Previous, Previous, Keep, Previous, Keep], true),
        ([Background, Keep, Previous, Background, Previous, Keep], true),
        ([Keep, Previous, Background, Previous, Keep, Background], false),
    ] {
        let file = gif_of(dispose, interlaced);
        let what = format!("{dispose:?}");
        assert_alike(&shown_by_us(&file), &shown_by_ffmpeg(&file, "gif"), 0, &what);
        let (_, loops, _, frames) = read(&file);
        assert_eq!(loops, Loops::Times(5), "one play and four more");
        let delays: Vec<_> = frames.iter().map(|frame| frame.delay).collect();
        assert_eq!(delays, [0, 3, 6, 9, 12, 15].map(|ticks| Delay::new(ticks, 100)));
    }
}

/// An APNG with these ways to come and go; the first picture is not part of it if `apart`.
fn apng_of(ways: [(png::DisposeOp, png::BlendOp); 6], depth: png::BitDepth, apart: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, W, H);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(depth);
    encoder.set_animated(6, 2).unwrap();
    encoder.set_sep_def_img(apart).unwrap();
    let mut writer = encoder.write_header().unwrap();
    let bytes = |width: u32, height: u32, number: u32| -> Vec<u8> {
        let alphas = [0, 255, 128, 60, 255, 200];
        let sample = |value: u32| match depth {
            png::BitDepth::Sixteen => (value as u16 * 257).to_be_bytes().to_vec(),
            _ => vec![value as u8],
        };
        let pixel = |i: u32| {
            let alpha = alphas[((i / 3 + number) % 6) as usize];
            [i * 7 % 256, i * 3 % 256, number * 40, alpha].into_iter().flat_map(sample)
        };
        (0..width * height).flat_map(pixel).collect()
    };
    if apart {
        writer.write_image_data(&bytes(W, H, 6)).unwrap();
    }
    for (number, ([x, y, width, height], (dispose, blend))) in PLACES.into_iter().zip(ways).enumerate() {
        writer.reset_frame_position().unwrap();
        writer.set_frame_dimension(width, height).unwrap();
        writer.set_frame_position(x, y).unwrap();
        writer.set_frame_delay(number as u16 + 1, if number == 3 { 0 } else { 30 }).unwrap();
        writer.set_dispose_op(dispose).unwrap();
        writer.set_blend_op(blend).unwrap();
        writer.write_image_data(&bytes(width, height, number as u32)).unwrap();
    }
    writer.finish().unwrap();
    file
}

#[test]
fn apng_in_every_way() {
    use png::BlendOp::{Over, Source};
    use png::DisposeOp::{Background, None, Previous};
    for ways in [
        [(None, Source), (None, Over), (None, Source), (None, Over), (None, Over), (None, Source)],
        [(None, Source), (Background, Over), (None, Over), (Background, Source), (None, Over), (None, Over)],
        [(None, Source), (Previous, Over), (Previous, Source), (None, Over), (Previous, Over), (None, Over)],
        [
            (Background, Source),
            (Previous, Over),
            (Background, Over),
            (None, Over),
            (None, Over),
            (None, Over),
        ],
    ] {
        let what = format!("{ways:?}");
        let eight = apng_of(ways, png::BitDepth::Eight, false);
        assert_alike(&shown_by_us(&eight), &shown_by_ffmpeg(&eight, "apng"), 2, &what);
        // With 16 bits the same pictures come out; our own 8-bit canvas rounds what is blended again and again.
        let sixteen = apng_of(ways, png::BitDepth::Sixteen, false);
        assert_eq!(read(&sixteen).0.depth, Depth::U16);
        assert_alike(&shown_by_us(&sixteen), &shown_by_us(&eight), 2, &what);
        let apart = apng_of(ways, png::BitDepth::Eight, true);
        assert_alike(&shown_by_us(&apart), &shown_by_us(&eight), 0, &what);
        let (_, loops, _, frames) = read(&apart);
        assert_eq!(loops, Loops::Times(2));
        let delays: Vec<_> = frames.iter().map(|frame| frame.delay).collect();
        let wanted = [1, 2, 3, 4, 5, 6].map(|n| Delay::new(n, if n == 4 { 100 } else { 30 }));
        assert_eq!(delays, wanted, "no denominator means hundredths");
    }
}

/// A WebP animation with frames that come and go as the flags say: bit 0 takes the frame away, bit 1 does not blend it.
fn webp_of(flags: [u8; 6], lossless: bool) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x12\0\0\0".to_vec();
    file.extend(&(W - 1).to_le_bytes()[..3]);
    file.extend(&(H - 1).to_le_bytes()[..3]);
    // A background colour that nobody shows, and three plays.
    file.extend(b"ANIM\x06\0\0\0\x11\x22\x33\x44\x03\0");
    for (number, ([x, y, width, height], flags)) in PLACES.into_iter().zip(flags).enumerate() {
        let alphas = [0, 255, 128, 60, 255, 200];
        let pixel = |i: u32| {
            let alpha = alphas[((i / 3 + number as u32) % 6) as usize];
            let opaque = number == 2;
            [i * 7 % 256, i * 3 % 256, number as u32 * 40, if opaque { 255 } else { alpha }].map(|v| v as u8)
        };
        let samples: Vec<u8> = (0..width * height).flat_map(pixel).collect();
        let encoder = webp::Encoder::from_rgba(&samples, width, height);
        let still = if lossless { encoder.encode_lossless() } else { encoder.encode(80.0) };
        let mut data = Vec::new();
        for value in [x / 2, y / 2, width - 1, height - 1, number as u32 * 11 + 1] {
            data.extend(&value.to_le_bytes()[..3]);
        }
        data.push(flags);
        // The chunks of the picture, without the header of a file of its own.
        let body = &still[12..];
        let from = if body.starts_with(b"VP8X") { 18 } else { 0 };
        data.extend(&body[from..]);
        file.extend(b"ANMF");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
    }
    let size = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

fn shown_by_libwebp(bytes: &[u8]) -> Vec<Vec<u8>> {
    let decoded = webp::AnimDecoder::new(bytes).decode().unwrap();
    decoded.into_iter().map(|frame| frame.get_image().to_vec()).collect()
}

#[test]
fn webp_in_every_way() {
    for flags in [[2, 0, 2, 0, 0, 2], [2, 1, 0, 3, 0, 0], [3, 0, 1, 0, 2, 1], [0, 1, 1, 1, 3, 0]] {
        for lossless in [true, false] {
            let file = webp_of(flags, lossless);
            let what = format!("{flags:?}, lossless: {lossless}");
            // Two decoders of lossy pictures round colours differently.
            let tolerance = if lossless { 2 } else { 6 };
            assert_alike(&shown_by_us(&file), &shown_by_libwebp(&file), tolerance, &what);
            let (_, loops, _, frames) = read(&file);
            assert_eq!(loops, Loops::Times(3));
            let delays: Vec<_> = frames.iter().map(|frame| frame.delay).collect();
            assert_eq!(delays, [1, 12, 23, 34, 45, 56].map(|ticks| Delay::new(ticks, 1000)));
        }
    }
}

#[test]
fn others_read_what_we_write() {
    for (format, header) in shapes() {
        let file = write(format, &header, &options(Loops::Times(2), Metadata::default()));
        let wanted: Vec<Vec<u8>> = shown_by_us(&file);
        let name = format!("{} {:?} {:?}", format.name, header.channels, header.depth);
        let theirs = match format.name {
            "webp" => shown_by_libwebp(&file),
            "png" => shown_by_ffmpeg(&file, "apng"),
            name => shown_by_ffmpeg(&file, name),
        };
        let tolerance = u8::from(header.depth == Depth::U16);
        assert_alike(&wanted, &theirs, tolerance, &name);
        assert_eq!(wanted.len(), frames(&header).len());
    }
}

#[test]
fn a_still_picture_is_no_animation() {
    for name in ["png", "gif", "webp", "jpeg"] {
        let header = Header::new(W, H, Channels::Rgb, Depth::U8);
        let sink = super::Shared::default();
        let format = by_name(name).unwrap();
        let options = amplio_media::images::WriteOptions::default();
        let mut writer =
            amplio_media::images::writer(format, &header, &options, Box::new(sink.clone())).unwrap();
        writer.write_rows(&super::pixels(0, &header)).unwrap();
        writer.finish().unwrap();
        let limits = amplio_media::animations::Limits::default();
        assert!(!amplio_media::animations::moves(&sink.bytes(), &limits).unwrap(), "{name}");
        let image = amplio_media::images::read(&sink.bytes(), &Default::default()).unwrap();
        assert_eq!((image.width, image.height), (W, H), "{name}");
    }
}
