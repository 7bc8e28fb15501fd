//! Films: frames in order, each as a picture by itself would be, whatever the lanes; repeats cost nothing and change nothing.

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amplio::graph::plan::FusedPlan;
use amplio::graph::{Device, Executable, Precision, StepWatcher, Tensor};
use amplio::media::videos::{Colour, Format, Frame, from_image, to_image};
use amplio::media::{Channels, Depth, Samples};
use amplio::{
    Dedup, Error, Film, FilmProgress, Fit, Request, Result, Size, Target, TileSize, Tiling, Upscaler,
};
use common::{cpu, go_on, model, picture, upscaler};

const WIDTH: u32 = 22;
const HEIGHT: u32 = 14;

fn format(name: &str) -> &'static Format {
    Format::by_name(name).expect("a format of the table")
}

/// Frames of a picture that moves to the left by as many columns as `scenes` says; times are uneven.
fn frames(format: &'static Format, scenes: &[usize]) -> Vec<Frame> {
    let frame = |(i, scene): (usize, &usize)| {
        let mut image = picture(WIDTH, HEIGHT, Channels::of(3, format.alpha), Depth::U8);
        if let Samples::U8(samples) = &mut image.samples {
            samples.rotate_left(scene * image.channels.count());
        }
        let data = from_image(&image, format, &Colour::default()).expect("samples");
        Frame::new(format, WIDTH, HEIGHT, data, (i * i) as i64 + 5).expect("a frame")
    };
    scenes.iter().enumerate().map(frame).collect()
}

fn film<'a>(upscaler: &'a Upscaler, from: &Format, to: &'static Format) -> Film<'a> {
    let read = Colour::default().resolved(from, WIDTH, HEIGHT);
    Film {
        upscaler,
        request: Request::default(),
        read,
        format: to,
        write: read.written(from, to, WIDTH, HEIGHT),
        lanes: 2,
        alone: true,
        dedup: Dedup::Exact,
    }
}

fn on(_: FilmProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// What the sink was given, and how it ended.
fn run(film: &Film, frames: Vec<Result<Frame>>) -> (Vec<Frame>, Result<FilmProgress>) {
    let mut had = Vec::new();
    let mut sink = |frame: &Frame| {
        had.push(frame.clone());
        Ok(())
    };
    let result = film.enlarge(frames.into_iter(), &mut sink, &on);
    (had, result)
}

fn whole(film: &Film, frames: &[Frame]) -> (Vec<Frame>, FilmProgress) {
    let (had, result) = run(film, frames.iter().cloned().map(Ok).collect());
    (had, result.expect("a film"))
}

#[test]
fn frames_are_what_pictures_would_be_in_their_order_and_at_their_times() {
    let upscaler = upscaler("compact/x4");
    for (from, to) in
        [("yuv420p", "yuv420p"), ("yuv422p10le", "yuv420p10le"), ("rgba", "yuva444p"), ("gray", "gray")]
    {
        let film = film(&upscaler, format(from), format(to));
        let frames = frames(format(from), &[0, 1, 2, 3, 4]);
        let (had, progress) = whole(&film, &frames);
        assert_eq!((progress.frames, progress.repeated), (5, 0));
        for (frame, made) in frames.iter().zip(&had) {
            let image = to_image(frame, &film.read).expect("a picture");
            let precision = if film.format.bits == 8 { Precision::Fast } else { Precision::Full };
            let request = Request { precision: Some(precision), ..Request::default() };
            let larger = upscaler.enlarge(image, &request, &go_on).expect("a larger picture");
            let data = from_image(&larger, film.format, &film.write).expect("samples");
            assert_eq!((made.width, made.height, made.pts), (4 * WIDTH, 4 * HEIGHT, frame.pts));
            assert!(made.data == data, "{from} to {to}");
        }
        assert_eq!(had.len(), 5);
    }
}

#[test]
fn the_number_of_lanes_changes_no_byte() {
    let upscaler = upscaler("compact/x4");
    let frames = frames(format("yuv420p"), &[0, 1, 1, 2, 3, 3, 3, 4, 0, 5]);
    let usual = film(&upscaler, format("yuv420p"), format("yuv420p"));
    let of = |lanes, alone| whole(&Film { lanes, alone, ..usual.clone() }, &frames);
    let (one, progress) = of(1, false);
    assert_eq!((progress.frames, progress.repeated), (10, 3));
    for lanes in [0, 1, 2, 3, 8] {
        for alone in [false, true] {
            let (had, _) = of(lanes, alone);
            assert!(had == one, "{lanes} lanes, alone: {alone}");
        }
    }
}

#[test]
fn repeats_are_not_computed_and_change_no_byte() {
    let upscaler = upscaler("compact/x4");
    let frames = frames(format("yuv420p"), &[3, 3, 1, 1, 1, 3]);
    let of = |dedup| whole(&Film { dedup, ..film(&upscaler, format("yuv420p"), format("yuv420p")) }, &frames);
    let ((off, all), (exact, few)) = (of(Dedup::Off), of(Dedup::Exact));
    assert_eq!((all.repeated, few.repeated, few.frames), (0, 3, 6));
    assert!(off == exact);
}

/// A device that counts how often its networks run.
struct Counting(Arc<dyn Device>, Arc<AtomicUsize>);

struct Counted(Box<dyn Executable>, Arc<AtomicUsize>);

impl Device for Counting {
    fn name(&self) -> String {
        self.0.name()
    }

    fn alignment(&self, precision: Precision) -> usize {
        self.0.alignment(precision)
    }

    fn compile(&self, plan: &FusedPlan, precision: Precision) -> amplio::graph::Result<Box<dyn Executable>> {
        Ok(Box::new(Counted(self.0.compile(plan, precision)?, self.1.clone())))
    }
}

impl Executable for Counted {
    fn run_watched(&mut self, input: &Tensor, watcher: StepWatcher) -> amplio::graph::Result<Tensor> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.run_watched(input, watcher)
    }
}

