use std::sync::Arc;

use crate::{Error, Op, Result, Shape, Tensor};

/// A value of a graph: its input, a constant, or the result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(u32);

impl Value {
    pub(crate) fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a graph has fewer than four billion values"))
    }

    /// Its place in the order of the graph's values.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Input,
    Constant(Arc<Tensor>),
    Apply { op: Op, inputs: Vec<Value> },
}

impl Node {
    /// The path of the layer in the network, for messages and tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operation, unless the value is the input or a constant.
    pub fn op(&self) -> Option<&Op> {
        match &self.kind {
            Kind::Apply { op, .. } => Some(op),
            _ => None,
        }
    }

    /// The values that the operation reads.
    pub fn inputs(&self) -> &[Value] {
        match &self.kind {
            Kind::Apply { inputs, .. } => inputs,
            _ => &[],
        }
    }

    /// The constant, if the value is one.
    pub fn constant(&self) -> Option<&Arc<Tensor>> {
        match &self.kind {
            Kind::Constant(tensor) => Some(tensor),
            _ => None,
        }
    }
}

/// A network: operations over values, each of which is made once, before it is used. One input picture, one output.
///
/// The batch size and the picture's height and width are open; [`Graph::shapes`] settles them.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) input: Value,
    pub(crate) input_channels: usize,
    pub(crate) output: Value,
}

impl Graph {
    /// The value that the caller gives: pictures of [`Graph::input_channels`] channels.
    pub fn input(&self) -> Value {
        self.input
    }

    /// The number of channels of the input.
    pub fn input_channels(&self) -> usize {
        self.input_channels
    }

    /// The value that the caller gets.
    pub fn output(&self) -> Value {
        self.output
    }

    /// The origin of a value.
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value.index()]
    }

    /// All values with their origins, in the order in which they are made.
    pub fn nodes(&self) -> impl Iterator<Item = (Value, &Node)> {
        self.nodes.iter().enumerate().map(|(i, node)| (Value::new(i), node))
    }

    /// The shape of every value (by [`Value::index`]) for an input of this shape.
    ///
    /// # Errors
    /// If the input has the wrong number of channels, or its size fits an operation badly; the error names the layer.
    pub fn shapes(&self, input: &Shape) -> Result<Vec<Shape>> {
        if input.rank() != 4 || input[1] != self.input_channels || input.contains(&0) {
            let expected = format!("batch x {} channels x height x width", self.input_channels);
            return Err(Error::Input { expected, given: input.clone() });
        }
        let mut shapes: Vec<Shape> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let shape = match &node.kind {
                Kind::Input => input.clone(),
                Kind::Constant(tensor) => tensor.shape().clone(),
                Kind::Apply { op, inputs } => {
                    let inputs: Vec<_> = inputs.iter().map(|v| &shapes[v.index()]).collect();
                    op.shape(&inputs).map_err(|e| e.at(&node.name))?
                }
            };
            shapes.push(shape);
        }
        Ok(shapes)
    }

    /// Multiply-accumulates of one run on an input of this shape.
    ///
    /// # Errors
    /// As [`Graph::shapes`].
    pub fn macs(&self, input: &Shape) -> Result<u64> {
        let shapes = self.shapes(input)?;
        let ops = self.nodes().filter_map(|(value, node)| Some((value, node, node.op()?)));
        Ok(ops
            .map(|(value, node, op)| {
                let inputs: Vec<_> = node.inputs().iter().map(|v| &shapes[v.index()]).collect();
                op.macs(&inputs, &shapes[value.index()])
            })
            .sum())
    }
}
