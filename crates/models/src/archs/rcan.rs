//! RCAN: groups of residual blocks whose channels are weighed by what the whole picture shows in them.
//!
//! Paper: Zhang, Li, Li, Wang, Zhong, Fu: Image Super-Resolution Using Very Deep Residual Channel Attention Networks, 2018,
//! <https://arxiv.org/abs/1807.02758>, <https://github.com/yulunz/RCAN>. With a pixel unshuffle before the first convolution:
//! community variants.

use amplio_graph::ops::Unary;
use amplio_graph::{Builder, Value};

use super::layers::{conv, mean_of_channels, mixer, side};
use super::{Architecture, Built, square_root};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "rcan",
    summary: "RCAN: deep residual groups with channel attention",
    paper: "https://arxiv.org/abs/1807.02758",
    repository: "https://github.com/yulunz/RCAN",
    detect,
    build,
    from_layers: None,
};

/// The range of colours of networks that subtract their mean; no file says it.
const RANGE: f32 = 255.0;
/// How often networks with a pixel unshuffle enlarge what it has left.
const UNSHUFFLED_SCALE: usize = 4;

fn detect(weights: &Weights) -> bool {
    (weights.has("head.0.weight") || weights.has("head.1.weight"))
        && weights.has("tail.1.weight")
        && weights.has("body.0.body.0.body.0.weight")
        && weights.has("body.0.body.0.body.3.conv_du.0.weight")
}

fn build(weights: &Weights) -> Result<Built> {
    let unshuffled = weights.has("head.1.weight");
    let head = weights.scope("head").scope(usize::from(unshuffled));
    let [features, planes] = [side(&head, 0)?, side(&head, 1)?];
    let colours = side(&weights.scope("tail.1"), 0)?;
    let unshuffle = match unshuffled {
        true => {
            planes.checked_div(colours).and_then(square_root).filter(|r| UNSHUFFLED_SCALE.is_multiple_of(*r))
        }
        false => Some(1),
    };
    let unshuffle = unshuffle.ok_or_else(|| {
        Error::unsupported(format!(
            "{planes} channels before the first convolution and {colours} after the last"
        ))
    })?;
    let normalised = weights.has("sub_mean.weight");
    let groups = weights.scope("body").count().saturating_sub(1);

    let mut net = Builder::new(planes / (unshuffle * unshuffle));
    let mut x = net.input();
    if normalised {
        x = net.at("sub_mean").scale(x, RANGE);
        x = conv(&mut net, &weights.scope("sub_mean"), x)?;
    }
    if unshuffle > 1 {
        x = net.at("head.0").pixel_unshuffle(unshuffle, x);
    }
    let first = conv(&mut net, &head, x)?;
    let body = weights.scope("body");
    let mut x = first;
    for index in 0..groups {
        x = group(&mut net, &body.scope(index).scope("body"), x)?;
    }
    x = conv(&mut net, &body.scope(groups), x)?;
    x = net.add(x, first);
    let (mut x, scale) = upsampled(&mut net, &weights.scope("tail.0"), features, x)?;
    x = conv(&mut net, &weights.scope("tail.1"), x)?;
    if normalised {
        x = conv(&mut net, &weights.scope("add_mean"), x)?;
        x = net.scale(x, 1.0 / RANGE);
    }

    let blocks = body.scope(0).scope("body").count().saturating_sub(1);
    let squeezed = side(&weights.scope("body.0.body.0.body.3.conv_du.0"), 0)?;
    let hyper = vec![
        ("features", features.to_string()),
        ("groups", groups.to_string()),
        ("blocks", blocks.to_string()),
        ("squeezed", squeezed.to_string()),
        ("enlargement", scale.to_string()),
        ("unshuffle", unshuffle.to_string()),
        ("norm", normalised.to_string()),
    ];
    Ok(Built::new(net.finish(x)?, hyper))
}

/// A residual group: blocks and a convolution, added to what they are given.
fn group(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let blocks = weights.count().saturating_sub(1);
    let mut y = x;
    for index in 0..blocks {
        y = block(net, &weights.scope(index).scope("body"), y)?;
    }
    let y = conv(net, &weights.scope(blocks), y)?;
    Ok(net.add(y, x))
}

/// A residual block with channel attention.
fn block(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let y = mixer(net, weights, Unary::Relu, x)?;
    let means = mean_of_channels(net, y);
    let gate = mixer(net, &weights.scope("3.conv_du"), Unary::Relu, means)?;
    let gate = net.unary(Unary::Sigmoid, gate);
    let y = net.mul(y, gate);
    Ok(net.add(y, x))
}

/// Convolutions `0`, `2`, … each followed by a shuffle of its channels to pixels; and how many times larger that is.
fn upsampled(
    net: &mut Builder,
    weights: &Scope<'_>,
    features: usize,
    mut x: Value,
) -> Result<(Value, usize)> {
    let mut scale = 1_usize;
    for index in (0..weights.count()).step_by(2) {
        let step = weights.scope(index);
        let channels = side(&step, 0)?;
        let factor =
            channels.checked_div(features).and_then(square_root).filter(|factor| (2..=3).contains(factor));
        let factor = factor.ok_or_else(|| {
            Error::unsupported(format!(
                "{}: {channels} channels that become {features} by a shuffle",
                step.path()
            ))
        })?;
        x = conv(net, &step, x)?;
        x = net.pixel_shuffle(factor, x);
        scale = scale.saturating_mul(factor);
    }
    Ok((x, scale))
}
