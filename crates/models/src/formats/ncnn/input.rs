//! How many channels the input has, which the list of layers does not have to say.

use std::collections::HashMap;

use super::layers::convolution;
use super::malformed;
use super::param::Layer;
use crate::{Error, Result};

/// The channels of the only input: as its layer says, or as the first layer needs that depends on them.
pub(super) fn channels(layers: &[Layer]) -> Result<usize> {
    let inputs: Vec<_> = layers.iter().filter(|layer| layer.kind == "Input").collect();
    let [input] = inputs[..] else {
        let names: Vec<_> = inputs.iter().take(9).map(|layer| layer.name.as_str()).collect();
        return Err(Error::unsupported(format!(
            "a network with {} inputs {}",
            inputs.len(),
            names.join(", ")
        )));
    };
    let said = input.size(2, 0)?;
    if said > 0 {
        return Ok(said);
    }
    needed(layers)
        .ok_or_else(|| malformed(format!("no layer says how many channels the input {} has", input.name)))
}

fn needed(layers: &[Layer]) -> Option<usize> {
    // Values that are the input, perhaps of another size, with the number of their channels for each of the input's.
    let mut known: HashMap<&str, usize> = HashMap::new();
    for layer in layers {
        let factor = match layer.bottoms.first() {
            None if layer.kind == "Input" => 1,
            bottom => match bottom.and_then(|name| known.get(name.as_str())) {
                Some(factor) => *factor,
                None => continue,
            },
        };
        let factor = match layer.kind.as_str() {
            "Convolution" | "ConvolutionDepthWise" | "Deconvolution" | "DeconvolutionDepthWise" => {
                let channels = convolution::input_channels(layer).ok()?;
                return (channels % factor == 0).then_some(channels / factor);
            }
            "Reorg" => {
                let stride = layer.size(0, 1).ok()?;
                stride.checked_mul(stride)?.checked_mul(factor).filter(|factor| *factor > 0)?
            }
            "PixelShuffle" | "Concat" | "MemoryData" | "Slice" | "Reshape" | "Permute" | "Flatten" => {
                continue;
            }
            _ => factor,
        };
        known.extend(layer.tops.iter().map(|name| (name.as_str(), factor)));
    }
    None
}
