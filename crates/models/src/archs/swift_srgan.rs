//! Swift-SRGAN: SRGAN's generator with depthwise separable convolutions.
//!
//! Paper: Krishnan, Krishnan: SwiftSRGAN, 2021, <https://arxiv.org/abs/2111.14320>,
//! <https://github.com/Koushik0901/Swift-SRGAN>.

use amplio_graph::ops::Unary;
use amplio_graph::{Builder, Value};

use super::layers::{batch_norm, conv, depthwise, prelu, shift, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "swift-srgan",
    summary: "Swift-SRGAN: a small SRGAN",
    paper: "https://arxiv.org/abs/2111.14320",
    repository: "https://github.com/Koushik0901/Swift-SRGAN",
    detect: |weights| {
        weights.has("initial.cnn.depthwise.weight") && weights.has("final_conv.pointwise.weight")
    },
    build,
    from_layers: None,
};

const EPSILON: f32 = 1e-5;
/// The most enlargements that are believed.
const MOST_UPSAMPLINGS: usize = 4;

fn build(weights: &Weights) -> Result<Built> {
    let initial = weights.scope("initial");
    let channels = side(&initial.scope("cnn.depthwise"), 0)?;
    let (residual, upsampler) = (weights.scope("residual"), weights.scope("upsampler"));
    if upsampler.count() > MOST_UPSAMPLINGS {
        return Err(Error::limit("enlargements by two", MOST_UPSAMPLINGS));
    }

    let mut net = Builder::new(channels);
    let picture = net.input();
    let x = separable(&mut net, &initial.scope("cnn"), picture)?;
    let first = prelu(&mut net, &initial.scope("act"), x)?;
    let mut x = first;
    for index in 0..residual.count() {
        let block = residual.scope(index);
        let y = normalised(&mut net, &block.scope("block1"), x)?;
        let y = prelu(&mut net, &block.scope("block1.act"), y)?;
        let y = normalised(&mut net, &block.scope("block2"), y)?;
        x = net.add(y, x);
    }
    x = normalised(&mut net, &weights.scope("convblock"), x)?;
    x = net.add(x, first);
    for index in 0..upsampler.count() {
        let step = upsampler.scope(index);
        x = separable(&mut net, &step.scope("conv"), x)?;
        x = net.pixel_shuffle(2, x);
        x = prelu(&mut net, &step.scope("act"), x)?;
    }
    x = separable(&mut net, &weights.scope("final_conv"), x)?;
    x = net.unary(Unary::Tanh, x);
    x = shift(&mut net, x, 1.0);
    let output = net.scale(x, 0.5);

    let hyper = vec![
        ("features", side(&initial.scope("cnn.pointwise"), 0)?.to_string()),
        ("blocks", residual.count().to_string()),
        ("upsamplings", upsampler.count().to_string()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

/// A convolution of each channel alone, then one of each pixel alone.
fn separable(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let x = depthwise(net, &weights.scope("depthwise"), x)?;
    conv(net, &weights.scope("pointwise"), x)
}

fn normalised(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let x = separable(net, &weights.scope("cnn"), x)?;
    batch_norm(net, &weights.scope("bn"), EPSILON, x)
}