#[test]
fn tiles_that_stay_the_same_are_not_computed_and_change_no_byte() {
    let (format, runs) = (format("rgb24"), Arc::new(AtomicUsize::new(0)));
    let upscaler = Upscaler::new(model("compact/x4"), Arc::new(Counting(cpu(2), runs.clone())));
    // Something small moves through the last columns of a picture of four tiles.
    let (width, height) = (96, 40);
    let Samples::U8(still) = picture(width, height, Channels::Rgb, Depth::U8).samples else {
        panic!("8 bits")
    };
    let frame = |i: usize| {
        let mut data = still.clone();
        data[3 * (20 * width as usize + 80 + i)] ^= 255;
        Frame::new(format, width, height, data, i as i64).expect("a frame")
    };
    let frames: Vec<Frame> = (0..5).map(frame).collect();
    for precision in [Precision::Strict, Precision::Full, Precision::Exact, Precision::Fast] {
        let of = |dedup, lanes| {
            runs.store(0, Ordering::Relaxed);
            let tiling = Tiling { size: TileSize::Pixels(24), ..Tiling::default() };
            let request = Request { tiling, precision: Some(precision), ..Request::default() };
            let (had, _) = whole(&Film { request, dedup, lanes, ..film(&upscaler, format, format) }, &frames);
            (had, runs.load(Ordering::Relaxed))
        };
        let ((off, all), (exact, few)) = (of(Dedup::Off, 1), of(Dedup::Exact, 1));
        assert!(off == exact, "{precision:?}");
        assert!(few < all * 2 / 3, "{few} of {all} tiles");
        assert!(off == of(Dedup::Exact, 3).0, "{precision:?} in three lanes");
    }
}

#[test]
fn near_repeats_are_measured_from_the_last_that_was_computed() {
    let upscaler = upscaler("compact/x4");
    let flat = |level: u8, pts| Frame::new(format("gray"), 16, 16, vec![level; 256], pts).expect("a frame");
    let frames: Vec<Frame> = (0..8).map(|i| flat(100 + i, i64::from(i))).collect();
    let near = Film { dedup: Dedup::Near(2.0), ..film(&upscaler, format("gray"), format("gray")) };
    let (had, progress) = whole(&near, &frames);
    // 100 for 100 to 102, 103 for 103 to 105, 106 for the rest.
    assert_eq!(progress.repeated, 5);
    let same: Vec<bool> = had.windows(2).map(|pair| pair[0].same_picture(&pair[1])).collect();
    assert_eq!(same, [true, true, false, true, true, false, true]);
    assert!(had.iter().map(|frame| frame.pts).eq(0..8));
}

#[test]
fn sizes_are_those_of_pictures() {
    let upscaler = upscaler("compact/x4");
    let request = Request {
        target: Target {
            size: Some(Size::Exact { width: 33, height: 21, fit: Fit::Stretch }),
            ..Target::default()
        },
        ..Request::default()
    };
    let film = Film { request, ..film(&upscaler, format("yuv420p"), format("yuv420p")) };
    let (had, _) = whole(&film, &frames(format("yuv420p"), &[0]));
    assert_eq!((had[0].width, had[0].height), (33, 21));
    assert!(!film.format.fits(33, 21));
}

#[test]
fn the_first_error_ends_the_film_after_the_frames_before_it() {
    let upscaler = upscaler("compact/x4");
    let film = film(&upscaler, format("yuv420p"), format("yuv420p"));
    let good = frames(format("yuv420p"), &[0, 1, 2, 3, 4]);
    let (all, _) = whole(&film, &good);

    let broken = |at: usize, frame: Result<Frame>| {
        let mut frames: Vec<Result<Frame>> = good.iter().cloned().map(Ok).collect();
        frames[at] = frame;
        let (had, result) = run(&film, frames);
        (had, result.expect_err("an error").to_string())
    };
    let (had, error) = broken(3, Err(Error::Request { what: "the disk fell off".into() }));
    assert!(had == all[..3] && error == "the disk fell off");
    let smaller = Frame::new(format("yuv420p"), 8, 8, vec![9; 96], 0).expect("a frame");
    let (had, error) = broken(2, Ok(smaller));
    assert!(had == all[..2] && error.contains("8x8") && error.contains("22x14"), "{error}");
}

#[test]
fn a_sink_that_fails_and_a_watcher_that_stops_end_the_film() {
    let upscaler = upscaler("compact/x4");
    let film = film(&upscaler, format("yuv420p"), format("yuv420p"));
    let some = frames(format("yuv420p"), &[0, 1, 2]);
    let endless = || some.iter().cloned().cycle().map(Ok);
    let mut room = 4;
    let mut sink = |_: &Frame| {
        room -= 1;
        if room == 0 { Err(Error::Request { what: "no space".into() }) } else { Ok(()) }
    };
    let error = film.enlarge(endless(), &mut sink, &on).expect_err("no space");
    assert_eq!(error.to_string(), "no space");

    let asked = AtomicUsize::new(0);
    let stop = |progress: FilmProgress| {
        asked.fetch_add(1, Ordering::Relaxed);
        if progress.frames >= 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut had = 0;
    let mut sink = |_: &Frame| {
        had += 1;
        Ok(())
    };
    assert!(matches!(film.enlarge(endless(), &mut sink, &stop), Err(Error::Stopped)));
    assert!(had >= 2 && asked.into_inner() > had);
}
