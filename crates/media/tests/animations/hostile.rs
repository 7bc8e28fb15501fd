//! Broken and malicious animations: errors, never panics, never large allocations.

use amplio_media::animations::{self, Limits, Loops};
use amplio_media::images::{self, by_name};
use amplio_media::{Channels, Depth, Error, Header, Metadata};

use super::{options, shapes, write};

/// Small limits, so that a damaged size cannot make a test slow.
const LIMITS: Limits = Limits {
    picture: images::Limits { max_pixels: 1 << 12, max_bytes: 1 << 16 },
    max_frames: 50,
    max_pixels: 1 << 16,
};

fn samples() -> Vec<(String, Vec<u8>)> {
    let file = |(format, header): (&'static images::Format, Header)| {
        let metadata = Metadata { xmp: Some(b"<x/>".to_vec()), ..Metadata::default() };
        let file = write(format, &header, &options(Loops::Times(3), metadata));
        (format!("{} {:?}", format.name, header.channels), file)
    };
    shapes().into_iter().filter(|(_, header)| header.depth == Depth::U8).map(file).collect()
}

/// All frames, if they can be had.
fn all(bytes: &[u8], limits: &Limits) -> amplio_media::Result<usize> {
    let Some(animation) = animations::open(bytes, limits)? else { return Ok(0) };
    let header = animation.header;
    let mut count = 0;
    for frame in animation {
        assert_eq!(frame?.samples.len() as u64, header.pixels() * header.channels.count() as u64);
        count += 1;
    }
    Ok(count)
}

#[test]
fn truncation_at_every_byte() {
    for (name, bytes) in samples() {
        assert_eq!(all(&bytes, &LIMITS).unwrap(), 6, "{name}");
        for end in 0..bytes.len() {
            let Ok(count) = all(&bytes[..end], &LIMITS) else { continue };
            // GIF does not say how many frames there are; if its end mark is missing, that is told.
            let cut = animations::open(&bytes[..end], &LIMITS).unwrap().is_some_and(|a| a.cut);
            let last = name.starts_with("png") && count == 6;
            assert!(count == 0 || cut || last, "{name} cut at {end}: {count}");
        }
    }
}

#[test]
fn one_wrong_byte_anywhere() {
    for (_, bytes) in samples() {
        for at in 0..bytes.len() {
            for flip in [0xFF, 1 << (at % 8)] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                let _ = all(&damaged, &LIMITS);
            }
        }
    }
}

#[test]
fn too_much_is_refused() {
    let refused = |bytes: &[u8], limits: &Limits| {
        let error = all(bytes, limits).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    };
    for (_, bytes) in samples() {
        refused(&bytes, &Limits { max_frames: 5, ..LIMITS });
        refused(&bytes, &Limits { max_pixels: 13 * 9 * 6 - 1, ..LIMITS });
        let picture = images::Limits { max_pixels: 13 * 9 - 1, ..LIMITS.picture };
        refused(&bytes, &Limits { picture, ..LIMITS });
    }
    // A huge canvas with small frames, and a huge frame on a small canvas.
    let header = Header::new(13, 9, Channels::Rgb, Depth::U8);
    let gif = write(by_name("gif").unwrap(), &header, &options(Loops::Forever, Metadata::default()));
    let mut huge = gif.clone();
    huge[6..10].fill(0xFF);
    refused(&huge, &Limits::default());
    let mut wide = gif;
    let at = wide.iter().position(|&byte| byte == 0x2C).unwrap();
    wide[at + 5..at + 9].fill(0xFF);
    refused(&wide, &LIMITS);
    let mut nothing = huge;
    nothing[6..10].fill(0);
    assert!(matches!(all(&nothing, &LIMITS).unwrap_err(), Error::Malformed { .. }));
}
