use std::fmt::Display;
use std::sync::Arc;

use crate::graph::Kind;
use crate::ops::{Binary, BinaryFn, Concat, Conv2d, PixelShuffle, PixelUnshuffle, Prelu, Resize, Unary};
use crate::{Graph, Node, Op, Result, Shape, Tensor, Value};

/// Writes a [`Graph`], operation by operation. Mistakes in shapes are reported by [`Builder::finish`], with the name of
/// the layer, so that a network reads like its paper.
///
/// ```
/// use amplio_graph::{Builder, Shape, Tensor, ops::{Conv2d, Unary}};
///
/// let mut net = Builder::new(3);
/// let weight = Tensor::zeros(Shape::new([12, 3, 3, 3]));
/// let picture = net.input();
/// let features = net.at("head").conv2d(Conv2d::same(weight, None), picture);
/// let active = net.unary(Unary::LeakyRelu(0.2), features);
/// let larger = net.pixel_shuffle(2, active);
/// let graph = net.finish(larger)?;
/// assert_eq!(graph.shapes(&Shape::image(1, 3, 8, 10))?[graph.output().index()], Shape::image(1, 3, 16, 20));
/// # Ok::<(), amplio_graph::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    nodes: Vec<Node>,
    input_channels: usize,
    name: String,
}

impl Builder {
    /// The side of the picture with which [`Builder::finish`] tries a network: a multiple of every size that the known
    /// families ask for.
    pub const PROBE: usize = 6720;

    /// A network whose input has `input_channels` channels.
    pub fn new(input_channels: usize) -> Self {
        let input = Node { name: "input".into(), kind: Kind::Input };
        Self { nodes: vec![input], input_channels, name: "network".into() }
    }

    /// The network's input.
    pub fn input(&self) -> Value {
        Value::new(0)
    }

    /// Names what is built next, for messages: usually the layer's path in the model file.
    pub fn at(&mut self, name: impl Display) -> &mut Self {
        self.name = name.to_string();
        self
    }

    /// A constant.
    pub fn constant(&mut self, tensor: impl Into<Arc<Tensor>>) -> Value {
        self.push(Kind::Constant(tensor.into()))
    }

    /// The result of any operation.
    pub fn apply(&mut self, op: impl Into<Op>, inputs: &[Value]) -> Value {
        self.push(Kind::Apply { op: op.into(), inputs: inputs.to_vec() })
    }

    /// A convolution.
    pub fn conv2d(&mut self, conv: Conv2d, x: Value) -> Value {
        self.apply(conv, &[x])
    }

    /// A function of each element.
    pub fn unary(&mut self, function: Unary, x: Value) -> Value {
        self.apply(function, &[x])
    }

    /// Leaky ReLU with one slope for each channel.
    pub fn prelu(&mut self, slopes: impl Into<Arc<Tensor>>, x: Value) -> Value {
        self.apply(Prelu { slopes: slopes.into() }, &[x])
    }

    /// `a + b`, broadcast.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.apply(Binary { function: BinaryFn::Add }, &[a, b])
    }

    /// `a * b`, broadcast.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.apply(Binary { function: BinaryFn::Mul }, &[a, b])
    }

    /// `x * factor`.
    pub fn scale(&mut self, x: Value, factor: f32) -> Value {
        let factor = self.constant(Tensor::scalar(factor));
        self.mul(x, factor)
    }

    /// The channels of all values, one after the other.
    pub fn concat(&mut self, values: &[Value]) -> Value {
        self.apply(Concat { axis: 1 }, values)
    }

    /// Channels to pixels: `r * r` channels become a block of `r` by `r` pixels.
    pub fn pixel_shuffle(&mut self, r: usize, x: Value) -> Value {
        self.apply(PixelShuffle { r }, &[x])
    }

    /// Pixels to channels: a block of `r` by `r` pixels becomes `r * r` channels.
    pub fn pixel_unshuffle(&mut self, r: usize, x: Value) -> Value {
        self.apply(PixelUnshuffle { r }, &[x])
    }

    /// Each pixel becomes a block of `r` by `r` equal ones.
    pub fn nearest(&mut self, r: usize, x: Value) -> Value {
        self.apply(Resize::nearest(r), &[x])
    }

    /// The network with this output.
    ///
    /// # Errors
    /// If the shapes of a layer do not fit each other; the error names it.
    pub fn finish(self, output: Value) -> Result<Graph> {
        let input_channels = self.input_channels;
        let graph = Graph { nodes: self.nodes, input: Value::new(0), input_channels, output };
        graph.shapes(&Shape::image(1, input_channels, Self::PROBE, Self::PROBE))?;
        Ok(graph)
    }

    fn push(&mut self, kind: Kind) -> Value {
        self.nodes.push(Node { name: self.name.clone(), kind });
        Value::new(self.nodes.len() - 1)
    }
}
