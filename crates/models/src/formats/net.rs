//! Builds a graph from the untrusted layers of a file. Shapes are known at each step, and no layer can make them so large
//! that later arithmetic with them overflows.

use std::sync::Arc;

use amplio_graph::receptive::{Ratio, Spread};
use amplio_graph::{Builder, Graph, Op, Shape, Tensor, Value};

use crate::{Error, Result};

/// The longest side of a value, and the most elements of it, for a picture of [`Builder::PROBE`] pixels a side.
const LONGEST_SIDE: usize = 1 << 30;
const MOST_ELEMENTS: usize = 1 << 42;
/// The largest number in the ratio of a value's size to the picture's, and the largest common multiple of such numbers.
const LARGEST_RATIO: usize = 1 << 16;
/// The most multiply-accumulates of the whole network for such a picture.
const MOST_MACS: u64 = 1 << 62;
/// The most work for values that do not depend on the picture, which are computed before the network runs: elements that are
/// read and made, and multiply-accumulates.
const MOST_FIXED: u64 = 1 << 26;

/// A graph that grows.
#[derive(Debug)]
pub(super) struct Net {
    builder: Builder,
    known: Vec<Known>,
    macs: u64,
    /// Work for values that do not depend on the picture.
    fixed: u64,
}

/// What is known of a value.
#[derive(Clone, Debug)]
struct Known {
    shape: Shape,
    /// `None` if the value does not depend on the picture.
    grid: Option<Grid>,
}

/// How a value's pixels lie on the picture's, vertically and horizontally; the same as in
/// [`amplio_graph::receptive::Footprint`].
#[derive(Clone, Copy, Debug)]
struct Grid {
    scale: [Ratio; 2],
    multiple: [usize; 2],
}

impl Net {
    pub(super) fn new(channels: usize) -> Self {
        let shape = Shape::image(1, channels, Builder::PROBE, Builder::PROBE);
        let grid = Some(Grid { scale: [Ratio::ONE; 2], multiple: [1; 2] });
        Self { builder: Builder::new(channels), known: vec![Known { shape, grid }], macs: 0, fixed: 0 }
    }

    pub(super) fn input(&self) -> Value {
        self.builder.input()
    }

    /// Names what is built next.
    pub(super) fn at(&mut self, name: &str) {
        self.builder.at(name);
    }

    /// The shape of a value, for a large square picture.
    pub(super) fn shape(&self, value: Value) -> &Shape {
        &self.known[value.index()].shape
    }

    /// The channels of a value.
    pub(super) fn channels(&self, value: Value) -> usize {
        self.shape(value).get(1).copied().unwrap_or(0)
    }

    pub(super) fn constant(&mut self, tensor: impl Into<Arc<Tensor>>) -> Value {
        let tensor = tensor.into();
        self.known.push(Known { shape: tensor.shape().clone(), grid: None });
        self.builder.constant(tensor)
    }

    /// The result of an operation.
    pub(super) fn apply(&mut self, op: impl Into<Op>, inputs: &[Value]) -> Result<Value> {
        let op = op.into();
        let shapes: Vec<_> = inputs.iter().map(|value| self.shape(*value)).collect();
        let shape = op.shape(&shapes)?;
        if shape.iter().any(|side| *side > LONGEST_SIDE) || shape.elements() > MOST_ELEMENTS {
            return Err(Error::limit(format!("a value of {shape}"), LONGEST_SIDE));
        }
        let macs = macs(&op, &shapes, &shape)
            .and_then(|macs| self.macs.checked_add(macs))
            .filter(|macs| *macs <= MOST_MACS);
        let macs = macs
            .ok_or(Error::Limit { what: "multiplications for a large picture".into(), limit: MOST_MACS })?;
        let spread = op.spread(&shapes);
        let too_fine = || Error::limit("the ratio of sizes within the network", LARGEST_RATIO);
        let mut grid: Option<Grid> = None;
        for other in inputs.iter().filter_map(|value| self.known[value.index()].grid) {
            grid = Some(grid.map_or(Some(other), |grid| grid.join(other)).ok_or_else(too_fine)?);
        }
        let grid = grid.map(|grid| grid.after(spread).ok_or_else(too_fine)).transpose()?;
        if grid.is_none() {
            self.fixed = self.fixed.saturating_add(work(&op, &shapes, &shape));
            if self.fixed > MOST_FIXED {
                let what = "work for values that do not depend on the picture".into();
                return Err(Error::Limit { what, limit: MOST_FIXED });
            }
        }
        self.known.push(Known { shape, grid });
        self.macs = macs;
        Ok(self.builder.apply(op, inputs))
    }

