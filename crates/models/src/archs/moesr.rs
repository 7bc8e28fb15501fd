//! MoESR: gated convolutions like MoSR's, at the size of the input and at half of it.
//!
//! Repository: <https://github.com/umzi2/MoESR>. The blocks are those of Yu, Wang: MambaOut, 2024,
//! <https://arxiv.org/abs/2405.07992>, with the convolutions of Yu, Zhou, Yan, Wang: InceptionNeXt, 2023,
//! <https://arxiv.org/abs/2303.16900>.

use amplio_graph::ops::Unary;
use amplio_graph::{Builder, Value};

use super::gated::gated;
use super::layers::{conv, factor, scale, side};
use super::{Architecture, Built, dysample, square_root};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "moesr",
    summary: "MoESR: gated convolutions at two sizes",
    paper: "https://arxiv.org/abs/2405.07992",
    repository: "https://github.com/umzi2/MoESR",
    detect,
    build,
    from_layers: None,
};

const SLOPE: f32 = 0.1;
/// The slopes of the upsamplers' functions: PyTorch's own, and one that is given.
const SHUFFLE_SLOPE: f32 = 0.01;
const NEAREST_SLOPE: f32 = 0.2;
/// The most layers of an upsampler that are believed.
const MOST_LAYERS: usize = 64;
/// Groups of a `dysample` upsampler.
const GROUPS: usize = 4;

fn detect(weights: &Weights) -> bool {
    let block = weights.scope("blocks.0.blocks.0");
    weights.has("in_to_dim.weight")
        && weights.has("blocks.0.msg.down.0.weight")
        && block.has("gamma")
        && ["norm", "fc1", "conv.dwconv_hw", "conv.dwconv_w", "conv.dwconv_h", "fc2"]
            .iter()
            .all(|name| block.scope(name).has("weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let first = weights.scope("in_to_dim");
    let [features, inputs] = [side(&first, 0)?, side(&first, 1)?];
    let groups = weights.scope("blocks");

    let mut net = Builder::new(inputs);
    let picture = net.input();
    let shallow = conv(&mut net, &first, picture)?;
    let mut x = shallow;
    for index in 0..groups.count() {
        x = gated_blocks(&mut net, &groups.scope(index).scope("blocks"), x)?;
        x = at_half_size(&mut net, &groups.scope(index).scope("msg"), x)?;
    }
    x = net.add(x, shallow);
    let (output, upsampler) = upsampled(&mut net, &weights.scope("upscale"), inputs, x)?;

    let hidden = |path: &str| side(&groups.scope(0).scope(path), 1);
    let hyper = vec![
        ("features", features.to_string()),
        ("groups", groups.count().to_string()),
        ("blocks", groups.scope("0.blocks").count().to_string()),
        ("hidden", hidden("blocks.0.fc2")?.to_string()),
        ("hidden-at-half-size", hidden("msg.gated.0.fc2")?.to_string()),
        ("upsampler", upsampler.to_owned()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

fn gated_blocks(net: &mut Builder, weights: &Scope<'_>, mut x: Value) -> Result<Value> {
    for index in 0..weights.count() {
        x = block(net, &weights.scope(index), x)?;
    }
    Ok(x)
}

fn at_half_size(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let y = conv(net, &weights.scope("down.0"), x)?;
    let y = net.pixel_unshuffle(2, y);
    let y = net.unary(Unary::LeakyRelu(SLOPE), y);
    let y = gated_blocks(net, &weights.scope("gated"), y)?;
    let y = conv(net, &weights.scope("up.0"), y)?;
    let y = net.pixel_shuffle(2, y);
    let y = net.unary(Unary::LeakyRelu(SLOPE), y);
    Ok(net.add(y, x))
}

/// The kernels see a few channels each: a square, a row, a column.
fn block(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let kernels = ["dwconv_hw", "dwconv_w", "dwconv_h"].map(|name| weights.scope("conv").scope(name));
    let y = gated(net, weights, &kernels, x)?;
    let y = factor(net, weights, "gamma", y)?;
    Ok(net.add(y, x))
}

/// The enlarged picture, and what the repository calls the way to it. A file names that way in a tensor of whole numbers,
/// which the places of the convolutions say as well.
fn upsampled(
    net: &mut Builder,
    weights: &Scope<'_>,
    inputs: usize,
    x: Value,
) -> Result<(Value, &'static str)> {
    if weights.has("0.init_pos") {
        return Ok((dysample::dysample(net, &weights.scope(0), GROUPS, x)?, "dysample"));
    }
    let layers = weights.count();
    if layers > MOST_LAYERS {
        return Err(Error::limit(format!("layers of {}", weights.path()), MOST_LAYERS));
    }
    let convs: Vec<_> = (0..layers).filter(|i| weights.scope(i).has("weight")).collect();
    let y = conv(net, &weights.scope(0), x)?;
    match convs[..] {
        [0] => {
            let (scale, _) = scale(side(&weights.scope(0), 0)?, inputs)?;
            Ok(if scale == 1 { (y, "conv") } else { (net.pixel_shuffle(scale, y), "pixelshuffledirect") })
        }
        [0, 2, .., last] => {
            let features = side(&weights.scope(0), 0)?;
            let mut y = net.unary(Unary::LeakyRelu(SHUFFLE_SLOPE), y);
            for index in (2..last).step_by(2) {
                let step = weights.scope(index);
                let factor = side(&step, 0)?.checked_div(features).and_then(square_root);
                let factor = factor.filter(|factor| (2..=3).contains(factor));
                let factor = factor.ok_or_else(|| {
                    Error::unsupported(format!("{}: a shuffle to {features} channels", step.path()))
                })?;
                y = conv(net, &step, y)?;
                y = net.pixel_shuffle(factor, y);
            }
            Ok((conv(net, &weights.scope(last), y)?, "pixelshuffle"))
        }
        // Twice and three times as large look the same with one enlargement, and nobody has published the latter.
        [0, .., before, last] if last == before + 2 => {
            let mut y = y;
            for index in (3..=before).step_by(3) {
                y = net.nearest(2, y);
                y = net.unary(Unary::LeakyRelu(NEAREST_SLOPE), y);
                y = conv(net, &weights.scope(index), y)?;
            }
            let y = net.unary(Unary::LeakyRelu(NEAREST_SLOPE), y);
            Ok((conv(net, &weights.scope(last), y)?, "nearest+conv"))
        }
        _ => Err(Error::unsupported(format!(
            "an enlargement with convolutions at {convs:?} of {}",
            weights.path()
        ))),
    }
}
