//! Where values live that are concatenated: side by side in one wide buffer, so that nothing is copied; or each on its own, where
//! all that reads them together can read them apart.

use std::collections::HashMap;

use crate::{Graph, Op, Shape, Value};

/// The part of a wide buffer in which a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// The concatenation that the buffer was made for.
    pub(super) root: Value,
    /// The first channel of the value in it.
    pub(super) first: usize,
}

/// Channels of which each part of what convolutions read apart has a multiple, unless they are pointwise: as many as the widest vectors
/// hold.
const VECTOR: usize = 16;

/// Whether the value is a concatenation of channels that only convolutions read, which can read its parts where they are.
pub(super) fn stays_apart(graph: &Graph, shapes: &[Shape], value: Value) -> bool {
    let parts = graph.node(value).inputs();
    let mut readers = graph.nodes().filter(|(_, node)| node.inputs().contains(&value)).peekable();
    let vectors = |parts: &[Value]| parts.iter().all(|part| shapes[part.index()][1].is_multiple_of(VECTOR));
    is_channel_concat(graph, shapes, value)
        && graph.output() != value
        && readers.peek().is_some()
        && readers.all(|(_, node)| match node.op() {
            Some(Op::Conv2d(conv)) => conv.is_pointwise() || conv.groups == 1 && vectors(parts),
            _ => false,
        })
}

/// The homes of all concatenations of channels and of those of their inputs that can be written in place; `own` says
/// which values can.
///
/// The last concatenation comes first: in a dense block it holds all the others as prefixes.
pub(super) fn homes(graph: &Graph, shapes: &[Shape], own: impl Fn(Value) -> bool) -> HashMap<Value, Home> {
    let mut homes: HashMap<Value, Home> = HashMap::new();
    let wide = |value| is_channel_concat(graph, shapes, value) && !stays_apart(graph, shapes, value);
    let concats: Vec<_> = graph.nodes().filter(|(value, _)| wide(*value)).collect();
    for (value, node) in concats.into_iter().rev() {
        let firsts = firsts(node.inputs(), shapes, 1);
        if let Some(home) = side_by_side(node.inputs(), &firsts, &homes)
            && !homes.contains_key(&value)
        {
            homes.insert(value, home);
            continue;
        }
        let home = *homes.entry(value).or_insert(Home { root: value, first: 0 });
        for (&input, first) in node.inputs().iter().zip(firsts) {
            if own(input) {
                homes.entry(input).or_insert(Home { root: home.root, first: home.first + first });
            }
        }
    }
    homes
}

/// Whether the value is a concatenation of the channels of pictures.
pub(super) fn is_channel_concat(graph: &Graph, shapes: &[Shape], value: Value) -> bool {
    matches!(graph.node(value).op(), Some(Op::Concat(op)) if op.axis == 1 && shapes[value.index()].rank() == 4)
}

/// For each of the concatenated values, its first place on the axis of the whole.
pub(super) fn firsts(inputs: &[Value], shapes: &[Shape], axis: usize) -> Vec<usize> {
    let sizes = inputs.iter().map(|input| shapes[input.index()][axis]);
    sizes.scan(0, |first, size| Some(std::mem::replace(first, *first + size))).collect()
}

/// The home of the concatenation, if its inputs already live side by side, in order.
fn side_by_side(inputs: &[Value], firsts: &[usize], homes: &HashMap<Value, Home>) -> Option<Home> {
    let home = *homes.get(inputs.first()?)?;
    let in_place = inputs
        .iter()
        .zip(firsts)
        .all(|(input, first)| homes.get(input) == Some(&Home { root: home.root, first: home.first + first }));
    in_place.then_some(home)
}

#[cfg(test)]
mod tests {
    use crate::ops::{Conv2d, Unary};
    use crate::plan::{FusedPlan, View};
    use crate::{Builder, Shape, Tensor, Value};

    fn conv(net: &mut Builder, side: usize, [inputs, outputs]: [usize; 2], x: Value) -> Value {
        net.conv2d(Conv2d::same(Tensor::zeros(Shape::new([outputs, inputs, side, side])), None), x)
    }

    /// For each step of the network of 16 channels that `end` writes, what it reads: the buffer, the first channel and how many.
    fn reads(end: impl Fn(&mut Builder, Value) -> Value) -> Vec<Vec<(usize, usize, usize)>> {
        let mut net = Builder::new(16);
        let input = net.input();
        let end = end(&mut net, input);
        let graph = net.finish(end).expect("a network");
        let plan = FusedPlan::new(&graph, &Shape::image(1, 16, 8, 8)).expect("a plan");
        let place = |view: &View| (view.buffer, view.first, view.shape[1]);
        plan.steps.iter().map(|step| step.inputs.iter().map(place).collect()).collect()
    }

    #[test]
    fn what_only_convolutions_read_stays_apart() {
        let reads = reads(|net, input| {
            let x = conv(net, 3, [16, 32], input);
            let all = net.concat(&[input, x]);
            let y = conv(net, 3, [48, 7], all);
            let all = net.concat(&[x, y]);
            conv(net, 1, [39, 16], all)
        });
        let [input, x, y] = [(0, 0, 16), (1, 0, 32), (2, 0, 7)];
        assert_eq!(reads, [vec![input], vec![input, x], vec![x, y]]);
    }

    #[test]
    fn what_others_read_too_is_put_together() {
        let reads = reads(|net, input| {
            let x = conv(net, 3, [16, 32], input);
            let y = conv(net, 3, [32, 16], x);
            let all = net.concat(&[x, y]);
            let z = conv(net, 3, [48, 48], all);
            let all = net.unary(Unary::Abs, all);
            net.add(z, all)
        });
        let [input, x, all] = [(0, 0, 16), (1, 0, 32), (1, 0, 48)];
        assert_eq!(reads, [vec![input], vec![x], vec![all], vec![all]]);
    }

    #[test]
    fn parts_that_lie_side_by_side_are_one() {
        let reads = reads(|net, input| {
            let x = conv(net, 3, [16, 32], input);
            let y = conv(net, 3, [32, 16], x);
            let wide = net.concat(&[x, y]);
            let wide = net.unary(Unary::Abs, wide);
            let all = net.concat(&[x, y, wide]);
            conv(net, 3, [96, 16], all)
        });
        let [input, x, all, wide] = [(0, 0, 16), (1, 0, 32), (1, 0, 48), (2, 0, 48)];
        assert_eq!(reads, [vec![input], vec![x], vec![all], vec![all, wide]]);
    }
}
