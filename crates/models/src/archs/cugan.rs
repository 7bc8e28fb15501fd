//! Real-CUGAN: two U-Nets one after the other, the first of which makes the picture larger and the second better.
//!
//! Repository: <https://github.com/bilibili/ailab/tree/main/Real-CUGAN>; the network is waifu2x's UpCUNet,
//! <https://github.com/nagadomi/nunif>.
//!
//! Convolutions take no pixels beyond the picture: it is mirrored once, at the beginning, by what they will eat.

use amplio_graph::ops::{Conv2d, ConvTranspose2d, Pad, PadMode, Slice, Unary};
use amplio_graph::{Builder, Value};

use super::layers::{conv, mean_of_channels, shift, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "real-cugan",
    summary: "Real-CUGAN: two U-Nets, for drawings",
    paper: "https://github.com/bilibili/ailab/tree/main/Real-CUGAN",
    repository: "https://github.com/bilibili/ailab",
    detect,
    build,
    from_layers: None,
};

const SLOPE: f32 = 0.1;
/// Where the colours of `pro` networks lie: from `LOWEST` to `LOWEST + RANGE`.
const RANGE: f32 = 0.7;
const LOWEST: f32 = 0.15;
/// What the second U-Net eats on each side.
const EATEN: isize = 20;

/// The four ways to the larger picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Twice or three times as large by the first U-Net's last layer.
    Plain { scale: usize, mirrored: usize },
    /// The same and a shuffle to pixels: four times as large.
    Shuffled,
    /// A pixel unshuffle, and then as [`Kind::Shuffled`]: twice as large, faster.
    Fast,
}

