//! Pictures that are no multiple of a network's coarser grids: what the network sees beyond their last rows and columns.
//!
//! Most networks leave that to whoever runs them, who mirrors the picture there. Some give the picture a border of their own,
//! which goes on where the picture has to be filled up: all of it then shows the picture's own edge, and no edge of what was
//! filled up before.

use crate::graph::Kind;
use crate::ops::{Concat, Pad, PadMode, Slice};
use crate::{Graph, Node, Op, Value};

/// Whether the network has a way of its own to fill pictures up: a border of the picture, unless it is one of no rows and
/// columns that would mirror it, which is what everybody does.
pub fn fills(graph: &Graph) -> bool {
    let mirrors = Pad { mode: PadMode::Reflect, amounts: [0; 4] };
    let pictures = pictures(graph);
    graph.nodes().filter_map(|(_, node)| border(node, &pictures)).any(|border| border != mirrors)
}

/// The network, which makes pictures `scale` times as large, for pictures that miss so many rows and columns of a size that it
/// takes: its borders of the picture are as much wider, and what it makes of them is cut off.
pub fn filled(graph: &Graph, missing: [usize; 2], scale: usize) -> Graph {
    let pictures = pictures(graph);
    let mode =
        graph.nodes().find_map(|(_, node)| border(node, &pictures)).map_or(PadMode::Reflect, |b| b.mode);
    let mut filling = Filling { nodes: Vec::new(), missing, mode, filled: vec![None; graph.nodes.len()] };
    let mut values = Vec::with_capacity(graph.nodes.len());
    for (value, node) in graph.nodes() {
        let made = match &node.kind {
            Kind::Apply { op, inputs } => {
                let border = border(node, &pictures);
                let whole = pictures[value.index()] || border.is_some();
                let inputs = inputs.iter().map(|&input| match values[input.index()] {
                    own if whole || !pictures[input.index()] => own,
                    own => filling.fill(&node.name, own),
                });
                let inputs = inputs.collect();
                let op = border.map_or_else(|| op.clone(), |border| filling.wider(border).into());
                filling.push(&node.name, Kind::Apply { op, inputs })
            }
            kind => filling.push(&node.name, kind.clone()),
        };
        values.push(made);
    }
    let mut output = values[graph.output.index()];
    for (axis, missing) in [2, 3].into_iter().zip(missing) {
        if missing > 0 && !pictures[graph.output.index()] {
            let cut = Slice { axis, start: 0, end: -((missing * scale) as isize), step: 1 };
            output = filling.push("cut", Kind::Apply { op: cut.into(), inputs: vec![output] });
        }
    }
    Graph { nodes: filling.nodes, input: values[graph.input.index()], output, ..*graph }
}

/// A graph that is written anew, for pictures that are to be filled up.
struct Filling {
    nodes: Vec<Node>,
    missing: [usize; 2],
    mode: PadMode,
    /// What pictures have become, by their place.
    filled: Vec<Option<Value>>,
}

impl Filling {
    fn push(&mut self, name: &str, kind: Kind) -> Value {
        self.nodes.push(Node { name: name.to_owned(), kind });
        Value::new(self.nodes.len() - 1)
    }

    /// The picture with what it misses, for what is no border of it.
    fn fill(&mut self, name: &str, picture: Value) -> Value {
        self.filled.resize(self.filled.len().max(picture.index() + 1), None);
        if let Some(filled) = self.filled[picture.index()] {
            return filled;
        }
        let pad = self.wider(Pad { mode: self.mode, amounts: [0; 4] });
        let filled = self.push(name, Kind::Apply { op: pad.into(), inputs: vec![picture] });
        self.filled[picture.index()] = Some(filled);
        filled
    }

    /// A border with what the picture misses.
    fn wider(&self, pad: Pad) -> Pad {
        let ([top, left, bottom, right], [below, beside]) = (pad.amounts, self.missing);
        Pad { amounts: [top, left, bottom + below, right + beside], ..pad }
    }
}

