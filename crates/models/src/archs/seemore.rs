//! SeemoRe: blocks in which a router picks one of several experts for the whole picture.
//!
//! Paper: Zamfir, Wu, Mehta, Zhang, Timofte: See More Details: Efficient Image Super-Resolution by Experts Mining, 2024,
//! <https://arxiv.org/abs/2402.03412>, <https://github.com/eduardzamfir/seemoredetails>.

use amplio_graph::ops::Unary;
use amplio_graph::ops::{
    Binary, BinaryFn, Conv2d, Coordinates, Filter, Reduce, ReduceKind, Resize, Softmax, Target,
};
use amplio_graph::{Builder, Shape, Tensor, Value};

use super::layers::{channels, conv, depthwise, layer_norm, linear, mean_of_channels, scale, shift, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "seemore",
    summary: "SeemoRe: small, with experts that a router picks",
    paper: "https://arxiv.org/abs/2402.03412",
    repository: "https://github.com/eduardzamfir/seemoredetails",
    detect,
    build,
    from_layers: None,
};

const EPSILON: f32 = 1e-6;
/// The mean colour that the network subtracts.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];

/// What no file says, but only the size of the published networks.
#[derive(Clone, Copy)]
struct Habits {
    /// Whether the two halves of the channels are mixed before they part.
    shuffle: bool,
    /// How often features become four times smaller before they calibrate.
    reductions: usize,
}

