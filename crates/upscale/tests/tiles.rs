//! Tiles never show: cutting a picture changes nothing where the margin is exact, and little where it is blended.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amplio::graph::plan::FusedPlan;
use amplio::graph::{Device, Error, Executable, Precision, Result};
use amplio::media::{Channels, Depth, Image};
use amplio::{Request, TileSize, Tiling, Upscaler};
use common::{cpu, floats, go_on, model, picture, tiled, upscaler};

const PICTURE: (u32, u32) = (93, 71);

fn enlarge(name: &str, request: &Request, depth: Depth) -> Image {
    let image = picture(PICTURE.0, PICTURE.1, Channels::Rgb, depth);
    upscaler(name).enlarge(image, request, &go_on).expect("a larger picture")
}

#[test]
fn exact_tiles_give_the_bits_of_the_whole_picture() {
    for name in ["compact/x4", "compact/x1", "esrgan/new-x2-unshuffle", "esrgan/old-x4"] {
        let whole = enlarge(name, &tiled(TileSize::Off, None), Depth::F32);
        for side in [16, 33, 64] {
            let tiles = enlarge(name, &tiled(TileSize::Pixels(side), None), Depth::F32);
            assert!(whole == tiles, "{name} in tiles of {side}");
        }
    }
}

/// The largest differences of a tiled picture from the whole one, and of that from the strict one.
fn differences(name: &str, precision: Precision) -> [f32; 2] {
    let with = |precision, size| {
        let request = Request { precision: Some(precision), bits: Some(8), ..tiled(size, None) };
        floats(&enlarge(name, &request, Depth::F32))
    };
    let whole = with(precision, TileSize::Off);
    let largest = |other: Vec<f32>| whole.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    [largest(with(precision, TileSize::Pixels(32))), largest(with(Precision::Strict, TileSize::Off))]
}

#[test]
fn tiles_in_full_precision_differ_by_rounding_alone() {
    for name in ["compact/x4", "esrgan/old-x4"] {
        let differences = differences(name, Precision::Full);
        assert!(differences.iter().all(|&difference| difference < 1e-5), "{name}: {differences:?}");
    }
}

#[test]
fn tiles_in_exact_precision_differ_by_a_quarter_of_a_level_at_most() {
    for name in ["compact/x4", "esrgan/old-x4"] {
        let differences = differences(name, Precision::Exact);
        assert!(differences.iter().all(|&difference| difference < 0.25 / 255.0), "{name}: {differences:?}");
    }
}

#[test]
fn tiles_in_fast_precision_differ_by_a_level_at_most() {
    for name in ["compact/x4", "esrgan/old-x4"] {
        let differences = differences(name, Precision::Fast);
        assert!(differences.iter().all(|&difference| difference < 1.0 / 255.0), "{name}: {differences:?}");
    }
}

#[test]
fn blended_tiles_differ_little_from_the_whole_picture() {
    let whole = floats(&enlarge("esrgan/old-x4", &tiled(TileSize::Off, None), Depth::F32));
    let tiles = floats(&enlarge("esrgan/old-x4", &tiled(TileSize::Pixels(32), Some(9)), Depth::F32));
    let largest = whole.iter().zip(&tiles).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest > 0.0, "an overlap below the network's reach is blended, not exact");
    assert!(largest < 0.02, "seams of {largest}");
}

#[test]
fn automatic_tiles_keep_to_the_memory_and_to_the_bits() {
    let whole = enlarge("compact/x4", &tiled(TileSize::Off, None), Depth::U8);
    for memory in [1 << 20, 300 << 10] {
        let tiling = Tiling { memory, ..Tiling::default() };
        let tiles = enlarge("compact/x4", &Request { tiling, ..tiled(TileSize::Auto, None) }, Depth::U8);
        assert!(whole == tiles, "in {memory} bytes");
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let image = picture(PICTURE.0, PICTURE.1, Channels::Rgb, Depth::F32);
    let with = |threads| {
        let upscaler = Upscaler::new(model("esrgan/new-x4"), cpu(threads));
        upscaler.enlarge(image.clone(), &tiled(TileSize::Pixels(40), None), &go_on).expect("a larger picture")
    };
    let one = with(1);
    for threads in [2, 3, 8] {
        assert!(one == with(threads), "{threads} threads");
    }
}

/// A device with little memory: plans beyond it fail.
struct Scarce {
    device: Arc<dyn Device>,
    bytes: usize,
    refused: AtomicUsize,
}

impl Device for Scarce {
    fn name(&self) -> String {
        "scarce".into()
    }

    fn compile(&self, plan: &FusedPlan, precision: Precision) -> Result<Box<dyn Executable>> {
        if plan.bytes() > self.bytes {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::OutOfMemory { bytes: plan.bytes() });
        }
        self.device.compile(plan, precision)
    }
}

#[test]
fn short_memory_halves_the_tiles_and_loses_nothing() {
    let whole = enlarge("compact/x4", &tiled(TileSize::Off, None), Depth::F32);
    for size in [TileSize::Auto, TileSize::Off, TileSize::Pixels(60)] {
        let scarce = Arc::new(Scarce { device: cpu(2), bytes: 200 << 10, refused: AtomicUsize::new(0) });
        let upscaler = Upscaler::new(model("compact/x4"), scarce.clone());
        let image = picture(PICTURE.0, PICTURE.1, Channels::Rgb, Depth::F32);
        let tiles = upscaler.enlarge(image, &tiled(size, None), &go_on).expect("a larger picture");
        assert!(scarce.refused.load(Ordering::Relaxed) > 0, "{size:?}");
        assert!(whole == tiles, "{size:?}");
    }
}

#[test]
fn no_memory_at_all_is_an_error_that_says_so() {
    let scarce = Arc::new(Scarce { device: cpu(1), bytes: 100, refused: AtomicUsize::new(0) });
    let image = picture(40, 40, Channels::Rgb, Depth::U8);
    let result = Upscaler::new(model("compact/x4"), scarce).enlarge(image, &Request::default(), &go_on);
    assert!(matches!(result, Err(amplio::Error::OutOfMemory { .. })), "{result:?}");
}
