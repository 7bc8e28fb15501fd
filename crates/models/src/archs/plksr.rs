//! PLKSR and RealPLKSR: a chain of blocks whose large kernels see a part of the channels only, and a shuffle to pixels on top
//! of the repeated input.
//!
//! Paper: Lee, Yun, Ro: Partial Large Kernel CNNs for Efficient Super-Resolution, 2024,
//! <https://arxiv.org/abs/2404.11848>, <https://github.com/dslisleedh/PLKSR>. RealPLKSR, with norms, Mish and DySample, is
//! neosr's: <https://github.com/neosr-project/neosr>.
//!
//! Weights: `feats.0` a convolution, `feats.1` to `feats.n` the blocks, then a convolution; RealPLKSR has a dropout before it,
//! which counts. The published name of PLKSR's channel mixer lacks a letter, RealPLKSR's does not.

use amplio_graph::ops::{Conv2d, GroupNorm, Unary};
use amplio_graph::{Builder, Value};

use super::layers::{channels, conv, layer_norm, mixer, scale, side};
use super::{Architecture, Built, dysample};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "plksr",
    summary: "PLKSR and RealPLKSR: large kernels on a part of the channels",
    paper: "https://arxiv.org/abs/2404.11848",
    repository: "https://github.com/dslisleedh/PLKSR",
    detect,
    build,
    from_layers: None,
};

/// Names of the channel mixers of both.
const MIXER: &str = "channe_mixer";
const REAL_MIXER: &str = "channel_mixer";
/// Groups of RealPLKSR's norm; no file says them.
const GROUPS: usize = 4;
const GROUP_EPSILON: f32 = 1e-5;
const LAYER_EPSILON: f32 = 1e-6;
/// Distances between the taps of PLKSR's sparse kernels; no file says them.
const DILATIONS: [usize; 4] = [1, 2, 3, 4];

fn detect(weights: &Weights) -> bool {
    let block = weights.scope("feats.1");
    let large = ["lk.conv.weight", "lk.convs.0.weight", "lk.mn_conv.weight"];
    weights.has("feats.0.weight")
        && block.has("refine.weight")
        && large.iter().any(|name| block.has(name))
        && [MIXER, REAL_MIXER].iter().any(|name| block.has(&format!("{name}.0.weight")))
}

