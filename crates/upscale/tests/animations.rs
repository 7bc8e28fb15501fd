//! Animations: frames in their order, each as a picture by itself would be.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use amplio::media::animations::{Delay, Frame, FrameWriter};
use amplio::media::{Channels, Depth, Error, Image, Samples};
use amplio::{Frames, Progress, Request, Upscaler, Watcher};
use common::{go_on, picture, upscaler};

/// A writer that keeps what it is given.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<(Samples, Delay)>>>);

impl FrameWriter for Kept {
    fn write_frame(&mut self, frame: Frame) -> Result<(), Error> {
        self.0.lock().unwrap().push((frame.samples, frame.delay));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

/// A frame with a shade of its own.
fn shade(shade: u8) -> Image {
    let mut image = picture(24, 20, Channels::Rgb, Depth::U8);
    if let Samples::U8(samples) = &mut image.samples {
        samples.iter_mut().for_each(|v| *v = v.wrapping_add(shade));
    }
    image
}

/// The frames of these shades, made larger, those side by side in so many bytes; one without a shade cannot be read.
fn larger(
    upscaler: &Upscaler,
    shades: &[Option<u8>],
    memory: usize,
    watcher: Watcher,
) -> (Vec<(Samples, Delay)>, amplio::Result<()>) {
    let request = Request { side_by_side: Some(memory), ..Request::default() };
    let header = shade(0).header();
    let mut frames = shades.iter().zip(1..).map(|(value, number)| {
        let samples =
            shade(value.ok_or_else(|| Error::Limit { what: "it ends here".into(), limit: 0 })?).samples;
        Ok(Frame { samples, delay: Delay::new(number, 100) })
    });
    let frames = Frames { header, count: shades.len() as u32, frames: &mut frames };
    let (kept, result) = (Kept::default(), upscaler.result(&header, &request.target).unwrap());
    let made = upscaler.enlarge_frames(frames, &request, &result, Box::new(kept.clone()), watcher);
    let frames = std::mem::take(&mut *kept.0.lock().unwrap());
    (frames, made)
}

#[test]
fn frames_are_those_of_pictures_by_themselves_in_their_order() {
    let upscaler = upscaler("compact/x2");
    let shades = [10, 20, 20, 20, 70, 10, 10, 30];
    let wanted: Vec<_> = shades
        .iter()
        .zip(1..)
        .map(|(&value, number)| {
            let image = upscaler.enlarge(shade(value), &Request::default(), &go_on).unwrap();
            (image.samples, Delay::new(number, 100))
        })
        .collect();
    let pixels = Mutex::new(0);
    let watcher = |progress: Progress| {
        *pixels.lock().unwrap() = progress.pixels;
        assert!((0.0..=1.0).contains(&progress.fraction), "{progress:?}");
        ControlFlow::Continue(())
    };
    for memory in [0, 1 << 20, usize::MAX] {
        let (frames, made) = larger(&upscaler, &shades.map(Some), memory, &watcher);
        made.unwrap();
        assert!(frames == wanted, "with {memory} bytes");
        assert_eq!(*pixels.lock().unwrap(), 8 * 48 * 40);
    }
}

#[test]
fn a_frame_that_cannot_be_read_ends_it() {
    let upscaler = upscaler("compact/x2");
    for memory in [0, usize::MAX] {
        let (_, made) = larger(&upscaler, &[Some(1), Some(2), None, Some(3)], memory, &go_on);
        assert!(made.unwrap_err().to_string().contains("it ends here"));
        let stop = |_: Progress| ControlFlow::Break(());
        let (frames, made) = larger(&upscaler, &[Some(1), Some(2)], memory, &stop);
        assert!(frames.is_empty() && matches!(made, Err(amplio::Error::Stopped)));
    }
}
