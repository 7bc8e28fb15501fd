//! Picture files from end to end: what other programs wrote is read, what is written is read again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;

use amplio_media::images::{Format, WriteOptions, writer};
use amplio_media::{Channels, Depth, Header, Samples, convert};

#[path = "common/sink.rs"]
mod sink;

#[path = "images/colours.rs"]
mod colours;
#[path = "images/hostile.rs"]
mod hostile;
#[path = "images/quality.rs"]
mod quality;
#[path = "images/reading.rs"]
mod reading;
#[path = "images/writing.rs"]
mod writing;

use sink::Shared;

/// The bytes of a sample file; its folder has a README on how they were made.
fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A photograph from the folder that all crates share.
fn sample_photo() -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/photos/astronaut.png"))
        .unwrap()
}

/// Writes a picture, `band` rows at a time.
fn write(
    format: &Format,
    header: &Header,
    samples: &Samples,
    options: &WriteOptions,
    band: usize,
) -> Vec<u8> {
    let sink = Shared::default();
    let mut out = writer(format, header, options, Box::new(sink.clone())).unwrap();
    let row = header.row_samples();
    for start in (0..samples.len()).step_by(band * row) {
        out.write_rows(&samples.slice(start..(start + band * row).min(samples.len()))).unwrap();
    }
    out.finish().unwrap();
    sink.bytes()
}

/// A smooth picture with some texture, in any shape; alpha runs from transparent to opaque.
fn scene(header: &Header) -> Samples {
    let (w, h) = (header.width as usize, header.height as usize);
    let rgba16 = Header { channels: Channels::Rgba, depth: Depth::U16, ..*header };
    let mut v = Vec::new();
    for y in 0..h {
        for x in 0..w {
            let texture = ((x * 7 + y * 13) % 16 * 512) as f64;
            let wave = ((x as f64 / 5.0).sin() * (y as f64 / 7.0).cos() + 1.0) * 14000.0;
            v.push((x * 28000 / w) as u16 + texture as u16 + 3);
            v.push((wave + texture) as u16 + 1000);
            v.push((y * 30000 / h) as u16 + wave as u16);
            v.push((x * 65535 / w.max(2).saturating_sub(1)).min(65535) as u16);
        }
    }
    convert(&Samples::U16(v), &rgba16, header).unwrap()
}
