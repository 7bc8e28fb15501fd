//! Multiplications and additions of constants after a convolution move into its weights: batch normalisation, residual
//! scaling, learned scales. Borders of no rows and columns and values that nobody reads disappear.

use std::sync::Arc;

use crate::graph::Kind;
use crate::ops::{BinaryFn, Conv2d, Pad};
use crate::{Graph, Node, Op, Tensor, Value};

/// The same network with per-channel constants folded into the convolutions before them, without dead values.
pub fn fold(graph: &Graph) -> Graph {
    let Graph { mut nodes, output, .. } = without_empty_borders(graph);
    let mut uses = vec![0_usize; nodes.len()];
    nodes.iter().flat_map(|node| node.inputs()).for_each(|input| uses[input.index()] += 1);
    uses[output.index()] += 1;
    for index in 0..nodes.len() {
        if let Some((conv, source)) = folded(&nodes, &uses, index) {
            nodes[index].kind = Kind::Apply { op: conv.into(), inputs: vec![source] };
        }
    }
    without_dead(Graph { nodes, output, ..*graph })
}

/// The same network, where what reads a border of no rows and columns reads what it was to be around.
fn without_empty_borders(graph: &Graph) -> Graph {
    let mut nodes = graph.nodes.clone();
    let mut read: Vec<Value> = (0..nodes.len()).map(Value::new).collect();
    for index in 0..nodes.len() {
        let Kind::Apply { op, inputs } = &mut nodes[index].kind else { continue };
        inputs.iter_mut().for_each(|input| *input = read[input.index()]);
        if let (Op::Pad(Pad { amounts: [0, 0, 0, 0], .. }), [inside]) = (op, &inputs[..]) {
            read[index] = *inside;
        }
    }
    Graph { nodes, output: read[graph.output.index()], ..*graph }
}

/// The convolution that does the work of node `index` and of the convolution before it, with that one's input.
fn folded(nodes: &[Node], uses: &[usize], index: usize) -> Option<(Conv2d, Value)> {
    let Kind::Apply { op: Op::Binary(binary), inputs } = &nodes[index].kind else { return None };
    let [left, right] = inputs[..] else { return None };
    let (source, constant, swapped) = match (nodes[left.index()].constant(), nodes[right.index()].constant())
    {
        (None, Some(constant)) => (left, constant, false),
        (Some(constant), None) => (right, constant, true),
        _ => return None,
    };
    let Kind::Apply { op: Op::Conv2d(conv), inputs } = &nodes[source.index()].kind else { return None };
    if uses[source.index()] > 1 {
        return None;
    }
    let numbers = per_channel(constant, conv.outputs())?;
    let lines = numbers.into_iter().map(|c| line(binary.function, swapped, c)).collect::<Option<Vec<_>>>()?;
    Some((scaled(conv, &lines), inputs[0]))
}

/// Scale and offset with which `f(x, c)` is `scale * x + offset`.
fn line(function: BinaryFn, swapped: bool, c: f32) -> Option<(f32, f32)> {
    match (function, swapped) {
        (BinaryFn::Add, _) => Some((1.0, c)),
        (BinaryFn::Sub, false) => Some((1.0, -c)),
        (BinaryFn::Sub, true) => Some((-1.0, c)),
        (BinaryFn::Mul, _) => Some((c, 0.0)),
        (BinaryFn::Div, false) => Some((1.0 / c, 0.0)),
        _ => None,
    }
}

/// The constant as one number for each channel of a picture, if it is that.
fn per_channel(constant: &Tensor, channels: usize) -> Option<Vec<f32>> {
    match constant.shape()[..] {
        _ if constant.data().len() == 1 && constant.shape().rank() <= 4 => {
            Some(vec![constant.data()[0]; channels])
        }
        [c, 1, 1] | [1, c, 1, 1] if c == channels => Some(constant.data().to_vec()),
        _ => None,
    }
}

/// The convolution whose output channels are its own, each scaled and shifted.
fn scaled(conv: &Conv2d, lines: &[(f32, f32)]) -> Conv2d {
    let mut weight = conv.weight.as_ref().clone();
    let filter = weight.data().len() / lines.len();
    for (filter, (scale, _)) in weight.data_mut().chunks_exact_mut(filter).zip(lines) {
        filter.iter_mut().for_each(|w| *w *= scale);
    }
    let bias = lines.iter().enumerate().map(|(o, (scale, offset))| {
        let bias = conv.bias.as_ref().map_or(0.0, |bias| bias.data()[o]);
        bias * scale + offset
    });
    let bias = Some(Arc::new(Tensor::vector(bias.collect())));
    Conv2d { weight: Arc::new(weight), bias, ..conv.clone() }
}

/// The graph without the values that its output does not need.
pub(super) fn without_dead(graph: Graph) -> Graph {
    let mut alive = vec![false; graph.nodes.len()];
    alive[graph.output.index()] = true;
    alive[graph.input.index()] = true;
    for index in (0..graph.nodes.len()).rev() {
        if alive[index] {
            graph.nodes[index].inputs().iter().for_each(|input| alive[input.index()] = true);
        }
    }
    let mut renumbered = vec![graph.input; graph.nodes.len()];
    let mut nodes: Vec<Node> = Vec::new();
    for (index, mut node) in graph.nodes.into_iter().enumerate().filter(|(index, _)| alive[*index]) {
        if let Kind::Apply { inputs, .. } = &mut node.kind {
            inputs.iter_mut().for_each(|input| *input = renumbered[input.index()]);
        }
        renumbered[index] = Value::new(nodes.len());
        nodes.push(node);
    }
    let (input, output) = (renumbered[graph.input.index()], renumbered[graph.output.index()]);
    Graph { nodes, input, output, input_channels: graph.input_channels }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Shape, reference};

    #[test]
    fn scale_and_shift_after_a_convolution_disappear() {
        let mut net = Builder::new(2);
        let weight = Tensor::from_fn(Shape::new([3, 2, 3, 3]), |i| {
            (i[0] * 7 + i[1] * 5 + i[2] * 3 + i[3]) as f32 * 0.01
        });
        let x = net.conv2d(Conv2d::same(weight, None), net.input());
        let scale = net.constant(Tensor::new(Shape::new([3, 1, 1]), vec![0.5, -1.0, 2.0]).expect("three"));
        let x = net.mul(x, scale);
        let shift = net.constant(Tensor::scalar(0.25));
        let x = net.add(shift, x);
        let graph = net.finish(x).expect("a network");
        let folded = fold(&graph);
        assert_eq!(folded.nodes().count(), 2, "the input and one convolution");

        let input = Tensor::from_fn(Shape::image(1, 2, 5, 4), |i| (i[1] + i[2] * i[3]) as f32 * 0.1);
        let before = reference::run(&graph, &input).expect("runs");
        let after = reference::run(&folded, &input).expect("runs");
        let difference =
            before.data().iter().zip(after.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference < 1e-5, "{difference}");
    }
}
