//! From nodes to a graph.

use std::collections::HashMap;
use std::rc::Rc;

use amplio_graph::Graph;

use super::net::{Budget, Item, Net};
use super::numbers::Numbers;
use super::ops::{self, Operator, Task};
use super::probes::MULTIPLES;
use super::proto::{Decoded, GraphProto, NodeProto, ValueInfo};
use super::{External, malformed};
use crate::{DType, Error, Limits, Result};

/// A network, how most of its numbers are stored, and what its pictures' sides must be multiples of.
pub(super) struct Lowered {
    pub(super) graph: Graph,
    pub(super) dtype: DType,
    pub(super) multiple: usize,
}

/// What does not change from one attempt to the next.
struct Source<'a, 'p> {
    proto: &'a GraphProto<'p>,
    opset: i64,
    input: &'a ValueInfo<'p>,
    output: &'p str,
    channels: usize,
    initializers: HashMap<&'p str, Item>,
    operators: Vec<&'static Operator>,
    /// How many nodes read each name.
    readers: HashMap<&'p str, usize>,
    limits: &'a Limits,
    budget: Rc<Budget>,
}

/// What names stand for, and how many nodes are still to read each.
type Items<'p> = HashMap<&'p str, (Item, usize)>;

/// The graph of these nodes, for pictures whose sides are multiples of the smallest number that makes one graph of them.
pub(super) fn lower<'p>(
    proto: &GraphProto<'p>,
    opset: i64,
    external: &mut External<'p>,
    limits: &Limits,
) -> Result<Lowered> {
    let operators = proto.nodes.iter().map(|node| ops::find(node).map_err(|error| at(error, node, opset)));
    let operators = operators.collect::<Result<Vec<_>>>()?;
    let (initializers, dtype) = initializers(proto, external, limits)?;
    let input = input(proto, &initializers)?;
    let [output] = &proto.outputs[..] else {
        return Err(Error::unsupported(format!("a network with {} outputs", proto.outputs.len())));
    };
    let mut readers = HashMap::from([(output.name, 1)]);
    proto.nodes.iter().flat_map(|node| &node.inputs).for_each(|name| *readers.entry(*name).or_default() += 1);
    let channels = channels(proto, input, &initializers)?;
    let source = Source {
        proto,
        opset,
        input,
        output: output.name,
        channels,
        initializers,
        operators,
        readers,
        limits,
        budget: Rc::default(),
    };
    // The attempt that comes farthest says best what is wrong; one that says more than that sizes do not fit says it better.
    let mut farthest: Option<((usize, bool), Error)> = None;
    for &multiple in MULTIPLES {
        let mut reached = 0;
        match source.attempt(multiple, external, &mut reached) {
            Ok(graph) => return Ok(Lowered { graph, dtype, multiple }),
            Err(error) => {
                let rank = (reached, !matches!(error.root(), Error::Malformed { .. } | Error::Graph(_)));
                if farthest.as_ref().is_none_or(|(before, _)| rank > *before) {
                    farthest = Some((rank, error));
                }
            }
        }
        if source.budget.is_spent() {
            break;
        }
    }
    let error = farthest.map_or_else(|| malformed("no nodes"), |(_, error)| error);
    Err(source.explained(error))
}

impl<'p> Source<'_, 'p> {
    /// The graph for such multiples. `reached` counts the nodes that are lowered.
    fn attempt(&self, multiple: usize, external: &mut External<'p>, reached: &mut usize) -> Result<Graph> {
        let mut net = Net::new(self.channels, multiple, &self.budget);
        let mut items = HashMap::new();
        self.define(&mut items, self.input.name, net.input().into());
        for (node, operator) in self.proto.nodes.iter().zip(&self.operators) {
            let made = self.lower_node(node, operator, &mut items, &mut net, external);
            for (name, item) in node.outputs.iter().zip(made.map_err(|error| at(error, node, self.opset))?) {
                self.define(&mut items, name, item);
            }
            *reached += 1;
        }
        let output = items.get(self.output).map(|(item, _)| item.clone());
        let output = output.ok_or_else(|| malformed(format!("no node makes the output {}", self.output)))?;
        net.finish(&output)
    }

    fn lower_node(
        &self,
        node: &NodeProto<'p>,
        operator: &Operator,
        items: &mut Items<'p>,
        net: &mut Net,
        external: &mut External<'p>,
    ) -> Result<Vec<Item>> {
        let inputs = self.take(node, items)?;
        net.at(if node.name.is_empty() { node.outputs.first().unwrap_or(&node.op) } else { node.name });
        let (opset, limits, made_for) = (self.opset, self.limits, self.made_for());
        let mut task = Task { node, opset, inputs: &inputs, net, external, limits, made_for };
        let made = ops::lower(operator, &mut task)?;
        match node.outputs.iter().skip(made.len()).find(|name| self.readers.contains_key(*name)) {
            Some(name) => Err(Error::unsupported(format!("the output {name} of this operator"))),
            None => Ok(made),
        }
    }

    fn define(&self, items: &mut Items<'p>, name: &'p str, item: Item) {
        if let Some(readers) = self.readers.get(name).filter(|_| !name.is_empty()) {
            items.insert(name, (item, *readers));
        }
    }

    /// The inputs of a node. What nobody reads any more is forgotten, for some numbers are many.
    fn take(&self, node: &NodeProto<'p>, items: &mut Items<'p>) -> Result<Vec<Option<Item>>> {
        let mut one = |name: &&'p str| {
            if name.is_empty() {
                return Ok(None);
            }
            if let Some(item) = self.initializers.get(name) {
                return Ok(Some(item.clone()));
            }
            let missing = || malformed(format!("reads {name}, which no node before it makes"));
            let (item, readers) = items.get_mut(name).ok_or_else(missing)?;
            *readers -= 1;
            let item = item.clone();
            if items.get(name).is_some_and(|(_, readers)| *readers == 0) {
                items.remove(name);
            }
            Ok(Some(item))
        };
        node.inputs.iter().map(&mut one).collect()
    }

    /// The error, with a hint where the file was made for pictures of one size.
    fn explained(&self, error: Error) -> Error {
        match self.made_for() {
            Some([height, width]) => error.within(format!(
                "the file was made for pictures of {width}x{height} pixels only; export it with dynamic height and width"
            )),
            None => error,
        }
    }

    /// Height and width of the only pictures that the file speaks of.
    fn made_for(&self) -> Option<[usize; 2]> {
        let [_, _, Some(height), Some(width)] = self.input.dims[..] else { return None };
        Some([usize::try_from(height).ok()?, usize::try_from(width).ok()?])
    }
}