fn detect(weights: &Weights) -> bool {
    [
        "unet1.conv1.conv.0",
        "unet1.conv1_down",
        "unet1.conv2.seblock.conv1",
        "unet1.conv_bottom",
        "unet2.conv1_down",
        "unet2.conv3.seblock.conv1",
        "unet2.conv4_up",
        "unet2.conv_bottom",
    ]
    .iter()
    .all(|path| weights.scope(path).has("weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let (unet1, unet2) = (weights.scope("unet1"), weights.scope("unet2"));
    let planes = side(&unet1.scope("conv1.conv.0"), 1)?;
    let shuffled = if weights.has("conv_final.weight") { side(&weights.scope("conv_final"), 0)? } else { 0 };
    let kind = match side(&unet1.scope("conv_bottom"), 2)? {
        // A fast network and one for four times as many channels look the same; there are no such.
        _ if shuffled > 0 && shuffled == planes => Kind::Fast,
        _ if shuffled > 0 => Kind::Shuffled,
        5 => Kind::Plain { scale: 3, mirrored: 14 },
        4 => Kind::Plain { scale: 2, mirrored: 18 },
        other => {
            return Err(Error::unsupported(format!(
                "Real-CUGAN with an enlargement of {other} by {other} taps"
            )));
        }
    };
    let inputs = if kind == Kind::Fast { planes / 4 } else { planes };
    // Where a tensor was expected, some files hold a plain number.
    let pro = weights.has("pro") || weights.metadata().contains_key("pro");

    let mut net = Builder::new(inputs);
    let mut x = net.input();
    if pro {
        x = net.at("pro").scale(x, RANGE);
        x = shift(&mut net, x, LOWEST);
    }
    let mut y = match kind {
        Kind::Plain { scale, mirrored } => {
            let wide = mirror(&mut net, mirrored, x);
            enlarged(&mut net, [&unet1, &unet2], scale, wide)?
        }
        Kind::Shuffled => {
            let wide = mirror(&mut net, 19, x);
            shuffled_sum(&mut net, weights, 4, wide, x)?
        }
        Kind::Fast => {
            let wide = mirror(&mut net, 38, x);
            let small = net.pixel_unshuffle(2, wide);
            shuffled_sum(&mut net, weights, 2, small, x)?
        }
    };
    if pro {
        y = shift(&mut net, y, -LOWEST);
        y = net.scale(y, 1.0 / RANGE);
    }
    let hyper = vec![("fast", (kind == Kind::Fast).to_string()), ("pro", pro.to_string())];
    Ok(Built::new(net.finish(y)?, hyper))
}

/// The picture of both U-Nets, whose result is added to the first one's; `scale` is that of the first one's last layer.
fn enlarged(net: &mut Builder, [unet1, unet2]: [&Scope<'_>; 2], scale: usize, x: Value) -> Result<Value> {
    let x = first_unet(net, unet1, scale, x)?;
    let better = second_unet(net, unet2, x)?;
    let x = cropped(net, EATEN, x);
    Ok(net.add(better, x))
}

/// The features of both U-Nets as pixels, added to the repeated picture.
fn shuffled_sum(
    net: &mut Builder,
    weights: &Weights,
    scale: usize,
    wide: Value,
    picture: Value,
) -> Result<Value> {
    let features = enlarged(net, [&weights.scope("unet1"), &weights.scope("unet2")], 2, wide)?;
    let features = inner_conv(net, &weights.scope("conv_final"), features)?;
    let features = cropped(net, 1, features);
    let pixels = net.pixel_shuffle(2, features);
    let base = net.nearest(scale, picture);
    Ok(net.add(pixels, base))
}

fn first_unet(net: &mut Builder, weights: &Scope<'_>, scale: usize, x: Value) -> Result<Value> {
    let x1 = pair(net, &weights.scope("conv1"), x)?;
    let x2 = halved(net, &weights.scope("conv1_down"), x1)?;
    let x2 = pair(net, &weights.scope("conv2"), x2)?;
    let x2 = doubled(net, &weights.scope("conv2_up"), x2)?;
    let x1 = cropped(net, 4, x1);
    let sum = net.add(x1, x2);
    let x3 = inner_conv(net, &weights.scope("conv3"), sum)?;
    let x3 = net.unary(Unary::LeakyRelu(SLOPE), x3);
    let padding = if scale == 3 { 2 } else { 3 };
    transposed(net, &weights.scope("conv_bottom"), scale, padding, x3)
}

fn second_unet(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let x1 = pair(net, &weights.scope("conv1"), x)?;
    let x2 = halved(net, &weights.scope("conv1_down"), x1)?;
    let x2 = pair(net, &weights.scope("conv2"), x2)?;
    let x3 = halved(net, &weights.scope("conv2_down"), x2)?;
    let x3 = pair(net, &weights.scope("conv3"), x3)?;
    let x3 = doubled(net, &weights.scope("conv3_up"), x3)?;
    let x2 = cropped(net, 4, x2);
    let sum = net.add(x2, x3);
    let x4 = pair(net, &weights.scope("conv4"), sum)?;
    let x4 = doubled(net, &weights.scope("conv4_up"), x4)?;
    let x1 = cropped(net, 16, x1);
    let sum = net.add(x1, x4);
    let x5 = inner_conv(net, &weights.scope("conv5"), sum)?;
    let x5 = net.unary(Unary::LeakyRelu(SLOPE), x5);
    inner_conv(net, &weights.scope("conv_bottom"), x5)
}

/// Two convolutions, and perhaps a weighing of channels by what the whole picture shows in them.
fn pair(net: &mut Builder, weights: &Scope<'_>, mut x: Value) -> Result<Value> {
    for index in [0, 2] {
        x = inner_conv(net, &weights.scope("conv").scope(index), x)?;
        x = net.unary(Unary::LeakyRelu(SLOPE), x);
    }
    let gate = weights.scope("seblock");
    if !gate.has("conv1.weight") {
        return Ok(x);
    }
    let means = mean_of_channels(net, x);
    let hidden = conv(net, &gate.scope("conv1"), means)?;
    let hidden = net.unary(Unary::Relu, hidden);
    let gate = conv(net, &gate.scope("conv2"), hidden)?;
    let gate = net.unary(Unary::Sigmoid, gate);
    Ok(net.mul(x, gate))
}

/// A convolution that only sees pixels of the picture, which becomes smaller.
fn inner_conv(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let conv = Conv2d { padding: [0; 4], ..weights.conv2d()? };
    Ok(net.at(weights.path()).conv2d(conv, x))
}

fn halved(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let conv = Conv2d { stride: [2; 2], padding: [0; 4], ..weights.conv2d()? };
    let half = net.at(weights.path()).conv2d(conv, x);
    Ok(net.unary(Unary::LeakyRelu(SLOPE), half))
}

fn doubled(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let double = transposed(net, weights, 2, 0, x)?;
    Ok(net.unary(Unary::LeakyRelu(SLOPE), double))
}

fn transposed(
    net: &mut Builder,
    weights: &Scope<'_>,
    stride: usize,
    padding: usize,
    x: Value,
) -> Result<Value> {
    let conv = ConvTranspose2d { padding: [padding; 4], ..weights.conv_transpose2d(stride)? };
    Ok(net.at(weights.path()).apply(conv, &[x]))
}

fn mirror(net: &mut Builder, amount: usize, x: Value) -> Value {
    net.at("mirror").apply(Pad { mode: PadMode::Reflect, amounts: [amount; 4] }, &[x])
}

/// Without `amount` pixels on each side.
fn cropped(net: &mut Builder, amount: isize, mut x: Value) -> Value {
    for axis in [2, 3] {
        x = net.apply(Slice { axis, start: amount, end: -amount, step: 1 }, &[x]);
    }
    x
}
