//! A network in two parts, one after the other, so that each may run in a way of its own.

use super::fold::without_dead;
use crate::graph::Kind;
use crate::{Graph, Value};

/// The values through which all must pass that comes from the input, in their order; not the input itself, and not the output.
pub fn bridges(graph: &Graph) -> Vec<Value> {
    let depends = dependent(graph);
    let mut last_use = vec![0; depends.len()];
    for (value, node) in graph.nodes() {
        node.inputs().iter().for_each(|input| last_use[input.index()] = value.index());
    }
    // Until when the values so far are needed.
    let mut needed = 0;
    let mut bridges = Vec::new();
    for (value, _) in graph.nodes().filter(|(value, _)| depends[value.index()]) {
        if value != graph.input && value != graph.output && needed <= value.index() {
            bridges.push(value);
        }
        needed = needed.max(last_use[value.index()]);
    }
    bridges
}

/// The network up to one of its [`bridges`], and the rest as a network that takes that value, of so many channels, as its input.
pub fn split(graph: &Graph, bridge: Value, channels: usize) -> (Graph, Graph) {
    let head = Graph { output: bridge, ..graph.clone() };
    let mut tail = Graph { input: bridge, input_channels: channels, ..graph.clone() };
    tail.nodes[bridge.index()].kind = Kind::Input;
    (without_dead(head), without_dead(tail))
}

/// Which values depend on the input.
fn dependent(graph: &Graph) -> Vec<bool> {
    let mut depends = vec![false; graph.nodes.len()];
    for (value, node) in graph.nodes() {
        let reads = node.inputs().iter().any(|input| depends[input.index()]);
        depends[value.index()] = value == graph.input || reads;
    }
    depends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Conv2d;
    use crate::{Builder, Shape, Tensor, reference};

    #[test]
    fn a_network_is_its_head_and_then_its_tail() {
        let weight = |seed: usize| {
            Tensor::from_fn(Shape::new([2, 2, 3, 3]), |i| {
                ((i[0] * 7 + i[1] * 5 + i[2] * 3 + i[3] + seed) % 11) as f32 * 0.1 - 0.5
            })
        };
        let mut net = Builder::new(2);
        let first = net.conv2d(Conv2d::same(weight(1), None), net.input());
        let body = net.conv2d(Conv2d::same(weight(2), None), first);
        let trunk = net.add(body, first);
        let last = net.conv2d(Conv2d::same(weight(3), None), trunk);
        let graph = net.finish(last).expect("a network");
        assert_eq!(bridges(&graph), [first, trunk], "the body is passed by");

        let input = Tensor::from_fn(Shape::image(1, 2, 6, 5), |i| (i[1] + i[2] * i[3]) as f32 * 0.1);
        let (head, tail) = split(&graph, trunk, 2);
        let between = reference::run(&head, &input).expect("runs");
        let both = reference::run(&tail, &between).expect("runs");
        assert_eq!(both, reference::run(&graph, &input).expect("runs"));
    }
}
