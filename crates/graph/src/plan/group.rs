//! Which operations run as one step, which values wait until they are asked for, and which do not depend on the picture.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::Kind;
use crate::{Graph, Op, Result, Shape, Tensor, Value};

/// Operations that run as one step: a kernel and the elementwise operations after it.
pub(super) struct Group {
    /// The operation whose kernel runs; an elementwise operation that could not join another group is its own root.
    pub(super) root: Value,
    /// The operations of the epilogue, in order, each with the value that it continues.
    pub(super) epilogue: Vec<(Value, Value)>,
}

/// The values that do not depend on the picture, computed by the reference.
pub(super) fn constants(graph: &Graph, shapes: &[Shape]) -> Result<Vec<Option<Arc<Tensor>>>> {
    let mut constants: Vec<Option<Arc<Tensor>>> = Vec::with_capacity(shapes.len());
    for (_, node) in graph.nodes() {
        let constant = match &node.kind {
            Kind::Input => None,
            Kind::Constant(tensor) => Some(tensor.clone()),
            Kind::Apply { op: op @ Op::ShiftMask(_), inputs } => {
                // It looks at the picture's size alone.
                let picture = Tensor::zeros(shapes[inputs[0].index()].with(0, 1).with(1, 1));
                Some(op.reference(&[&picture])?.into())
            }
            Kind::Apply { op, inputs } => {
                let inputs: Option<Vec<_>> = inputs.iter().map(|v| constants[v.index()].as_deref()).collect();
                inputs
                    .map(|inputs| op.reference(&inputs))
                    .transpose()
                    .map_err(|e| e.at(node.name()))?
                    .map(Arc::new)
            }
        };
        constants.push(constant);
    }
    Ok(constants)
}

/// Groups operations: an elementwise operation joins the group of the operand that nobody else reads.
pub(super) fn groups(
    graph: &Graph,
    shapes: &[Shape],
    constants: &[Option<Arc<Tensor>>],
) -> HashMap<Value, Group> {
    let mut uses = vec![0_usize; shapes.len()];
    graph.nodes().flat_map(|(_, node)| node.inputs()).for_each(|input| uses[input.index()] += 1);
    uses[graph.output().index()] += 1;

    let mut groups: HashMap<Value, Group> = HashMap::new();
    for (value, node) in graph.nodes() {
        let Some(op) = node.op() else { continue };
        let shape = &shapes[value.index()];
        let waits = is_channel_slice(op, shape) || nearest_factor(op).is_some();
        if waits || constants[value.index()].is_some() || matches!(op, Op::Concat(_)) {
            continue;
        }
        let joins = |input: Value| match (groups.get(&input), op) {
            (Some(_), _) if uses[input.index()] > 1 => false,
            (Some(group), Op::PixelShuffle(_)) => can_shuffle(graph, group),
            (Some(_), _) => is_elementwise(op) && shapes[input.index()] == *shape,
            (None, _) => false,
        };
        // Of two candidates the later one, whose step runs last anyway.
        let continued = node.inputs().iter().copied().filter(|&input| joins(input)).max();
        let group = match continued.and_then(|input| Some((input, groups.remove(&input)?))) {
            Some((input, mut group)) => {
                group.epilogue.push((value, input));
                group
            }
            None if is_elementwise(op) => {
                let full = node.inputs().iter().copied().find(|input| shapes[input.index()] == *shape);
                Group { root: value, epilogue: vec![(value, full.unwrap_or(node.inputs()[0]))] }
            }
            None => Group { root: value, epilogue: Vec::new() },
        };
        groups.insert(value, group);
    }
    groups
}

fn can_shuffle(graph: &Graph, group: &Group) -> bool {
    let is_shuffle = |value: Value| matches!(graph.node(value).op(), Some(Op::PixelShuffle(_)));
    matches!(graph.node(group.root).op(), Some(Op::Conv2d(_)))
        && !group.epilogue.iter().any(|&(value, _)| is_shuffle(value))
}

pub(super) fn is_elementwise(op: &Op) -> bool {
    matches!(op, Op::Unary(_) | Op::Binary(_) | Op::Prelu(_))
}

/// Whether the operation only looks at a range of the channels of a picture.
pub(super) fn is_channel_slice(op: &Op, shape: &Shape) -> bool {
    matches!(op, Op::Slice(slice) if slice.axis == 1 && slice.step == 1 && shape.rank() == 4)
}

/// The factor of a nearest-neighbour enlargement that can be read through without being made.
pub(super) fn nearest_factor(op: &Op) -> Option<usize> {
    match op {
        Op::Resize(resize) => resize.nearest_factor(),
        _ => None,
    }
}
