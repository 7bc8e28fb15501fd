//! FBCNN: removes what JPEG has done to a picture, after finding out how strongly it was compressed.
//!
//! Paper: Jiang, Zhang, Timofte: Towards Flexible Blind JPEG Artifacts Removal, 2021, <https://arxiv.org/abs/2109.14573>,
//! <https://github.com/jiaxi-jiang/FBCNN>.

use amplio_graph::ops::{Conv2d, Pad, PadMode, Unary};
use amplio_graph::{Builder, Value};

use super::layers::{conv, linear, mean_of_channels, mixer, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "fbcnn",
    summary: "FBCNN: removes the traces of JPEG, keeps the size",
    paper: "https://arxiv.org/abs/2109.14573",
    repository: "https://github.com/jiaxi-jiang/FBCNN",
    detect,
    build,
    from_layers: None,
};

fn detect(weights: &Weights) -> bool {
    let convs =
        ["m_head", "m_down1.0.res.0", "m_body_encoder.0.res.0", "m_body_decoder.0.res.0", "qf_pred.0.res.0"];
    convs
        .iter()
        .chain(&["m_up3.1.res.0", "to_gamma_1.0", "m_tail"])
        .all(|path| weights.scope(path).has("weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let head = weights.scope("m_head");
    let blocks = weights.scope("m_body_encoder").count();

    let mut net = Builder::new(side(&head, 1)?);
    let picture = net.input();
    // What misses to a multiple repeats the last pixels.
    let picture = net.apply(Pad { mode: PadMode::Replicate, amounts: [0; 4] }, &[picture]);
    let mut x = conv(&mut net, &head, picture)?;
    let mut seen = vec![];
    for name in ["m_down1", "m_down2", "m_down3"] {
        seen.push(x);
        let level = weights.scope(name);
        x = residual_blocks(&mut net, &level, blocks, x)?;
        x = halved(&mut net, &level.scope(blocks), x)?;
    }
    seen.push(x);
    x = residual_blocks(&mut net, &weights.scope("m_body_encoder"), blocks, x)?;
    let quality = quality(&mut net, weights, blocks, x)?;
    x = residual_blocks(&mut net, &weights.scope("m_body_decoder"), blocks, x)?;
    for level in [3, 2, 1] {
        if let Some(before) = seen.pop() {
            x = net.add(x, before);
        }
        x = decoded(&mut net, weights, level, blocks, quality, x)?;
    }
    x = net.add(x, seen[0]);
    let output = conv(&mut net, &weights.scope("m_tail"), x)?;

    let widths = ["m_head", "m_down2.0.res.0", "m_down3.0.res.0", "m_body_encoder.0.res.0"];
    let widths: Vec<_> = widths.iter().map(|path| side(&weights.scope(path), 0)).collect::<Result<_>>()?;
    let widths: Vec<_> = widths.iter().map(usize::to_string).collect();
    let hyper = vec![("features", widths.join("-")), ("blocks", blocks.to_string())];
    Ok(Built::new(net.finish(output)?, hyper))
}

/// What the network thinks of the picture's quality, as a vector.
fn quality(net: &mut Builder, weights: &Weights, blocks: usize, x: Value) -> Result<Value> {
    let finder = weights.scope("qf_pred");
    let y = residual_blocks(net, &finder, blocks, x)?;
    let mut y = mean_of_channels(net, y);
    for (index, function) in [(2, Unary::Relu), (4, Unary::Relu), (6, Unary::Sigmoid)] {
        y = linear(net, &finder.scope(blocks + index), y)?;
        y = net.unary(function, y);
    }
    for index in [0, 2, 4] {
        y = linear(net, &weights.scope("qf_embed").scope(index), y)?;
        y = net.unary(Unary::Relu, y);
    }
    Ok(y)
}

/// A level of the way up: twice the size, then residual blocks that the quality weighs.
fn decoded(
    net: &mut Builder,
    weights: &Weights,
    level: usize,
    blocks: usize,
    quality: Value,
    x: Value,
) -> Result<Value> {
    let up = weights.scope(format!("m_up{level}"));
    let first = up.scope(0);
    if !first.has("weight") || side(&first, 2)? != 2 {
        return Err(Error::unsupported("FBCNN with another enlargement than transposed convolutions"));
    }
    let mut x = net.at(first.path()).apply(first.conv_transpose2d(2)?, &[x]);
    let gamma = linear(net, &weights.scope(format!("to_gamma_{level}.0")), quality)?;
    let gamma = net.unary(Unary::Sigmoid, gamma);
    let beta = linear(net, &weights.scope(format!("to_beta_{level}.0")), quality)?;
    let beta = net.unary(Unary::Tanh, beta);
    for index in 1..=blocks {
        let y = mixer(net, &up.scope(index).scope("res"), Unary::Relu, x)?;
        let y = net.mul(y, gamma);
        let y = net.add(y, beta);
        x = net.add(y, x);
    }
    Ok(x)
}

fn residual_blocks(net: &mut Builder, weights: &Scope<'_>, blocks: usize, mut x: Value) -> Result<Value> {
    for index in 0..blocks {
        let y = mixer(net, &weights.scope(index).scope("res"), Unary::Relu, x)?;
        x = net.add(y, x);
    }
    Ok(x)
}

/// Half the size, by a convolution of each block of two by two pixels.
fn halved(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    if !weights.has("weight") || side(weights, 2)? != 2 {
        return Err(Error::unsupported("FBCNN with pooling; one whose convolutions halve the size is known"));
    }
    let conv = Conv2d { stride: [2; 2], padding: [0; 4], ..weights.conv2d()? };
    Ok(net.at(weights.path()).conv2d(conv, x))
}
