//! MM-RealSR: ESRGAN's blocks, modulated by how damaged another network finds the picture.
//!
//! Paper: Mou, Wu, Wang, Dong, Zhang, Shan: Metric Learning based Interactive Modulation for Real-World Super-Resolution,
//! 2022, <https://arxiv.org/abs/2205.05065>, <https://github.com/TencentARC/MM-RealSR>.

use amplio_graph::ops::{Conv2d, Unary};
use amplio_graph::{Builder, Value};

use super::esrgan::{active_conv, group};
use super::layers::{channels, conv, linear, mean_of_channels, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "mm-realsr",
    summary: "MM-RealSR: ESRGAN that first looks how damaged the picture is",
    paper: "https://arxiv.org/abs/2205.05065",
    repository: "https://github.com/TencentARC/MM-RealSR",
    detect,
    build,
    from_layers: None,
};

fn detect(weights: &Weights) -> bool {
    let convs =
        ["conv_first", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last", "body.0.rdb1.conv1"];
    convs
        .iter()
        .chain(&["am_list.0.fc.0", "de_net.conv_first.0", "dd_embed.0"])
        .all(|path| weights.scope(path).has("weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let first = weights.scope("conv_first");
    let [features, inputs] = [side(&first, 0)?, side(&first, 1)?];
    // With a pixel unshuffle, the published code does not run.
    let looked_at = side(&weights.scope("de_net.conv_first.0"), 1)?;
    if inputs != side(&weights.scope("conv_last"), 0)? || inputs != looked_at {
        return Err(Error::unsupported(format!(
            "MM-RealSR that takes {inputs} channels and looks at {looked_at}"
        )));
    }
    let blocks = weights.scope("body").count();

    let mut net = Builder::new(inputs);
    let picture = net.input();
    let damage = damage(&mut net, weights, picture)?;
    let shallow = conv(&mut net, &first, picture)?;
    let mut x = shallow;
    for block in 0..blocks {
        x = group(&mut net, &weights.scope("body").scope(block), x)?;
        x = modulated(&mut net, &weights.scope("am_list").scope(block).scope("fc"), features, damage, x)?;
    }
    x = conv(&mut net, &weights.scope("conv_body"), x)?;
    x = net.add(x, shallow);
    for name in ["conv_up1", "conv_up2"] {
        x = net.at(name).nearest(2, x);
        x = active_conv(&mut net, &weights.scope(name), x)?;
    }
    x = active_conv(&mut net, &weights.scope("conv_hr"), x)?;
    let output = conv(&mut net, &weights.scope("conv_last"), x)?;

    let hyper = vec![
        ("features", features.to_string()),
        ("blocks", blocks.to_string()),
        ("growth", side(&weights.scope("body.0.rdb1.conv1"), 0)?.to_string()),
        ("degradations", weights.scope("de_net.conv_first").count().to_string()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

/// How strongly the picture suffers from each kind of damage, as a vector.
fn damage(net: &mut Builder, weights: &Weights, picture: Value) -> Result<Value> {
    let finder = weights.scope("de_net");
    let mut degrees = vec![];
    for kind in 0..finder.scope("conv_first").count() {
        let mut x = conv(net, &finder.scope("conv_first").scope(kind), picture)?;
        let body = finder.scope("body").scope(kind);
        for index in 0..body.count() {
            x = found(net, &body.scope(index), x)?;
        }
        x = mean_of_channels(net, x);
        x = linear(net, &finder.scope("fc_degree").scope(kind).scope(0), x)?;
        x = net.unary(Unary::Relu, x);
        x = linear(net, &finder.scope("fc_degree").scope(kind).scope(2), x)?;
        degrees.push(net.unary(Unary::Sigmoid, x));
    }
    let all = net.concat(&degrees);
    let embedded = linear(net, &weights.scope("dd_embed.0"), all)?;
    Ok(net.unary(Unary::Relu, embedded))
}

/// A layer of the network that finds damage: a residual block, or a convolution that halves the size.
fn found(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    if weights.has("weight") {
        let conv = Conv2d { stride: [2; 2], ..weights.conv2d()? };
        return Ok(net.at(weights.path()).conv2d(conv, x));
    }
    let y = conv(net, &weights.scope("conv1"), x)?;
    let y = net.unary(Unary::Relu, y);
    let y = conv(net, &weights.scope("conv2"), y)?;
    Ok(net.add(y, x))
}

/// `(1 + gamma) * x + beta`, both of which the damage says.
fn modulated(
    net: &mut Builder,
    weights: &Scope<'_>,
    features: usize,
    damage: Value,
    x: Value,
) -> Result<Value> {
    let mut both = damage;
    for index in [0, 2] {
        both = linear(net, &weights.scope(index), both)?;
        both = net.unary(Unary::Relu, both);
    }
    both = linear(net, &weights.scope(4), both)?;
    let [gamma, beta] = [[0, features], [features, 2 * features]].map(|range| channels(net, range, both));
    let scaled = net.mul(x, gamma);
    let sum = net.add(x, scaled);
    Ok(net.add(sum, beta))
}
