//! What programs do around the networks of waifu2x and Real-CUGAN, and what their files do not say. Their convolutions take no
//! pixels beyond the picture: it is given to them with a margin, which they eat
//! (<https://github.com/nihui/waifu2x-ncnn-vulkan>). And Real-CUGAN's network for four times the size leaves its last sum, with
//! the repeated picture, to the program (<https://github.com/nihui/realcugan-ncnn-vulkan>).

use amplio_graph::ops::{Binary, BinaryFn, Pad, PadMode, Resize};
use amplio_graph::{Builder, Shape, Value};

use super::param::Layer;
use crate::Result;
use crate::formats::net::Net;

/// The widest margin that a network is believed to eat.
const WIDEST: usize = 128;

/// What a network is given and what is done with its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Surroundings {
    /// Rows and columns on each side of the picture, which repeat its outermost pixels.
    margin: usize,
    /// The repeated picture is added to the answer, which is so many times as large.
    sum: Option<usize>,
}

impl Surroundings {
    /// What the network of these layers needs, which makes this of a square picture of [`Builder::PROBE`] pixels a side.
    pub(super) fn of(layers: &[Layer], output: &Shape) -> Self {
        let [_, _, height, width] = output[..] else { return Self::default() };
        let scale = height.div_ceil(Builder::PROBE).max(1);
        let eaten = scale * Builder::PROBE - height;
        if height != width || !eaten.is_multiple_of(2 * scale) || eaten > 2 * scale * WIDEST {
            return Self::default();
        }
        let margin = eaten / (2 * scale);
        Self { margin, sum: Some(scale).filter(|scale| leaves_the_sum(layers, *scale, margin)) }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// What the network is given for a picture.
    pub(super) fn before(self, net: &mut Net, picture: Value) -> Result<Value> {
        if self.margin == 0 {
            return Ok(picture);
        }
        net.at("margin");
        net.apply(Pad { mode: PadMode::Replicate, amounts: [self.margin; 4] }, &[picture])
    }

    /// What is returned for the network's answer.
    pub(super) fn after(self, net: &mut Net, picture: Value, answer: Value) -> Result<Value> {
        let Some(scale) = self.sum else { return Ok(answer) };
        net.at("sum");
        let repeated = net.apply(Resize::nearest(scale), &[picture])?;
        net.apply(Binary { function: BinaryFn::Add }, &[answer, repeated])
    }
}

/// Whether this is Real-CUGAN's network for four times the size, which alone ends with pixels of channels without their rim.
fn leaves_the_sum(layers: &[Layer], scale: usize, margin: usize) -> bool {
    let kinds: Vec<_> = layers.iter().rev().take(2).map(|layer| layer.kind.as_str()).collect();
    kinds == ["PixelShuffle", "Crop"] && (scale, margin) == (4, 19)
}
