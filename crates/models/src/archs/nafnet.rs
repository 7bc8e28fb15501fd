//! NAFNet: a U-Net without activation functions that removes noise and blur.
//!
//! Paper: Chen, Chu, Zhang, Sun: Simple Baselines for Image Restoration, 2022, <https://arxiv.org/abs/2204.04676>,
//! <https://github.com/megvii-research/NAFNet>.

use amplio_graph::ops::{Conv2d, Pad, PadMode};
use amplio_graph::{Builder, Value};

use super::layers::{channels, conv, depthwise, factor, layer_norm, mean_of_channels, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "nafnet",
    summary: "NAFNet: removes noise and blur, keeps the size",
    paper: "https://arxiv.org/abs/2204.04676",
    repository: "https://github.com/megvii-research/NAFNet",
    detect,
    build,
    from_layers: None,
};

const EPSILON: f32 = 1e-6;

fn detect(weights: &Weights) -> bool {
    ["intro.weight", "ending.weight", "ups.0.0.weight", "downs.0.weight"].iter().all(|path| weights.has(path))
        && weights.has("middle_blks.0.sca.1.weight")
        && weights.has("encoders.0.0.beta")
        && weights.has("decoders.0.0.gamma")
}

fn build(weights: &Weights) -> Result<Built> {
    let intro = weights.scope("intro");
    let (encoders, decoders) = (weights.scope("encoders"), weights.scope("decoders"));

    let mut net = Builder::new(side(&intro, 1)?);
    let picture = net.input();
    // What misses to a multiple is black.
    let picture = net.apply(Pad { mode: PadMode::Constant(0.0), amounts: [0; 4] }, &[picture]);
    let mut x = conv(&mut net, &intro, picture)?;
    let mut seen = Vec::new();
    for level in 0..encoders.count() {
        x = blocks(&mut net, &encoders.scope(level), x)?;
        seen.push(x);
        let down = weights.scope("downs").scope(level);
        let halving = Conv2d { stride: [2; 2], padding: [0; 4], ..down.conv2d()? };
        x = net.at(down.path()).conv2d(halving, x);
    }
    x = blocks(&mut net, &weights.scope("middle_blks"), x)?;
    for level in 0..decoders.count() {
        x = conv(&mut net, &weights.scope("ups").scope(level).scope(0), x)?;
        x = net.pixel_shuffle(2, x);
        if let Some(before) = seen.pop() {
            x = net.add(x, before);
        }
        x = blocks(&mut net, &decoders.scope(level), x)?;
    }
    x = conv(&mut net, &weights.scope("ending"), x)?;
    let output = net.add(x, picture);

    let counts = |scope: &Scope<'_>| {
        let counts: Vec<_> = (0..scope.count()).map(|level| scope.scope(level).count().to_string()).collect();
        counts.join("-")
    };
    let hyper = vec![
        ("features", side(&intro, 0)?.to_string()),
        ("encoders", counts(&encoders)),
        ("middle", weights.scope("middle_blks").count().to_string()),
        ("decoders", counts(&decoders)),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

fn blocks(net: &mut Builder, weights: &Scope<'_>, mut x: Value) -> Result<Value> {
    for index in 0..weights.count() {
        x = block(net, &weights.scope(index), x)?;
    }
    Ok(x)
}

fn block(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let y = layer_norm(net, &weights.scope("norm1"), EPSILON, x)?;
    let y = conv(net, &weights.scope("conv1"), y)?;
    let y = depthwise(net, &weights.scope("conv2"), y)?;
    let y = gated(net, side(&weights.scope("conv3"), 1)?, y);
    let means = mean_of_channels(net, y);
    let attention = conv(net, &weights.scope("sca.1"), means)?;
    let y = net.mul(y, attention);
    let y = conv(net, &weights.scope("conv3"), y)?;
    let y = factor(net, weights, "beta", y)?;
    let x = net.add(y, x);

    let y = layer_norm(net, &weights.scope("norm2"), EPSILON, x)?;
    let y = conv(net, &weights.scope("conv4"), y)?;
    let y = gated(net, side(&weights.scope("conv5"), 1)?, y);
    let y = conv(net, &weights.scope("conv5"), y)?;
    let y = factor(net, weights, "gamma", y)?;
    Ok(net.add(y, x))
}

/// The first half of the channels times the second.
fn gated(net: &mut Builder, half: usize, x: Value) -> Value {
    let [first, second] = [[0, half], [half, 2 * half]].map(|range| channels(net, range, x));
    net.mul(first, second)
}
