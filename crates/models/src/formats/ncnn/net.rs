//! Builds a graph from untrusted layers. Shapes are known at each step, and no layer can make them so large that later
//! arithmetic with them overflows.

use std::sync::Arc;

use amplio_graph::receptive::{Ratio, Spread};
use amplio_graph::{Builder, Graph, Op, Shape, Tensor, Value};

use crate::{Error, Result};

/// The longest side of a value, and the most elements of it, for a picture of [`Builder::PROBE`] pixels a side.
const LONGEST_SIDE: usize = 1 << 24;
const MOST_ELEMENTS: usize = 1 << 42;
/// The largest number in the ratio of a value's size to the picture's, and the largest common multiple of such numbers.
const LARGEST_RATIO: usize = 1 << 16;

/// A graph that grows.
#[derive(Debug)]
pub(super) struct Net {
    builder: Builder,
    known: Vec<Known>,
}

/// What is known of a value.
#[derive(Clone, Debug)]
struct Known {
    shape: Shape,
    scale: [Ratio; 2],
    multiple: [usize; 2],
}

impl Net {
    pub(super) fn new(channels: usize) -> Self {
        let shape = Shape::image(1, channels, Builder::PROBE, Builder::PROBE);
        Self { builder: Builder::new(channels), known: vec![Known::constant(shape)] }
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
        self.known.push(Known::constant(tensor.shape().clone()));
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
        let spread = op.spread(&shapes);
        let known = inputs.iter().map(|value| &self.known[value.index()]);
        let too_fine = || Error::limit("the ratio of sizes within the network", LARGEST_RATIO);
        let known = Known::after(known, shape, spread).ok_or_else(too_fine)?;
        self.known.push(known);
        Ok(self.builder.apply(op, inputs))
    }

    pub(super) fn finish(self, output: Value) -> Result<Graph> {
        Ok(self.builder.finish(output)?)
    }
}

impl Known {
    fn constant(shape: Shape) -> Self {
        Self { shape, scale: [Ratio::ONE; 2], multiple: [1; 2] }
    }

    /// What is known of the result of an operation on values; `None` if a ratio is too large.
    fn after<'a>(inputs: impl Iterator<Item = &'a Self>, shape: Shape, spread: Spread) -> Option<Self> {
        let mut known = Self::constant(shape);
        for input in inputs {
            for axis in 0..2 {
                let larger = input.scale[axis].as_f64() > known.scale[axis].as_f64();
                let first = known.scale[axis] == Ratio::ONE && input.scale[axis] != Ratio::ONE;
                known.scale[axis] = if larger || first { input.scale[axis] } else { known.scale[axis] };
                known.multiple[axis] = common_multiple(known.multiple[axis], input.multiple[axis])?;
            }
        }
        if let Spread::Window { scale, .. } = spread {
            for axis in 0..2 {
                let within = |ratio: Ratio| ratio.up.max(ratio.down) <= LARGEST_RATIO;
                if !within(scale[axis]) {
                    return None;
                }
                known.scale[axis] = Some(known.scale[axis].times(scale[axis])).filter(|ratio| within(*ratio))?;
                known.multiple[axis] = common_multiple(known.multiple[axis], known.scale[axis].down)?;
            }
        }
        Some(known)
    }
}

fn common_multiple(a: usize, b: usize) -> Option<usize> {
    let multiple = a / greatest_divisor(a, b) * b;
    (multiple <= LARGEST_RATIO).then_some(multiple)
}

fn greatest_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplio_graph::ops::{Pool, PoolKind, Resize};

    #[test]
    fn sizes_and_ratios_stay_small() {
        let mut net = Net::new(3);
        let mut x = net.input();
        let error = (0..20).find_map(|_| match net.apply(Resize::nearest(7), &[x]) {
            Ok(larger) => {
                x = larger;
                None
            }
            Err(error) => Some(error),
        });
        assert!(matches!(error, Some(Error::Limit { .. })), "{error:?}");

        let mut net = Net::new(3);
        let mut x = net.input();
        let pool = Pool { kind: PoolKind::Max, kernel: [7; 2], stride: [7; 2], padding: [6, 6, 6, 6] };
        let error = (0..40).find_map(|_| match net.apply(pool, &[x]) {
            Ok(smaller) => {
                x = smaller;
                None
            }
            Err(error) => Some(error),
        });
        assert!(matches!(error, Some(Error::Limit { .. })), "{error:?}");
    }
}
