//! DCTLSA: densely connected blocks of linear attention within windows, and convolutions beside it.
//!
//! Paper: Zeng, Chen, Liu, Lv, Chen: Densely connected transformer with linear self-attention for lightweight image
//! super-resolution, 2023, <https://doi.org/10.1109/TIM.2023.3304672>, <https://github.com/zengkun301/DCTLSA>.

use amplio_graph::ops::{
    Dim, MatMul, Reshape, Roll, Softmax, Transpose, Unary, WindowPartition, WindowReverse,
};
use amplio_graph::{Builder, Value};

use super::layers::{batch_norm, channels, conv, depthwise, layer_norm, linear, scale, side};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "dctlsa",
    summary: "DCTLSA: small, with linear attention in windows",
    paper: "https://doi.org/10.1109/TIM.2023.3304672",
    repository: "https://github.com/zengkun301/DCTLSA",
    detect,
    build,
    from_layers: None,
};

/// Blocks, each of which sees the results of all before it.
const BLOCKS: usize = 6;
/// Heads of the attention; no file says them.
const HEADS: usize = 5;
const WINDOW: usize = 16;
const SLOPE: f32 = 0.05;
const EPSILON: f32 = 1e-5;

fn detect(weights: &Weights) -> bool {
    let attention = "body.0.transformer_body.0.blocks.0.attn";
    ["fea_conv", "c.0", "c1.0", "c5.0", "LR_conv", "upsampler.0"]
        .iter()
        .all(|path| weights.scope(path).has("weight"))
        && weights.has(&format!("B1.{attention}.qkv.weight"))
        && weights.has(&format!("B{BLOCKS}.{attention}.local.pointwise_prenorm_1.weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let first = weights.scope("fea_conv");
    let [features, inputs] = [side(&first, 0)?, side(&first, 1)?];
    let (scale, _) = scale(side(&weights.scope("upsampler.0"), 0)?, inputs)?;

    let mut net = Builder::new(inputs);
    let picture = net.input();
    let shallow = conv(&mut net, &first, picture)?;
    let mut seen = vec![shallow];
    let mut x = shallow;
    for index in 1..=BLOCKS {
        for half in 0..2 {
            x = layer(&mut net, &weights.scope(format!("B{index}.body.{half}.transformer_body.0")), x)?;
        }
        seen.push(x);
        if index < BLOCKS {
            x = fused(&mut net, &weights.scope(format!("c{index}.0")), &seen)?;
        }
    }
    x = fused(&mut net, &weights.scope("c.0"), &seen[1..])?;
    x = conv(&mut net, &weights.scope("LR_conv"), x)?;
    x = net.add(x, shallow);
    x = conv(&mut net, &weights.scope("upsampler.0"), x)?;
    let output = net.pixel_shuffle(scale, x);
    let hyper = vec![("features", features.to_string())];
    Ok(Built { multiple: WINDOW, ..Built::new(net.finish(output)?, hyper) })
}

fn fused(net: &mut Builder, weights: &Scope<'_>, seen: &[Value]) -> Result<Value> {
    let all = net.concat(seen);
    let y = conv(net, weights, all)?;
    Ok(net.unary(Unary::LeakyRelu(SLOPE), y))
}

/// Two blocks, the second with windows that lie halfway between the first one's.
fn layer(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let mut x = layer_norm(net, &weights.scope("patch_embed.norm"), EPSILON, x)?;
    for index in 0..weights.scope("blocks").count() {
        let block = weights.scope("blocks").scope(index);
        let step = if index % 2 == 0 { 0 } else { WINDOW as isize / 2 };
        x = moved(net, -step, x);
        x = attended(net, &block.scope("attn"), x)?;
        x = moved(net, step, x);
        let y = linear(net, &block.scope("mlp.fc1"), x)?;
        let y = net.unary(Unary::Gelu, y);
        let y = linear(net, &block.scope("mlp.fc2"), y)?;
        x = net.add(y, x);
    }
    Ok(x)
}

/// Linear attention within each window, added to what convolutions say.
fn attended(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let features = side(&weights.scope("proj"), 0)?;
    if !features.is_multiple_of(HEADS) {
        return Err(Error::unsupported(format!("DCTLSA with {features} features for {HEADS} heads")));
    }
    let local = weights.scope("local");
    let y = batch_norm(net, &local.scope("pointwise_prenorm_0"), EPSILON, x)?;
    let y = conv(net, &local.scope("pointwise_conv_0"), y)?;
    let y = depthwise(net, &local.scope("depthwise_conv"), y)?;
    let y = batch_norm(net, &local.scope("pointwise_prenorm_1"), EPSILON, y)?;
    let y = conv(net, &local.scope("pointwise_conv_1"), y)?;
    let x = net.add(y, x);

    let all = linear(net, &weights.scope("qkv"), x)?;
    let head = features / HEADS;
    let mut part = |index: usize, axes: [usize; 4]| {
        let own = channels(net, [index * features, (index + 1) * features], all);
        let tokens = net.apply(WindowPartition { window: [WINDOW; 2] }, &[own]);
        let dims = vec![Dim::Keep(0), Dim::Keep(1), Dim::Fixed(HEADS), Dim::Fixed(head)];
        let split = net.apply(Reshape { dims }, &[tokens]);
        net.apply(Transpose { axes: axes.to_vec() }, &[split])
    };
    let [query, key, value] = [part(0, [0, 2, 1, 3]), part(1, [0, 2, 3, 1]), part(2, [0, 2, 1, 3])];
    // The softmax runs over the tokens and not over what a query is compared with: keys and values can be multiplied first.
    let key = net.apply(Softmax { axis: 3 }, &[key]);
    let context = net.apply(MatMul, &[key, value]);
    let query = net.scale(query, (head as f32).sqrt().recip());
    let y = net.apply(MatMul, &[query, context]);
    let y = net.apply(Transpose { axes: vec![0, 2, 1, 3] }, &[y]);
    let joined = Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Fixed(features)] };
    let y = net.apply(joined, &[y]);
    let y = net.apply(WindowReverse { window: [WINDOW; 2] }, &[y, x]);
    let y = linear(net, &weights.scope("proj"), y)?;
    Ok(net.add(y, x))
}

fn moved(net: &mut Builder, step: isize, mut x: Value) -> Value {
    for axis in [2, 3] {
        x = if step == 0 { x } else { net.apply(Roll { axis, shift: step }, &[x]) };
    }
    x
}