/// Which values are the picture, or what was computed of each of its pixels alone.
fn pictures(graph: &Graph) -> Vec<bool> {
    let mut pictures = vec![false; graph.nodes.len()];
    for (value, node) in graph.nodes() {
        let each = |input: &Value| pictures[input.index()] || graph.node(*input).constant().is_some();
        pictures[value.index()] = match node.op() {
            None => value == graph.input,
            Some(
                Op::Unary(_)
                | Op::Prelu(_)
                | Op::Binary(_)
                | Op::Concat(Concat { axis: 1 })
                | Op::Slice(Slice { axis: 1, .. }),
            ) => node.inputs().iter().all(each) && node.inputs().iter().any(|i| pictures[i.index()]),
            Some(_) => false,
        };
    }
    pictures
}

/// The border that a node gives to the picture. A constant one counts if it has no rows and columns yet: it is there to fill up.
fn border(node: &Node, pictures: &[bool]) -> Option<Pad> {
    let Some(Op::Pad(pad)) = node.op() else { return None };
    let fills = match pad.mode {
        PadMode::Reflect | PadMode::Replicate => true,
        PadMode::Constant(_) => pad.amounts == [0; 4],
        PadMode::Wrap => false,
    };
    (fills && node.inputs().iter().all(|input| pictures[input.index()])).then_some(*pad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Pool, PoolKind};
    use crate::passes::fold;
    use crate::{Builder, Shape, Tensor, reference};

    /// The picture with a border, at half the size and back, and the picture itself.
    fn network(mode: PadMode, border: usize) -> Graph {
        let mut net = Builder::new(1);
        let picture = net.input();
        let bright = net.scale(picture, 2.0);
        let wide = net.apply(Pad { mode, amounts: [border; 4] }, &[bright]);
        let half = Pool { kind: PoolKind::Max, kernel: [4; 2], stride: [2; 2], padding: [1; 4] };
        let half = net.apply(half, &[wide]);
        let mut back = net.nearest(2, half);
        for axis in [2, 3] {
            let end = if border == 0 { isize::MAX } else { -(border as isize) };
            back = net.apply(Slice { axis, start: border as isize, end, step: 1 }, &[back]);
        }
        let sum = net.add(back, picture);
        net.finish(sum).expect("a network")
    }

    fn run(graph: &Graph, rows: &[f32]) -> Vec<f32> {
        let picture = Tensor::from_fn(Shape::image(1, 1, rows.len(), 4), |at| rows[at[2]]);
        let made = reference::run(graph, &picture).expect("runs");
        (0..made.shape()[2]).map(|y| made.at(&[0, 0, y, 1])).collect()
    }

    #[test]
    fn a_border_goes_on_from_the_pictures_own_edge() {
        let picture = [1.0, 5.0, 9.0, 7.0, 3.0];
        // What the last row becomes: the largest of what it sees. A mirror of what was filled up before would not show the 9.
        for (mode, border, last) in
            [(PadMode::Reflect, 2, 18.0), (PadMode::Replicate, 2, 14.0), (PadMode::Constant(20.0), 0, 20.0)]
        {
            let graph = network(mode, border);
            assert!(fills(&graph), "{mode:?}");
            let made = run(&filled(&graph, [1, 0], 1), &picture);
            assert_eq!(made, [19.0, 23.0, 27.0, 25.0, last + 3.0], "{mode:?}");
        }
    }

    #[test]
    fn what_only_mirrors_is_left_to_others() {
        let graph = network(PadMode::Reflect, 0);
        assert!(!fills(&graph));
        let whole = run(&filled(&graph, [1, 0], 1), &[1.0, 5.0, 2.0]);
        assert_eq!(whole, run(&graph, &[1.0, 5.0, 2.0, 5.0])[..3]);
        assert!(
            !fold(&graph).nodes().any(|(_, node)| matches!(node.op(), Some(Op::Pad(_)))),
            "it is nothing"
        );
    }
}
