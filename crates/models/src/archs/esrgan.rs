//! ESRGAN (RRDBNet): residual-in-residual dense blocks at the size of the input, then nearest-neighbour enlargements with a
//! convolution after each.
//!
//! Papers: Wang et al.: ESRGAN, 2018, <https://arxiv.org/abs/1809.00219>, <https://github.com/xinntao/ESRGAN>; with a pixel
//! unshuffle before the first convolution: Real-ESRGAN, 2021, <https://arxiv.org/abs/2107.10833>; with a 1x1 convolution in
//! each dense block: Rakotonirina, Rasoanaivo: ESRGAN+, 2020, <https://arxiv.org/abs/2001.08073>. BSRGAN and RealSR are
//! the same network.

mod dialects;

use amplio_graph::ops::Unary;
use amplio_graph::{Builder, Value};

use super::layers::conv;
use super::{Architecture, Built, Layer, insert_conv};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "esrgan",
    summary: "ESRGAN and Real-ESRGAN (RRDBNet): thorough and slow, for photos and drawings",
    paper: "https://arxiv.org/abs/1809.00219",
    repository: "https://github.com/xinntao/ESRGAN",
    detect: |weights| dialects::normalised(weights).is_some(),
    build,
    from_layers: Some(|layers| from_layers(layers).into_iter().collect()),
};

/// The slope of every LeakyReLU.
const SLOPE: f32 = 0.2;
/// What the result of a dense block and of a group of three is multiplied with before it is added to its input.
const RESIDUAL: f32 = 0.2;
/// The most enlargements that are believed.
const MOST_UPSAMPLINGS: usize = 6;

/// The sizes of a network.
struct Sizes {
    /// Channels before the first convolution, after the pixel unshuffle.
    planes: usize,
    features: usize,
    blocks: usize,
    growth: usize,
    upsamplings: usize,
    unshuffle: usize,
    plus: bool,
}

impl Sizes {
    fn of(weights: &Weights) -> Result<Self> {
        let side = |path: &str, axis: usize| {
            let conv = weights.scope(path).conv2d()?;
            Ok::<_, Error>(conv.weight.shape()[axis])
        };
        let [planes, outputs] = [side("conv_first", 1)?, side("conv_last", 0)?];
        let upsamplings =
            (1..=MOST_UPSAMPLINGS + 1).take_while(|up| weights.has(&format!("conv_up{up}.weight"))).count();
        if upsamplings > MOST_UPSAMPLINGS {
            return Err(Error::limit("enlargements by two", MOST_UPSAMPLINGS));
        }
        Ok(Self {
            planes,
            features: side("conv_first", 0)?,
            blocks: weights.scope("body").count(),
            growth: side("body.0.rdb1.conv1", 0)?,
            upsamplings,
            // A network that takes 4 or 16 times the channels that it returns takes pixels as channels.
            unshuffle: [2, 4].into_iter().find(|r| outputs.checked_mul(r * r) == Some(planes)).unwrap_or(1),
            plus: weights.has("body.0.rdb1.conv1x1.weight"),
        })
    }

    fn hyper(&self) -> Vec<(&'static str, String)> {
        vec![
            ("features", self.features.to_string()),
            ("blocks", self.blocks.to_string()),
            ("growth", self.growth.to_string()),
            ("upsamplings", self.upsamplings.to_string()),
            ("unshuffle", self.unshuffle.to_string()),
            ("plus", self.plus.to_string()),
        ]
    }
}

fn build(weights: &Weights) -> Result<Built> {
    let weights =
        dialects::normalised(weights).ok_or_else(|| Error::unsupported("an unknown dialect of ESRGAN"))?;
    let sizes = Sizes::of(&weights)?;

    let mut net = Builder::new(sizes.planes / (sizes.unshuffle * sizes.unshuffle));
    let mut x = net.input();
    if sizes.unshuffle > 1 {
        x = net.at("unshuffle").pixel_unshuffle(sizes.unshuffle, x);
    }
    let first = conv(&mut net, &weights.scope("conv_first"), x)?;
    let mut x = first;
    for block in 0..sizes.blocks {
        x = group(&mut net, &weights.scope("body").scope(block), x)?;
    }
    let deep = conv(&mut net, &weights.scope("conv_body"), x)?;
    let mut x = net.add(first, deep);
    for up in 1..=sizes.upsamplings {
        let larger = net.at(format!("up{up}")).nearest(2, x);
        x = active_conv(&mut net, &weights.scope(format!("conv_up{up}")), larger)?;
    }
    let x = active_conv(&mut net, &weights.scope("conv_hr"), x)?;
    let output = conv(&mut net, &weights.scope("conv_last"), x)?;
    Ok(Built::new(net.finish(output)?, sizes.hyper()))
}

/// A residual-in-residual dense block: three dense blocks.
pub(super) fn group(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let mut y = x;
    for name in ["rdb1", "rdb2", "rdb3"] {
        y = dense_block(net, &weights.scope(name), y)?;
    }
    Ok(residual(net, weights, y, x))
}

/// Five convolutions, each of which sees the results of all before it.
fn dense_block(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let plus = weights.has("conv1x1.weight");
    let mut seen = vec![x];
    for index in 1..=4 {
        let all = if index == 1 { x } else { net.at(weights.path()).concat(&seen) };
        let mut grown = active_conv(net, &weights.scope(format!("conv{index}")), all)?;
        if plus && index == 2 {
            let shortcut = conv(net, &weights.scope("conv1x1"), x)?;
            grown = net.add(grown, shortcut);
        } else if plus && index == 4 {
            grown = net.add(grown, seen[2]);
        }
        seen.push(grown);
    }
    let all = net.at(weights.path()).concat(&seen);
    let y = conv(net, &weights.scope("conv5"), all)?;
    Ok(residual(net, weights, y, x))
}

fn residual(net: &mut Builder, at: &Scope<'_>, y: Value, x: Value) -> Value {
    let scaled = net.at(at.path()).scale(y, RESIDUAL);
    net.add(scaled, x)
}

/// A convolution and a LeakyReLU.
pub(super) fn active_conv(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let y = conv(net, weights, x)?;
    Ok(net.unary(Unary::LeakyRelu(SLOPE), y))
}

/// The convolutions of a network without the 1x1 ones of ESRGAN+, in the order in which they run.
fn from_layers(layers: &[Layer<'_>]) -> Option<Weights> {
    // The first, fifteen for each block, one after the blocks, one for each enlargement, and two more.
    let middle = layers.len().checked_sub(4)?;
    let (blocks, upsamplings) = (middle / 15, middle % 15);
    if blocks == 0 || upsamplings > MOST_UPSAMPLINGS {
        return None;
    }
    let dense = (0..blocks).flat_map(|block| {
        (1..=3).flat_map(move |rdb| (1..=5).map(move |conv| format!("body.{block}.rdb{rdb}.conv{conv}")))
    });
    let ups = (1..=upsamplings).map(|up| format!("conv_up{up}"));
    let name = |name: &str| std::iter::once(name.to_owned());
    let paths = name("conv_first").chain(dense).chain(name("conv_body")).chain(ups);
    let mut weights = Weights::new();
    for (path, layer) in paths.chain(name("conv_hr")).chain(name("conv_last")).zip(layers) {
        let Layer::Conv(conv) = layer else { return None };
        insert_conv(&mut weights, &path, conv);
    }
    Some(weights)
}
