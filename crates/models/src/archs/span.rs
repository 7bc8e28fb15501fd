//! SPAN (swift parameter-free attention network): six short blocks at the size of the input, each of which is multiplied
//! with an attention that is nothing but a sigmoid of its own result.
//!
//! Paper: Wan, Yu, Yu, et al.: Swift Parameter-free Attention Network for Efficient Super-Resolution, 2023,
//! <https://arxiv.org/abs/2311.12770>, <https://github.com/hongyuanyu/SPAN>.
//!
//! Weights: every 3x3 convolution was trained as branches (`sk`, and the chain `conv.0`, `conv.1`, `conv.2`), which are
//! merged when it is loaded; see [`branches`]. Files hold the merged one too, as `eval_conv`, but it may be out of date and
//! is taken only where there are no branches. `no_norm` is a mark: the input is not normalised. With which mean and range it
//! otherwise is, weights do not say; networks with others can be published as layers only, and 4xSPANkendata is (it subtracts the
//! mean of ImageNet).

mod branches;

use amplio_graph::ops::Unary;
use amplio_graph::{Builder, Shape, Tensor, Value};

use super::layers::scale;
use super::{Architecture, Built, Layer, insert_conv};
use crate::weights::Scope;
use crate::{DType, Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "span",
    summary: "SPAN (swift parameter-free attention network): fast, for photos and drawings",
    paper: "https://arxiv.org/abs/2311.12770",
    repository: "https://github.com/hongyuanyu/SPAN",
    detect,
    build,
    from_layers: Some(from_layers),
};

/// What is subtracted from red, green and blue: the mean of the training pictures (DIV2K).
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];
/// What the result is multiplied with.
const RANGE: f32 = 255.0;
const BLOCKS: usize = 6;
/// The mark of networks whose input is not normalised.
const NO_NORM: &str = "no_norm";

fn detect(weights: &Weights) -> bool {
    let is_conv = |path| branches::are_at(&weights.scope(path));
    ["conv_1", "block_1.c1_r", "block_6.c3_r", "conv_2"].into_iter().all(is_conv)
        && ["conv_cat.weight", "upsampler.0.weight"].into_iter().all(|path| weights.has(path))
}

fn build(weights: &Weights) -> Result<Built> {
    let first = branches::merged(&weights.scope("conv_1"))?;
    let [features, channels] = [0, 1].map(|axis| first.weight.shape()[axis]);
    let last = weights.scope("upsampler.0").conv2d()?;
    let (scale, _) = scale(last.outputs(), channels)?;
    let norm = !weights.has(NO_NORM);

    let mut net = Builder::new(channels);
    let mut x = net.input();
    if norm {
        x = normalised(&mut net, channels, x)?;
    }
    let shallow = net.at("conv_1").conv2d(first, x);
    let block = |net: &mut Builder, number: usize, x| {
        attentive_block(net, &weights.scope(format!("block_{number}")), x)
    };
    let (early, _) = block(&mut net, 1, shallow)?;
    let mut x = early;
    for number in 2..BLOCKS {
        (x, _) = block(&mut net, number, x)?;
    }
    let (deep, within) = block(&mut net, BLOCKS, x)?;
    let deep = conv(&mut net, &weights.scope("conv_2"), deep)?;
    let all = net.at("conv_cat").concat(&[shallow, deep, early, within]);
    let features_of_all = net.conv2d(weights.scope("conv_cat").conv2d()?, all);
    let detail = net.at("upsampler.0").conv2d(last, features_of_all);
    let output = net.at("upsampler.1").pixel_shuffle(scale, detail);

    let hyper = vec![("features", features.to_string()), ("norm", norm.to_string())];
    Ok(Built::new(net.finish(output)?, hyper))
}

fn normalised(net: &mut Builder, channels: usize, x: Value) -> Result<Value> {
    if channels != MEAN.len() {
        let what = format!("{channels} channels of an input that is normalised as red, green and blue");
        return Err(Error::unsupported(what));
    }
    let mean = Tensor::from_fn(Shape::image(1, channels, 1, 1), |i| -MEAN[i[1]]);
    let mean = net.at("norm").constant(mean);
    let centred = net.add(x, mean);
    Ok(net.scale(centred, RANGE))
}

/// A block's result, and what its first convolution makes: that *after* its activation, for the authors' code activates it
/// in place.
fn attentive_block(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<(Value, Value)> {
    let first = conv(net, &weights.scope("c1_r"), x)?;
    let first = net.unary(Unary::Silu, first);
    let second = conv(net, &weights.scope("c2_r"), first)?;
    let second = net.unary(Unary::Silu, second);
    let third = conv(net, &weights.scope("c3_r"), second)?;
    let half = net.at(weights.path()).constant(Tensor::scalar(-0.5));
    let gate = net.unary(Unary::Sigmoid, third);
    let attention = net.add(gate, half);
    let sum = net.add(third, x);
    Ok((net.mul(sum, attention), first))
}

fn conv(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    Ok(net.at(weights.path()).conv2d(branches::merged(weights)?, x))
}

/// The convolutions in the order in which they run. They do not tell whether the input is normalised: it may be either.
fn from_layers(layers: &[Layer<'_>]) -> Vec<Weights> {
    let blocks = (1..=BLOCKS).flat_map(|block| (1..=3).map(move |conv| format!("block_{block}.c{conv}_r")));
    let name = |name: &str| std::iter::once(name.to_owned());
    let trained_as_branches: Vec<_> = name("conv_1").chain(blocks).chain(name("conv_2")).collect();
    let count = trained_as_branches.len();
    if layers.len() != count + 2 {
        return Vec::new();
    }
    let mut weights = Weights::new();
    for (index, layer) in layers.iter().enumerate() {
        let Layer::Conv(conv) = layer else { return Vec::new() };
        match trained_as_branches.get(index) {
            Some(path) if branches::insert(&mut weights, path, conv) => {}
            Some(_) => return Vec::new(),
            None => insert_conv(&mut weights, ["conv_cat", "upsampler.0"][index - count], conv),
        }
    }
    let mut unnormalised = weights.clone();
    unnormalised.insert(NO_NORM, Tensor::vector(vec![0.0]), DType::F32);
    vec![weights, unnormalised]
}
