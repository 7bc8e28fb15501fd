//! From layers and their numbers to a graph.

use std::collections::{HashMap, HashSet};

use amplio_graph::Value;

use super::layers::{self, Task};
use super::numbers::Numbers;
use super::param::Layer;
use super::surroundings::Surroundings;
use super::{Network, input, malformed};
use crate::formats::net::Net;
use crate::{DType, Error, Limits, Result};

/// The graph of these layers, with their numbers from `bin`.
pub(super) fn lower(layers: &[Layer], bin: &[u8], limits: &Limits) -> Result<Network> {
    let (alone, output, dtype) = surrounded(layers, bin, limits, Surroundings::default())?;
    let surroundings = Surroundings::of(layers, alone.shape(output));
    if surroundings.is_empty() {
        return Ok((alone.finish(output)?, dtype));
    }
    let (net, output, dtype) = surrounded(layers, bin, limits, surroundings)?;
    Ok((net.finish(output)?, dtype))
}

fn surrounded(
    layers: &[Layer],
    bin: &[u8],
    limits: &Limits,
    surroundings: Surroundings,
) -> Result<(Net, Value, DType)> {
    let mut net = Net::new(input::channels(layers)?);
    let picture = net.input();
    let given = surroundings.before(&mut net, picture)?;
    let mut numbers = Numbers::new(bin, limits);
    let mut values: HashMap<&str, Value> = HashMap::new();
    for layer in layers {
        let made = lower_layer(layer, given, &values, &mut net, &mut numbers)
            .map_err(|error| error.within(format!("layer {} ({})", layer.name, layer.kind)))?;
        for (name, value) in layer.tops.iter().zip(made) {
            values.insert(name, value);
        }
    }
    numbers.finish()?;
    let output = output(layers)?;
    let output = *values.get(output).ok_or_else(|| malformed(format!("no layer makes {output}")))?;
    let output = surroundings.after(&mut net, picture, output)?;
    Ok((net, output, numbers.dtype()))
}

fn lower_layer(
    layer: &Layer,
    picture: Value,
    values: &HashMap<&str, Value>,
    net: &mut Net,
    numbers: &mut Numbers<'_>,
) -> Result<Vec<Value>> {
    let kind = layers::find(&layer.kind)?;
    let input = |name: &String| {
        let value = values.get(name.as_str()).copied();
        value.ok_or_else(|| malformed(format!("reads {name}, which no layer before it makes")))
    };
    let inputs = layer.bottoms.iter().map(input).collect::<Result<Vec<_>>>()?;
    if let Some(again) = layer.tops.iter().find(|name| values.contains_key(name.as_str())) {
        return Err(malformed(format!("makes {again}, which an earlier layer makes")));
    }
    net.at(&layer.name);
    let made = (kind.lower)(&mut Task { layer, inputs: &inputs, picture, net, numbers })?;
    if made.len() != layer.tops.len() {
        return Err(malformed(format!(
            "makes {} values, and has {} names for them",
            made.len(),
            layer.tops.len()
        )));
    }
    Ok(made)
}

/// The only value that no layer reads.
fn output(layers: &[Layer]) -> Result<&str> {
    let read: HashSet<&str> = layers.iter().flat_map(|layer| &layer.bottoms).map(String::as_str).collect();
    let made = layers.iter().flat_map(|layer| &layer.tops).map(String::as_str);
    let unread: Vec<_> = made.filter(|name| !read.contains(name)).take(9).collect();
    match unread[..] {
        [one] => Ok(one),
        [] => Err(malformed("the network has no output")),
        _ => Err(Error::unsupported(format!("a network with several outputs: {}", unread.join(", ")))),
    }
}
