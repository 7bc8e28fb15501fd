//! DnCNN and FDnCNN: a chain of convolutions that finds the noise of a picture, or, told how much there is, the picture.
//!
//! Paper: Zhang, Zuo, Chen, Meng, Zhang: Beyond a Gaussian Denoiser, 2017, <https://arxiv.org/abs/1608.03981>,
//! <https://github.com/cszn/KAIR>.
//!
//! Weights: `model.0` is a convolution, then each further one comes after a ReLU, and may have a batch norm behind it; functions
//! count.

use amplio_graph::Builder;
use amplio_graph::ops::{Binary, BinaryFn, Unary};

use super::layers::{batch_norm, conv, side, with_noise_level};
use super::{Architecture, Built};
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "dncnn",
    summary: "DnCNN and FDnCNN: remove noise, keep the size",
    paper: "https://arxiv.org/abs/1608.03981",
    repository: "https://github.com/cszn/KAIR",
    detect,
    build,
    from_layers: None,
};

/// That of KAIR's batch norms.
const EPSILON: f32 = 1e-4;

fn detect(weights: &Weights) -> bool {
    let in_chain = |path: &str| {
        let parts: Vec<_> = path.split('.').collect();
        matches!(parts[..], ["model", number, "weight" | "bias" | "running_mean" | "running_var"]
            if number.parse::<u16>().is_ok())
    };
    let rank = |path: &str| weights.get(path).map(|weight| weight.tensor.shape().rank());
    weights.paths().all(in_chain) && rank("model.0.weight") == Some(4) && rank("model.2.weight") == Some(4)
}

fn build(weights: &Weights) -> Result<Built> {
    let model = weights.scope("model");
    let last = model.count() - 1;
    let (inputs, outputs) = (side(&model.scope(0), 1)?, side(&model.scope(last), 0)?);
    // A network that takes a channel more than it returns takes how much noise there is.
    let told = inputs == outputs + 1;
    if !told && inputs != outputs {
        return Err(Error::unsupported(format!("{inputs} channels from which {outputs} are subtracted")));
    }
    let normalised = (0..last).any(|index| model.scope(index).has("running_mean"));
    let step = if normalised { 3 } else { 2 };

    let mut net = Builder::new(outputs);
    let picture = net.input();
    let mut x = if told { with_noise_level(&mut net, picture) } else { picture };
    let mut convs = 0;
    for index in (0..=last).filter(|index| *index == 0 || index % step == 2 % step) {
        let scope = model.scope(index);
        x = conv(&mut net, &scope, x)?;
        convs += 1;
        let norm = model.scope(index + 1);
        if norm.has("running_mean") {
            x = batch_norm(&mut net, &norm, EPSILON, x)?;
        }
        if index < last {
            x = net.unary(Unary::Relu, x);
        }
    }
    let output =
        if told { x } else { net.at("sum").apply(Binary { function: BinaryFn::Sub }, &[picture, x]) };

    let hyper = vec![
        ("features", side(&model.scope(0), 0)?.to_string()),
        ("convs", convs.to_string()),
        ("norm", normalised.to_string()),
        ("noise-level", told.to_string()),
    ];
    Ok(Built::new(net.finish(output)?, hyper))
}