    pub(super) fn finish(self, output: Value) -> Result<Graph> {
        Ok(self.builder.finish(output)?)
    }
}

impl Grid {
    /// The grid of what is made of values on both; `None` if they have no small common multiple.
    fn join(self, other: Self) -> Option<Self> {
        let mut joined = self;
        for axis in 0..2 {
            if other.scale[axis].as_f64() > self.scale[axis].as_f64() {
                joined.scale[axis] = other.scale[axis];
            }
            joined.multiple[axis] = common_multiple(self.multiple[axis], other.multiple[axis])?;
        }
        Some(joined)
    }

    /// The grid after an operation; `None` if a ratio becomes too large.
    fn after(mut self, spread: Spread) -> Option<Self> {
        let Spread::Window { scale, .. } = spread else { return Some(self) };
        let within = |ratio: &Ratio| ratio.up.max(ratio.down) <= LARGEST_RATIO;
        for (axis, factor) in scale.into_iter().enumerate() {
            let factor = Some(factor).filter(within)?;
            self.scale[axis] = Some(self.scale[axis].times(factor)).filter(within)?;
            self.multiple[axis] = common_multiple(self.multiple[axis], self.scale[axis].down)?;
        }
        Some(self)
    }
}

/// Multiply-accumulates of an operation; `None` if they cannot be counted.
fn macs(op: &Op, inputs: &[&Shape], output: &Shape) -> Option<u64> {
    // The other operations saturate.
    let Op::Conv2d(conv) = op else { return Some(op.macs(inputs, output)) };
    let positions = output.elements().checked_div(conv.outputs())?;
    Some(positions.checked_mul(conv.weight.data().len())? as u64)
}

/// Elements that an operation reads and makes, and the steps from ones to the others.
fn work(op: &Op, inputs: &[&Shape], output: &Shape) -> u64 {
    let elements = inputs.iter().fold(output.elements(), |sum, input| sum.saturating_add(input.elements()));
    let steps = match op {
        Op::Pool(pool) => {
            output.elements().saturating_mul(pool.kernel[0].saturating_mul(pool.kernel[1])) as u64
        }
        _ => op.macs(inputs, output),
    };
    steps.saturating_add(elements as u64)
}

/// The least common multiple, unless it is too large.
fn common_multiple(a: usize, b: usize) -> Option<usize> {
    Some(Ratio::new(a, b).up * b).filter(|multiple| *multiple <= LARGEST_RATIO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplio_graph::ops::{Binary, BinaryFn, Pool, PoolKind, Resize};

    fn repeated(mut step: impl FnMut(&mut Net, Value) -> Result<Value>) -> Option<Error> {
        let mut net = Net::new(3);
        let mut x = net.input();
        for _ in 0..40 {
            x = match step(&mut net, x) {
                Ok(x) => x,
                Err(error) => return Some(error),
            };
        }
        None
    }

    #[test]
    fn sizes_and_ratios_stay_small() {
        let larger = repeated(|net, x| net.apply(Resize::nearest(7), &[x]));
        assert!(matches!(larger, Some(Error::Limit { .. })), "{larger:?}");
        let smaller = repeated(|net, x| {
            let pool = Pool { kind: PoolKind::Max, kernel: [7; 2], stride: [7; 2], padding: [6; 4] };
            let x = net.apply(pool, &[x])?;
            let one = net.constant(Tensor::scalar(1.0));
            net.apply(Binary { function: BinaryFn::Add }, &[x, one])
        });
        assert!(matches!(smaller, Some(Error::Limit { .. })), "{smaller:?}");
        let same = repeated(|net, x| net.apply(Resize::nearest(1), &[x]));
        assert!(same.is_none(), "{same:?}");
    }

    #[test]
    fn values_that_no_picture_changes_cost_little() {
        let constant = |side: usize| Tensor::zeros(Shape::image(1, 1, side, side));
        let applied = |side: usize, op: Op| {
            let mut net = Net::new(3);
            let x = net.constant(constant(side));
            net.apply(op, &[x])
        };
        let pool =
            |kernel| Pool { kind: PoolKind::Max, kernel: [kernel; 2], stride: [1; 2], padding: [0; 4] };
        assert!(applied(8, pool(4).into()).is_ok());
        for (side, op) in [(8, Resize::nearest(5_000).into()), (1_000, Op::from(pool(500)))] {
            assert!(matches!(applied(side, op), Err(Error::Limit { .. })), "{side}");
        }
    }
}
