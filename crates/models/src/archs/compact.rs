//! Compact (SRVGGNetCompact): a plain chain of convolutions at the size of the input, whose result is shuffled into the
//! larger picture and added to the repeated pixels of the input.
//!
//! Paper: Wang, Xie, Dong, Shan: Real-ESRGAN, 2021, <https://arxiv.org/abs/2107.10833>; the network itself came with version
//! 0.2.3 of <https://github.com/xinntao/Real-ESRGAN> (`realesrgan/archs/srvgg_arch.py`).
//!
//! Weights: `body.0` is a convolution, `body.1` the slopes of its PReLU, `body.2` a convolution, and so on; the last of them
//! is a convolution. Variants with ReLU or LeakyReLU have no slopes, so that their files do not say which of both they have:
//! they are refused, as spandrel refuses them. (NCNN files say it.)

use amplio_graph::{Builder, Value};

use super::layers::scale;
use super::{Architecture, Built, Layer, insert_conv};
use crate::weights::Scope;
use crate::{DType, Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "compact",
    summary: "Real-ESRGAN's compact network (SRVGGNetCompact): fast, for videos and photos",
    paper: "https://arxiv.org/abs/2107.10833",
    repository: "https://github.com/xinntao/Real-ESRGAN",
    detect,
    build,
    from_layers: Some(|layers| from_layers(layers).into_iter().collect()),
};

fn detect(weights: &Weights) -> bool {
    let rank = |path| weights.get(path).map(|weight| weight.tensor.shape().rank());
    let in_body = |path: &str| {
        let layer = path.strip_prefix("body.").and_then(|rest| rest.split_once('.'));
        layer.is_some_and(|(number, kind)| number.parse::<u16>().is_ok() && matches!(kind, "weight" | "bias"))
    };
    rank("body.0.weight") == Some(4)
        && matches!(rank("body.1.weight"), Some(1) | None)
        && weights.paths().all(in_body)
}

fn build(weights: &Weights) -> Result<Built> {
    let body = weights.scope("body");
    if !weights.has("body.1.weight") {
        let what = "a compact network without slopes: the file does not say whether it has ReLU or LeakyReLU";
        return Err(Error::unsupported(what));
    }
    let last = body.count() - 1;
    let [features, channels] = [0, 1].map(|axis| side(&body.scope(0), axis));
    let (scale, outputs) = scale(side(&body.scope(last), 0), channels)?;
    if channels != outputs && channels != 1 {
        let what =
            format!("{channels} channels of the input, which are not added to {outputs} of the output");
        return Err(Error::unsupported(what));
    }

    let mut net = Builder::new(channels);
    let mut x = net.input();
    for index in (0..last).step_by(2) {
        x = net.at(format!("body.{index}")).conv2d(body.scope(index).conv2d()?, x);
        let slopes = body.scope(index + 1).vector("weight", side(&body.scope(index), 0))?;
        x = net.at(format!("body.{}", index + 1)).prelu(slopes, x);
    }
    x = net.at(format!("body.{last}")).conv2d(body.scope(last).conv2d()?, x);
    let detail = net.at("upsampler").pixel_shuffle(scale, x);
    let base = repeated(&mut net, scale);
    let output = net.at("sum").add(detail, base);

    let hyper = vec![
        ("features", features.to_string()),
        ("convs", (last / 2).saturating_sub(1).to_string()),
        ("activation", "prelu".to_owned()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}

fn repeated(net: &mut Builder, scale: usize) -> Value {
    let input = net.input();
    if scale == 1 { input } else { net.at("base").nearest(scale, input) }
}

/// A side of the convolution here, or zero if there is none, which building the convolution then complains about.
fn side(conv: &Scope<'_>, axis: usize) -> usize {
    conv.tensor("weight").ok().and_then(|weight| weight.shape().get(axis).copied()).unwrap_or(0)
}

fn from_layers(layers: &[Layer<'_>]) -> Option<Weights> {
    let mut weights = Weights::new();
    for (index, layer) in layers.iter().enumerate() {
        match layer {
            Layer::Conv(conv) if index % 2 == 0 => insert_conv(&mut weights, &format!("body.{index}"), conv),
            Layer::Slopes(slopes) if index % 2 == 1 => {
                weights.insert(format!("body.{index}.weight"), (*slopes).clone(), DType::F32);
            }
            _ => return None,
        }
    }
    (layers.len() % 2 == 1 && layers.len() > 2).then_some(weights)
}
