//! DRUNet: a U-Net of residual blocks without biases that removes a known amount of noise.
//!
//! Paper: Zhang, Li, Zuo, Zhang, Van Gool, Timofte: Plug-and-Play Image Restoration with Deep Denoiser Prior, 2020,
//! <https://arxiv.org/abs/2008.13751>, <https://github.com/cszn/DPIR>.

use amplio_graph::ops::{Conv2d, Unary};
use amplio_graph::{Builder, Value};

use super::layers::{conv, mixer, side, with_noise_level};
use super::{Architecture, Built};
use crate::weights::Scope;
use crate::{Error, Result, Weights};

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "drunet",
    summary: "DRUNet: removes noise, keeps the size",
    paper: "https://arxiv.org/abs/2008.13751",
    repository: "https://github.com/cszn/DPIR",
    detect,
    build,
    from_layers: None,
};

fn detect(weights: &Weights) -> bool {
    let convs =
        ["m_head", "m_down1.0.res.0", "m_down3.0.res.2", "m_body.0.res.0", "m_up3.1.res.0", "m_up1.1.res.0"];
    convs.iter().chain(&["m_tail"]).all(|path| weights.scope(path).has("weight"))
}

fn build(weights: &Weights) -> Result<Built> {
    let (head, tail) = (weights.scope("m_head"), weights.scope("m_tail"));
    let (inputs, outputs) = (side(&head, 1)?, side(&tail, 0)?);
    if inputs != outputs + 1 {
        let what = format!("{inputs} channels for {outputs} and the amount of noise");
        return Err(Error::unsupported(what));
    }
    let blocks = weights.scope("m_body").count();

    let mut net = Builder::new(outputs);
    let picture = net.input();
    let x = with_noise_level(&mut net, picture);
    let mut x = conv(&mut net, &head, x)?;
    let mut seen = vec![x];
    for name in ["m_down1", "m_down2", "m_down3"] {
        let level = weights.scope(name);
        x = residual_blocks(&mut net, &level, 0..blocks, x)?;
        x = halved(&mut net, &level.scope(blocks), x)?;
        seen.push(x);
    }
    x = residual_blocks(&mut net, &weights.scope("m_body"), 0..blocks, x)?;
    for name in ["m_up3", "m_up2", "m_up1"] {
        let level = weights.scope(name);
        if let Some(before) = seen.pop() {
            x = net.add(x, before);
        }
        x = doubled(&mut net, &level.scope(0), x)?;
        x = residual_blocks(&mut net, &level, 1..blocks + 1, x)?;
    }
    x = net.add(x, seen[0]);
    let output = conv(&mut net, &tail, x)?;

    let widths = ["m_head", "m_down2.0.res.0", "m_down3.0.res.0", "m_body.0.res.0"];
    let widths: Vec<_> = widths.iter().map(|path| side(&weights.scope(path), 0)).collect::<Result<_>>()?;
    let widths: Vec<_> = widths.iter().map(usize::to_string).collect();
    let hyper = vec![("features", widths.join("-")), ("blocks", blocks.to_string())];
    Ok(Built::new(net.finish(output)?, hyper))
}

fn residual_blocks(
    net: &mut Builder,
    weights: &Scope<'_>,
    blocks: std::ops::Range<usize>,
    mut x: Value,
) -> Result<Value> {
    for index in blocks {
        let y = mixer(net, &weights.scope(index).scope("res"), Unary::Relu, x)?;
        x = net.add(y, x);
    }
    Ok(x)
}

/// Half the size, by a convolution of each block of two by two pixels.
fn halved(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    if !weights.has("weight") || [2, 3].map(|axis| side(weights, axis).ok()) != [Some(2); 2] {
        return Err(Error::unsupported(
            "DRUNet with pooling; one whose convolutions halve the size is known",
        ));
    }
    let conv = Conv2d { stride: [2; 2], padding: [0; 4], ..weights.conv2d()? };
    Ok(net.at(weights.path()).conv2d(conv, x))
}

/// Twice the size: each pixel becomes a block of two by two.
fn doubled(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    if !weights.has("weight") || [2, 3].map(|axis| side(weights, axis).ok()) != [Some(2); 2] {
        let what = "DRUNet with another enlargement than transposed convolutions";
        return Err(Error::unsupported(what));
    }
    Ok(net.at(weights.path()).apply(weights.conv_transpose2d(2)?, &[x]))
}
