//! MoSR: gated convolutions at the size of the input, with a shortcut around all of them.
//!
//! Repository: <https://github.com/umzi2/MoSR>. The blocks are those of Yu, Wang: MambaOut, 2024,
//! <https://arxiv.org/abs/2405.07992>.
//!
//! Weights: `gblocks.0` a convolution, `gblocks.1` to `gblocks.n` the blocks, then three convolutions with functions between
//! them, which count.

use amplio_graph::ops::{Conv2d, Unary};
use amplio_graph::{Builder, Shape, Tensor, Value};

use super::gated::gated;
use super::layers::{conv, scale, shift, side};
use super::{Architecture, Built, dysample, square_root};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "mosr",
    summary: "MoSR: gated convolutions, fast",
    paper: "https://arxiv.org/abs/2405.07992",
    repository: "https://github.com/umzi2/MoSR",
    detect,
    build,
    from_layers: None,
};

/// Layers of `gblocks` that are no blocks: one before them, five after them.
const BESIDE: usize = 6;
/// The pictures whose mean a `gps` upsampler takes.
const ENSEMBLE: usize = 8;
/// Groups of a `dys` upsampler.
const GROUPS: usize = 4;

fn detect(weights: &Weights) -> bool {
    let block = weights.scope("gblocks.1");
    weights.has("gblocks.0.weight")
        && ["norm", "fc1", "conv", "fc2"].iter().all(|name| block.scope(name).has("weight"))
        && weights.has("shortcut.conv11.weight")
}

fn build(weights: &Weights) -> Result<Built> {
    let layers = weights.scope("gblocks");
    let count = layers.count();
    let blocks = count.saturating_sub(BESIDE);
    let inputs = side(&layers.scope(0), 1)?;

    let mut net = Builder::new(inputs);
    let picture = net.input();
    let mut x = conv(&mut net, &layers.scope(0), picture)?;
    for index in 1..=blocks {
        x = block(&mut net, &layers.scope(index), x)?;
    }
    for index in [blocks + 1, blocks + 3] {
        x = conv(&mut net, &layers.scope(index), x)?;
        x = net.unary(Unary::Mish, x);
    }
    x = conv(&mut net, &layers.scope(blocks + 5), x)?;
    let around = shortcut(&mut net, &weights.scope("shortcut"))?;
    let around = shift(&mut net, around, -0.5);
    x = net.add(x, around);
    let (output, upsampler) = upsampled(&mut net, &weights.scope("upsampler"), inputs, x)?;

    let first = layers.scope(1);
    let hyper = vec![
        ("features", side(&layers.scope(0), 0)?.to_string()),
        ("blocks", blocks.to_string()),
        ("hidden", side(&first.scope("fc2"), 1)?.to_string()),
        ("mixed", side(&first.scope("conv"), 0)?.to_string()),
        ("kernel", side(&first.scope("conv"), 2)?.to_string()),
        ("upsampler", upsampler.to_owned()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

fn block(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let y = gated(net, weights, &[weights.scope("conv")], x)?;
    let x = shift(net, x, -0.5);
    Ok(net.add(y, x))
}

fn shortcut(net: &mut Builder, weights: &Scope<'_>) -> Result<Value> {
    let picture = net.input();
    let mut x = picture;
    for index in [0, 2] {
        x = conv(net, &weights.scope("block").scope(index), x)?;
        x = net.unary(Unary::Mish, x);
    }
    let direct = conv(net, &weights.scope("conv11"), picture)?;
    Ok(net.add(x, direct))
}

/// The enlarged picture, and what the repository calls the way to it.
fn upsampled(
    net: &mut Builder,
    weights: &Scope<'_>,
    inputs: usize,
    x: Value,
) -> Result<(Value, &'static str)> {
    if weights.has("init_pos") {
        return Ok((dysample::dysample(net, weights, GROUPS, x)?, "dys"));
    }
    let (conv, name) = if weights.has("in_to_k.weight") {
        (mean_of_ensemble(&weights.scope("in_to_k").conv2d()?)?, "gps")
    } else {
        (weights.scope(0).conv2d()?, "ps")
    };
    let (scale, outputs) = scale(conv.outputs(), inputs)?;
    if outputs != inputs || square_root(conv.outputs() / inputs).is_none() {
        return Err(Error::unsupported(format!("{} channels before the shuffle to pixels", conv.outputs())));
    }
    let larger = net.at(weights.path()).conv2d(conv, x);
    Ok((net.pixel_shuffle(scale, larger), name))
}

/// The convolution that makes the mean of what this one makes eight times.
fn mean_of_ensemble(conv: &Conv2d) -> Result<Conv2d> {
    let outputs = conv.outputs() / ENSEMBLE;
    let mean = |tensor: &Tensor| {
        let size = tensor.data().len() / ENSEMBLE;
        let parts = |i: usize| tensor.data().iter().skip(i).step_by(size.max(1)).map(|v| f64::from(*v));
        (0..size).map(|i| (parts(i).take(ENSEMBLE).sum::<f64>() / ENSEMBLE as f64) as f32).collect::<Vec<_>>()
    };
    let mut shape = conv.weight.shape().to_vec();
    shape[0] = outputs;
    let weight = Tensor::new(Shape::new(shape), mean(&conv.weight))?;
    let bias = conv.bias.as_ref().map(|bias| Tensor::vector(mean(bias)).into());
    Ok(Conv2d { weight: weight.into(), bias, ..conv.clone() })
}
