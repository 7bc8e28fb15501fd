//! Which operations run as one step, which values wait until they are asked for, and which do not depend on the picture.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::Kind;
use crate::ops::{Binary, BinaryFn};
use crate::{Graph, Op, Result, Shape, Tensor, Value};

/// Operations that run as one step: a kernel and the elementwise operations after it.
pub(super) struct Group {
    /// The operation whose kernel runs; an elementwise operation that could not join another group is its own root.
    pub(super) root: Value,
    /// The operations of the epilogue, in order.
    pub(super) epilogue: Vec<Link>,
}

/// A link of the chain of operations that is an epilogue.
pub(super) enum Link {
    /// An operation, and the value that it continues.
    Op { value: Value, continues: Value },
    /// A function of what two chains make of the value that is continued.
    Fork { function: BinaryFn, left: Vec<Link>, right: Vec<Link> },
}

impl Group {
    /// What an elementwise operation that is its own root continues.
    pub(super) fn source(&self) -> Value {
        match self.epilogue.first() {
            Some(Link::Op { continues, .. }) => *continues,
            _ => self.root,
        }
    }
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

/// Groups operations: an elementwise operation joins the group of the operand that nobody else reads, or that of the value from
/// which both of its operands come and nothing else does.
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
        if let Some(group) = forked(graph, shapes, &uses, &mut groups, value) {
            groups.insert(value, group);
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
                group.epilogue.push(Link::Op { value, continues: input });
                group
            }
            None if is_elementwise(op) => {
                let full = node.inputs().iter().copied().find(|input| shapes[input.index()] == *shape);
                let continues = full.unwrap_or(node.inputs()[0]);
                Group { root: value, epilogue: vec![Link::Op { value, continues }] }
            }
            None => Group { root: value, epilogue: Vec::new() },
        };
        groups.insert(value, group);
    }
    groups
}

/// The group of the value from which both operands of `value` come, if `value` is all that becomes of it.
fn forked(
    graph: &Graph,
    shapes: &[Shape],
    uses: &[usize],
    groups: &mut HashMap<Value, Group>,
    value: Value,
) -> Option<Group> {
    let Some(Op::Binary(Binary { function })) = graph.node(value).op() else { return None };
    let [left, right] = graph.node(value).inputs()[..] else { return None };
    let sources = [left, right].map(|operand| sources(graph, uses, groups, operand));
    let fits = |source: &Value| {
        let same = [left, right, value].iter().all(|v| shapes[v.index()] == shapes[source.index()]);
        same && uses[source.index()] == 2 && groups.contains_key(source) && sources[1].contains(source)
    };
    let source = sources[0].iter().copied().find(fits)?;
    let mut chain = |operand: Value| {
        let group = if operand == source { None } else { groups.remove(&operand) };
        let mut links = group.map_or(Vec::new(), |group| group.epilogue);
        if let Some(Link::Op { continues, .. }) = links.first_mut() {
            *continues = source;
        }
        links
    };
    let link = Link::Fork { function: *function, left: chain(left), right: chain(right) };
    let mut group = groups.remove(&source)?;
    group.epilogue.push(link);
    Some(group)
}

/// The values that an operand may be said to come from by elementwise operations alone: itself, and what its group continues.
fn sources(graph: &Graph, uses: &[usize], groups: &HashMap<Value, Group>, operand: Value) -> Vec<Value> {
    let chain = groups.get(&operand).filter(|group| {
        let elementwise = graph.node(group.root).op().is_some_and(is_elementwise);
        let plain = group.epilogue.iter().all(|link| matches!(link, Link::Op { .. }));
        uses[operand.index()] == 1 && elementwise && plain
    });
    let before = chain.map_or(&[][..], |group| graph.node(group.root).inputs());
    [operand].into_iter().chain(before.iter().copied()).collect()
}

fn can_shuffle(graph: &Graph, group: &Group) -> bool {
    let is_shuffle = |value: Value| matches!(graph.node(value).op(), Some(Op::PixelShuffle(_)));
    matches!(graph.node(group.root).op(), Some(Op::Conv2d(_)))
        && !group.epilogue.iter().any(|link| matches!(link, Link::Op { value, .. } if is_shuffle(*value)))
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