fn build(weights: &Weights) -> Result<Built> {
    let feats = weights.scope("feats");
    let block = feats.scope(1);
    let real = block.scope(REAL_MIXER).scope(0).has("weight");
    let last = feats.count() - 1;
    let blocks = last.saturating_sub(if real { 2 } else { 1 });
    let [features, inputs] = [side(&feats.scope(0), 0)?, side(&feats.scope(0), 1)?];
    let (scale, outputs) = scale(side(&feats.scope(last), 0)?, inputs)?;
    if inputs != outputs {
        return Err(Error::unsupported(format!("{inputs} channels that are added to {outputs}")));
    }
    let dysampled = weights.has("to_img.offset.weight");

    let mut net = Builder::new(inputs);
    let picture = net.input();
    let mut x = conv(&mut net, &feats.scope(0), picture)?;
    for index in 1..=blocks {
        x = self::block(&mut net, &feats.scope(index), real, x)?;
    }
    let detail = conv(&mut net, &feats.scope(last), x)?;
    let output = if dysampled {
        // What is sampled has as many channels as a shuffle would take.
        let base = repeated(&mut net, inputs, scale * scale);
        let sum = net.add(detail, base);
        let groups = if scale % 2 == 0 { GROUPS } else { outputs };
        dysample::dysample(&mut net, &weights.scope("to_img"), groups, sum)?
    } else {
        let larger = net.at("to_img").pixel_shuffle(scale, detail);
        let base = if scale == 1 { picture } else { net.at("base").nearest(scale, picture) };
        net.add(larger, base)
    };

    let (kernel, part) = large_kernel(&block)?;
    let hyper = vec![
        ("features", features.to_string()),
        ("blocks", blocks.to_string()),
        ("kernel", kernel),
        ("part", part.to_string()),
        ("mixer", if real { "real".to_owned() } else { mixer_kind(&block.scope(MIXER))? }),
        ("attention", block.has("attn.f.0.weight").to_string()),
        ("norm", norm(&block, real).to_owned()),
        ("dysample", dysampled.to_string()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

fn block(net: &mut Builder, weights: &Scope<'_>, real: bool, x: Value) -> Result<Value> {
    let mut y = x;
    if real && weights.has("layer_norm.weight") {
        y = layer_norm(net, &weights.scope("layer_norm"), LAYER_EPSILON, y)?;
    }
    let (name, function) = if real { (REAL_MIXER, Unary::Mish) } else { (MIXER, Unary::Gelu) };
    y = mixer(net, &weights.scope(name), function, y)?;
    y = partial(net, weights, y)?;
    if weights.has("attn.f.0.weight") {
        let attention = conv(net, &weights.scope("attn.f.0"), y)?;
        let attention = net.unary(Unary::Sigmoid, attention);
        y = net.mul(y, attention);
    }
    y = conv(net, &weights.scope("refine"), y)?;
    if real && weights.has("norm.weight") {
        let norm = weights.scope("norm");
        let [weight, bias] = ["weight", "bias"].map(|name| norm.tensor(name));
        let norm =
            GroupNorm { groups: GROUPS, epsilon: GROUP_EPSILON, weight: Some(weight?), bias: Some(bias?) };
        y = net.at(weights.path()).apply(norm, &[y]);
    }
    Ok(net.add(y, x))
}

/// The large kernels, on the first channels; the others stay as they are.
fn partial(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let part = large_kernel(weights)?.1;
    let all = side(&weights.scope("refine"), 1)?;
    let first = channels(net.at(weights.path()), [0, part], x);
    let rest = channels(net, [part, all], x);
    let mut sum = None;
    for (path, dilation) in kernels(weights)? {
        let scope = weights.scope(path);
        let conv = scope.conv2d()?;
        let padding = conv.padding.map(|side| side * dilation);
        let y = net.at(scope.path()).conv2d(Conv2d { padding, dilation: [dilation; 2], ..conv }, first);
        sum = Some(sum.map_or(y, |sum| net.add(sum, y)));
    }
    let mixed = sum.ok_or_else(|| Error::not_found(format!("{} has no large kernel", weights.path())))?;
    Ok(if part < all { net.concat(&[mixed, rest]) } else { mixed })
}

/// Paths and dilations of a block's large kernels, whose results are added.
fn kernels(weights: &Scope<'_>) -> Result<Vec<(String, usize)>> {
    let rectangles = ["lk.mn_conv", "lk.nm_conv", "lk.nn_conv"];
    if weights.has("lk.conv.weight") {
        return Ok(vec![("lk.conv".to_owned(), 1)]);
    }
    if weights.has("lk.mn_conv.weight") {
        return Ok(rectangles.iter().map(|path| ((*path).to_owned(), 1)).collect());
    }
    let count = weights.scope("lk.convs").count();
    if count != DILATIONS.len() {
        return Err(Error::unsupported(format!("{count} sparse kernels; {} are known", DILATIONS.len())));
    }
    Ok(DILATIONS.iter().enumerate().map(|(i, dilation)| (format!("lk.convs.{i}"), *dilation)).collect())
}

/// The kind and the side of a block's large kernels, and how many channels they see.
fn large_kernel(weights: &Scope<'_>) -> Result<(String, usize)> {
    let path = kernels(weights)?.swap_remove(0).0;
    let kind = match path.as_str() {
        "lk.conv" => "",
        "lk.mn_conv" => "rectangles ",
        _ => "sparse ",
    };
    let scope = weights.scope(path);
    Ok((format!("{kind}{}", side(&scope, 2)?), side(&scope, 0)?))
}

fn mixer_kind(weights: &Scope<'_>) -> Result<String> {
    let sides = [side(&weights.scope(0), 2)?, side(&weights.scope(2), 2)?];
    Ok(sides.map(|side| side.to_string()).join("-"))
}

fn norm(block: &Scope<'_>, real: bool) -> &'static str {
    match real {
        true if block.has("layer_norm.weight") => "layer",
        true if block.has("norm.weight") => "group",
        _ => "none",
    }
}

/// The input's channels, each `times` times.
fn repeated(net: &mut Builder, inputs: usize, times: usize) -> Value {
    let picture = net.input();
    let each: Vec<_> = (0..inputs).map(|c| channels(net, [c, c + 1], picture)).collect();
    let all: Vec<_> = each.into_iter().flat_map(|channel| std::iter::repeat_n(channel, times)).collect();
    net.at("base").concat(&all)
}
