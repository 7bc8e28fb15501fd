//! Pictures and models for the tests of this crate.
#![allow(dead_code, reason = "each test file uses a part")]

use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::cpu::Cpu;
use amplio::graph::{Device, Precision, Shape, Tensor};
use amplio::media::{Channels, Depth, Header, Image, Samples};
use amplio::models::Model;
use amplio::{Progress, Request, TileSize, Tiling, Upscaler};
use amplio_testkit::golden;

/// A small network of the golden cases, for example `compact/x4`.
pub(crate) fn model(name: &str) -> Arc<Model> {
    Arc::new(
        Model::load(&golden::root().join("archs").join(name).join("model.safetensors"))
            .expect("a golden model"),
    )
}

pub(crate) fn cpu(threads: usize) -> Arc<dyn Device> {
    Arc::new(Cpu::best(threads).expect("threads"))
}

pub(crate) fn upscaler(name: &str) -> Upscaler {
    Upscaler::new(model(name), cpu(2))
}

/// A picture with slopes, edges and fine texture, different in each channel.
pub(crate) fn picture(width: u32, height: u32, channels: Channels, depth: Depth) -> Image {
    let count = channels.count();
    let values = (0..width as usize * height as usize * count).map(|i| {
        let (c, x, y) = (i % count, i / count % width as usize, i / count / width as usize);
        let texture = (x * 7 + y * 13 + c * 5) % 17 + (x * y) % 11;
        let slope = (x * 3 + y * 2 + 40 * c) % 200;
        let edge = if (x / 9 + y / 7) % 2 == 0 { 30 } else { 0 };
        (slope + texture + edge).min(255) as u8
    });
    let header = Header::new(width, height, channels, depth);
    let samples = match depth {
        Depth::U8 => Samples::U8(values.collect()),
        Depth::U16 => Samples::U16(values.map(|v| u16::from(v) * 257).collect()),
        Depth::F32 => Samples::F32(values.map(|v| f32::from(v) / 255.0).collect()),
    };
    Image::new(header, samples).expect("a picture")
}

/// In tiles, and in strict precision: bit for bit the same wherever they begin.
pub(crate) fn tiled(size: TileSize, overlap: Option<usize>) -> Request {
    let tiling = Tiling { size, overlap, ..Tiling::default() };
    Request { tiling, precision: Some(Precision::Strict), ..Request::default() }
}

pub(crate) fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The samples as floats, 1 for white.
pub(crate) fn floats(image: &Image) -> Vec<f32> {
    match &image.samples {
        Samples::U8(v) => v.iter().map(|&v| f32::from(v) / 255.0).collect(),
        Samples::U16(v) => v.iter().map(|&v| f32::from(v) / 65535.0).collect(),
        Samples::F32(v) => v.clone(),
    }
}

/// The picture as the network sees it: planar, 1 for white.
pub(crate) fn tensor(image: &Image) -> Tensor {
    let (count, values) = (image.channels.count(), floats(image));
    let shape = Shape::image(1, count, image.height as usize, image.width as usize);
    Tensor::from_fn(shape, |at| values[(at[2] * image.width as usize + at[3]) * count + at[1]])
}
