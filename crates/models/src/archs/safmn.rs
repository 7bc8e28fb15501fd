//! SAFMN: blocks that weigh features by what they show at several sizes.
//!
//! Paper: Sun, Dong, Tang, Pan: Spatially-Adaptive Feature Modulation for Efficient Image Super-Resolution, 2023,
//! <https://arxiv.org/abs/2302.13800>, <https://github.com/sunny2109/SAFMN>.

use amplio_graph::ops::{Pool, PoolKind, Unary};
use amplio_graph::{Builder, Value};

use super::layers::{channels, conv, depthwise, layer_norm, mixer, scale, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "safmn",
    summary: "SAFMN: small, with features weighed at several sizes",
    paper: "https://arxiv.org/abs/2302.13800",
    repository: "https://github.com/sunny2109/SAFMN",
    detect,
    build,
    from_layers: None,
};

const EPSILON: f32 = 1e-6;
/// The sizes at which features are looked at: whole, and halved once to three times.
const LEVELS: usize = 4;

fn detect(weights: &Weights) -> bool {
    let block = weights.scope("feats.0");
    weights.has("to_feat.weight")
        && weights.has("to_img.0.weight")
        && ["norm1", "norm2", "safm.mfr.0", "safm.mfr.3", "safm.aggr", "ccm.ccm.0", "ccm.ccm.2"]
            .iter()
            .all(|name| block.scope(name).has("weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let feats = weights.scope("feats");
    let [features, inputs] = [side(&weights.scope("to_feat"), 0)?, side(&weights.scope("to_feat"), 1)?];
    let (scale, _) = scale(side(&weights.scope("to_img.0"), 0)?, inputs)?;

    let mut net = Builder::new(inputs);
    let picture = net.input();
    let first = conv(&mut net, &weights.scope("to_feat"), picture)?;
    let mut x = first;
    for index in 0..feats.count() {
        let block = feats.scope(index);
        let y = layer_norm(&mut net, &block.scope("norm1"), EPSILON, x)?;
        let y = modulated(&mut net, &block.scope("safm"), features, y)?;
        x = net.add(y, x);
        let y = layer_norm(&mut net, &block.scope("norm2"), EPSILON, x)?;
        let y = mixer(&mut net, &block.scope("ccm.ccm"), Unary::Gelu, y)?;
        x = net.add(y, x);
    }
    x = net.add(x, first);
    x = conv(&mut net, &weights.scope("to_img.0"), x)?;
    let output = net.pixel_shuffle(scale, x);

    let hyper = vec![
        ("features", features.to_string()),
        ("blocks", feats.count().to_string()),
        ("hidden", side(&feats.scope("0.ccm.ccm.0"), 0)?.to_string()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

/// Spatially adaptive feature modulation. Sizes must be multiples of the smallest level's pixels.
fn modulated(net: &mut Builder, weights: &Scope<'_>, features: usize, x: Value) -> Result<Value> {
    if weights.scope("mfr").count() != LEVELS || !features.is_multiple_of(LEVELS) {
        return Err(Error::unsupported(format!(
            "{}: {features} features at {} sizes; {LEVELS} sizes are known",
            weights.path(),
            weights.scope("mfr").count()
        )));
    }
    let part = features / LEVELS;
    let mut levels = Vec::new();
    for level in 0..LEVELS {
        let own = channels(net, [level * part, (level + 1) * part], x);
        let block = 1 << level;
        let kind = Pool { kind: PoolKind::Max, kernel: [block; 2], stride: [block; 2], padding: [0; 4] };
        let small = if level > 0 { net.apply(kind, &[own]) } else { own };
        let seen = depthwise(net, &weights.scope("mfr").scope(level), small)?;
        levels.push(if level > 0 { net.nearest(block, seen) } else { seen });
    }
    let all = net.concat(&levels);
    let all = conv(net, &weights.scope("aggr"), all)?;
    let gate = net.unary(Unary::Gelu, all);
    Ok(net.mul(gate, x))
}