/// The learned tensors and the constants, by name, and how most of the numbers are stored.
fn initializers<'p>(
    proto: &GraphProto<'p>,
    external: &mut External<'_>,
    limits: &Limits,
) -> Result<(HashMap<&'p str, Item>, DType)> {
    let mut left = limits.elements;
    let mut items = HashMap::new();
    let mut counts: HashMap<DType, usize> = HashMap::new();
    for tensor in &proto.initializers {
        let place = |error: Error| error.within(format!("tensor {}", tensor.name));
        let rest = tensor.elements().and_then(|count| left.checked_sub(count));
        left = rest.ok_or_else(|| place(Error::limit("numbers of all tensors", limits.elements)))?;
        let item = match tensor.decode(external, limits).map_err(place)? {
            Decoded::Learned(tensor, dtype) => {
                *counts.entry(dtype).or_default() += tensor.data().len();
                Item::from(tensor)
            }
            Decoded::Numbers(array) => Numbers::Fixed(array).into(),
        };
        items.insert(tensor.name, item);
    }
    let most = counts.into_iter().max_by_key(|&(dtype, count)| (count, dtype));
    Ok((items, most.map_or(DType::F32, |(dtype, _)| dtype)))
}

/// The only input that is no learned tensor.
fn input<'a, 'p>(proto: &'a GraphProto<'p>, learned: &HashMap<&str, Item>) -> Result<&'a ValueInfo<'p>> {
    let inputs: Vec<_> = proto.inputs.iter().filter(|input| !learned.contains_key(input.name)).collect();
    match inputs[..] {
        [one] => Ok(one),
        _ => {
            let names: Vec<_> = inputs.iter().take(9).map(|input| input.name).collect();
            Err(Error::unsupported(format!("a network with {} inputs {}", inputs.len(), names.join(", "))))
        }
    }
}

/// The channels of the input: as it says, or as the first convolution of it needs.
fn channels(proto: &GraphProto<'_>, input: &ValueInfo<'_>, learned: &HashMap<&str, Item>) -> Result<usize> {
    const MOST: i64 = 1 << 12;
    if !input.dims.is_empty() && input.dims.len() != 4 {
        let what =
            format!("an input of {} dimensions; batch, channels, height and width are", input.dims.len());
        return Err(Error::unsupported(what));
    }
    if let Some(Some(said)) = input.dims.get(1) {
        return usize::try_from(*said)
            .ok()
            .filter(|_| *said <= MOST)
            .ok_or_else(|| Error::limit(format!("{said} channels of the input"), MOST as usize));
    }
    let needed = proto.nodes.iter().filter(|node| node.op == "Conv").find_map(|node| {
        let [x, weight, ..] = node.inputs[..] else { return None };
        let Some(Item::Constant(weight)) = learned.get(weight).filter(|_| x == input.name) else {
            return None;
        };
        weight.shape().get(1)?.checked_mul(usize::try_from(node.int("group", 1).ok()?).ok()?)
    });
    needed
        .filter(|channels| (1..=MOST as usize).contains(channels))
        .ok_or_else(|| malformed(format!("nothing says how many channels the input {} has", input.name)))
}

/// The error, said of a node.
fn at(error: Error, node: &NodeProto<'_>, opset: i64) -> Error {
    let name =
        if node.name.is_empty() { node.outputs.first().copied().unwrap_or_default() } else { node.name };
    error.within(format!("node {name} ({} of opset {opset})", node.op))
}
