//! Animations from end to end: what is written is read again, what other programs make of the same files is the same.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use amplio_media::animations::{self, Delay, Dither, Frame, Limits, Loops, Options};
use amplio_media::images::{Format, WriteOptions, by_name};
use amplio_media::{Channels, Depth, Header, Metadata, Samples};

#[path = "common/sink.rs"]
mod sink;

#[path = "animations/hostile.rs"]
mod hostile;
#[path = "animations/others.rs"]
mod others;
#[path = "animations/writing.rs"]
mod writing;

use sink::Shared;

const W: u32 = 13;
const H: u32 = 9;

/// Pixels of a frame in which a box of few colours moves over a slope; with holes if there is alpha. The third frame equals
/// the second one, and the fifth shows less than the fourth.
fn pixels(number: u32, header: &Header) -> Samples {
    let shown = if number == 2 { 1 } else { number };
    let mut samples = Vec::new();
    for y in 0..header.height {
        for x in 0..header.width {
            let inside = (shown..shown + 4).contains(&x) && (2..6).contains(&y);
            let colour = if inside { [250, 10 * shown, 30] } else { [x * 16, y * 20, 99] };
            let hole = x > 9 && y < shown.min(3) || number == 4 && x < 3;
            let alpha = if hole { 0 } else { 255 };
            let colour = if hole { [0; 3] } else { colour };
            let all = [colour[0], colour[1], colour[2], alpha];
            let wanted: &[u32] = match header.channels {
                Channels::Rgba => &all,
                Channels::Rgb => &all[..3],
                Channels::GreyAlpha => &[all[0], alpha],
                Channels::Grey => &all[..1],
            };
            samples.extend_from_slice(wanted);
        }
    }
    match header.depth {
        Depth::U16 => Samples::U16(samples.into_iter().map(|v| (v * 257) as u16).collect()),
        _ => Samples::U8(samples.into_iter().map(|v| v as u8).collect()),
    }
}

/// Delays in hundredths of a second, which every format can say.
const DELAYS: [u32; 6] = [7, 0, 100, 1, 6500, 12];

fn frames(header: &Header) -> Vec<Frame> {
    let frame = |(number, ticks): (usize, &u32)| Frame {
        samples: pixels(number as u32, header),
        delay: Delay::new(*ticks, 100),
    };
    DELAYS.iter().enumerate().map(frame).collect()
}

/// What is written about an animation, lossless where the format can.
fn options(loops: Loops, metadata: Metadata) -> Options {
    let picture = WriteOptions { quality: 100, metadata, ..WriteOptions::default() };
    Options { frames: DELAYS.len() as u32, loops, dither: Dither::default(), picture }
}

fn write(format: &Format, header: &Header, options: &Options) -> Vec<u8> {
    let sink = Shared::default();
    let mut writer = animations::writer(format, header, options, Box::new(sink.clone())).unwrap();
    frames(header).into_iter().for_each(|frame| writer.write_frame(frame).unwrap());
    writer.finish().unwrap();
    sink.bytes()
}

/// The shapes in which animations are written and read again.
fn shapes() -> Vec<(&'static Format, Header)> {
    let shape = |name, channels, depth| (by_name(name).unwrap(), Header::new(W, H, channels, depth));
    let mut all = vec![
        shape("gif", Channels::Rgb, Depth::U8),
        shape("gif", Channels::Rgba, Depth::U8),
        shape("webp", Channels::Rgb, Depth::U8),
        shape("webp", Channels::Rgba, Depth::U8),
    ];
    for channels in Channels::ALL {
        all.extend([Depth::U8, Depth::U16].map(|depth| shape("png", channels, depth)));
    }
    all
}

fn read(bytes: &[u8]) -> (Header, Loops, Metadata, Vec<Frame>) {
    let animation = animations::open(bytes, &Limits::default()).unwrap().expect("an animation");
    assert!(!animation.cut);
    let (header, loops, metadata) = (animation.header, animation.loops, animation.metadata.clone());
    let count = animation.frames;
    let frames: Vec<Frame> = animation.map(Result::unwrap).collect();
    assert_eq!(frames.len(), count as usize);
    (header, loops, metadata, frames)
}