fn detect(weights: &Weights) -> bool {
    let (local, global) = (weights.scope("body.0.local_block"), weights.scope("body.0.global_block"));
    ["conv_1", "norm", "conv_2", "upsampler.0"].iter().all(|name| weights.scope(name).has("weight"))
        && ["norm_1", "block.conv_1.0", "block.agg_conv.0", "block.moe_layer.experts.0.conv_1", "ffn.gate"]
            .iter()
            .all(|name| local.scope(name).has("weight"))
        && ["norm_1", "block.proj", "block.attn.conv.0", "ffn.gate"]
            .iter()
            .all(|name| global.scope(name).has("weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let first = weights.scope("conv_1");
    let [features, inputs] = [side(&first, 0)?, side(&first, 1)?];
    if inputs != MEAN.len() {
        return Err(Error::unsupported(format!("SeemoRe for {inputs} channels; {} are known", MEAN.len())));
    }
    let body = weights.scope("body");
    let large = (body.count(), features) == (16, 48);
    let habits = if large {
        Habits { shuffle: false, reductions: 1 }
    } else {
        Habits { shuffle: true, reductions: 2 }
    };

    let mut net = Builder::new(inputs);
    let picture = net.input();
    let [mean, less] = [MEAN, MEAN.map(|v| -v)].map(|values| {
        Tensor::new(Shape::new([1, MEAN.len(), 1, 1]), values.to_vec()).map(|tensor| net.constant(tensor))
    });
    let x = net.at("mean").add(picture, less?);
    let shallow = conv(&mut net, &first, x)?;
    let mut x = shallow;
    for index in 0..body.count() {
        x = local(&mut net, &body.scope(index).scope("local_block"), habits, x)?;
        x = global(&mut net, &body.scope(index).scope("global_block"), x)?;
    }
    x = layer_norm(&mut net, &weights.scope("norm"), EPSILON, x)?;
    x = conv(&mut net, &weights.scope("conv_2"), x)?;
    x = net.add(x, shallow);
    let last = weights.scope("upsampler.0");
    let (scale, _) = scale(side(&last, 0)?, inputs)?;
    x = conv(&mut net, &last, x)?;
    x = net.pixel_shuffle(scale, x);
    let output = net.at("mean").add(x, mean?);

    let block = body.scope(0);
    let hyper = vec![
        ("features", features.to_string()),
        ("layers", body.count().to_string()),
        ("experts", block.scope("local_block.block.moe_layer.experts").count().to_string()),
        ("kernel", side(&block.scope("global_block.block.attn.conv.0"), 3)?.to_string()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

/// A block that sees near pixels, by the experts.
fn local(net: &mut Builder, weights: &Scope<'_>, habits: Habits, x: Value) -> Result<Value> {
    let y = layer_norm(net, &weights.scope("norm_1"), EPSILON, x)?;
    let y = by_experts(net, &weights.scope("block"), habits, y)?;
    let x = net.add(y, x);
    feed_forward(net, weights, x)
}

/// A block that sees far pixels, by long stripes.
fn global(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let block = weights.scope("block");
    let y = layer_norm(net, &weights.scope("norm_1"), EPSILON, x)?;
    let y = conv(net, &block.scope("to_qv.0"), y)?;
    let y = net.unary(Unary::Gelu, y);
    let [query, value] = halves(net, side(&block.scope("proj"), 1)?, y);
    let query = striped(net, &block.scope("attn"), query)?;
    let y = net.mul(query, value);
    let y = conv(net, &block.scope("proj"), y)?;
    let x = net.add(y, x);
    feed_forward(net, weights, x)
}

fn feed_forward(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let y = layer_norm(net, &weights.scope("norm_2"), EPSILON, x)?;
    let weights = weights.scope("ffn");
    let y = conv(net, &weights.scope("fn_1.0"), y)?;
    let y = net.unary(Unary::Gelu, y);
    let [y, gate] = halves(net, side(&weights.scope("gate"), 0)?, y);
    let gate = depthwise(net, &weights.scope("gate"), gate)?;
    let y = net.mul(y, gate);
    let y = conv(net, &weights.scope("fn_2.0"), y)?;
    let y = net.unary(Unary::Gelu, y);
    Ok(net.add(y, x))
}

fn by_experts(net: &mut Builder, weights: &Scope<'_>, habits: Habits, x: Value) -> Result<Value> {
    let y = conv(net, &weights.scope("conv_1.0"), x)?;
    let y = net.unary(Unary::Gelu, y);
    let second = weights.scope("conv_1.2").conv2d()?;
    let features = second.outputs() / 2;
    let second = if habits.shuffle { shuffled(&second)? } else { second };
    let y = net.conv2d(second, y);
    let [y, key] = halves(net, features, y);
    let y = striped(net, &weights.scope("conv_2.0"), y)?;
    let y = net.unary(Unary::Gelu, y);
    let key = calibrated(net, weights, habits.reductions, key)?;
    let y = mixture(net, &weights.scope("moe_layer"), y, key)?;
    conv(net, &weights.scope("proj"), y)
}

/// Features and what a much smaller picture says of them.
fn calibrated(net: &mut Builder, weights: &Scope<'_>, reductions: usize, x: Value) -> Result<Value> {
    let mut small = x;
    for _ in 0..reductions {
        let conv = weights.scope("agg_conv.0").conv2d()?;
        let stride = conv.kernel();
        let conv = Conv2d { stride, padding: [0; 4], groups: conv.outputs(), ..conv };
        small = net.at(weights.path()).conv2d(conv, small);
        small = net.unary(Unary::Gelu, small);
    }
    small = depthwise(net, &weights.scope("conv.0"), small)?;
    small = conv(net, &weights.scope("conv.1"), small)?;
    let like = Resize {
        filter: Filter::Bilinear,
        target: Target::LikeSecond,
        coordinates: Coordinates::HalfPixel,
        antialias: false,
    };
    let large = net.apply(like, &[small, x]);
    Ok(net.add(x, large))
}

/// What the expert says that the router trusts most. All are asked: they are cheap, and a graph has no branches.
fn mixture(net: &mut Builder, weights: &Scope<'_>, x: Value, key: Value) -> Result<Value> {
    let means = mean_of_channels(net, x);
    let trust = linear(net, &weights.scope("gate.body.2"), means)?;
    let trust = net.apply(Softmax { axis: 1 }, &[trust]);
    // One where trust is greatest, zero elsewhere.
    let greatest = net.apply(Reduce { kind: ReduceKind::Max, axes: vec![1], keep: true }, &[trust]);
    let less = net.apply(Binary { function: BinaryFn::Sub }, &[trust, greatest]);
    let less = shift(net, less, 1.0);
    let chosen = net.unary(Unary::Floor, less);
    let trust = net.mul(trust, chosen);
    let mut sum = x;
    for index in 0..weights.scope("experts").count() {
        let expert = weights.scope("experts").scope(index);
        let [own, other] =
            [("conv_1", x), ("conv_2", key)].map(|(name, x)| conv(net, &expert.scope(name), x));
        let y = net.mul(own?, other?);
        let y = conv(net, &expert.scope("conv_3"), y)?;
        let share = channels(net, [index, index + 1], trust);
        let y = net.mul(y, share);
        sum = net.add(sum, y);
    }
    Ok(sum)
}

/// A row of taps, then a column of them, for each channel alone.
fn striped(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let x = depthwise(net, &weights.scope("conv.0"), x)?;
    depthwise(net, &weights.scope("conv.1"), x)
}

fn halves(net: &mut Builder, half: usize, x: Value) -> [Value; 2] {
    [[0, half], [half, 2 * half]].map(|range| channels(net, range, x))
}

/// The same convolution with the two halves of its outputs mixed, one of each in turn.
fn shuffled(conv: &Conv2d) -> Result<Conv2d> {
    let half = conv.outputs() / 2;
    let mixed = |tensor: &Tensor| {
        let size = tensor.data().len() / conv.outputs().max(1);
        let row = |index: usize| tensor.data().iter().skip(index * size).take(size).copied();
        let data = (0..half).flat_map(|i| row(i).chain(row(half + i))).collect();
        Tensor::new(tensor.shape().clone(), data)
    };
    let bias = conv.bias.as_ref().map(|bias| mixed(bias)).transpose()?.map(Into::into);
    Ok(Conv2d { weight: mixed(&conv.weight)?.into(), bias, ..conv.clone() })
}
