//! How far an output pixel sees, from which tiles get their halo.

use crate::{Graph, Result, Shape};

/// A positive ratio of two integers in lowest terms: sizes after over sizes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Numerator.
    pub up: usize,
    /// Denominator.
    pub down: usize,
}

impl Ratio {
    /// The ratio 1.
    pub const ONE: Self = Self { up: 1, down: 1 };

    /// `up / down` in lowest terms. Panics if one of them is zero.
    pub fn new(up: usize, down: usize) -> Self {
        assert!(up > 0 && down > 0, "a ratio of {up} and {down}");
        let common = gcd(up, down);
        Self { up: up / common, down: down / common }
    }

    /// The product of two ratios.
    pub fn times(self, other: Self) -> Self {
        Self::new(self.up * other.up, self.down * other.down)
    }

    /// The ratio, or another one where its terms are not small.
    fn or(self, other: Self) -> Self {
        const SMALL: usize = 64;
        if self.up.max(self.down) <= SMALL { self } else { other }
    }

    /// The ratio as a number.
    pub fn as_f64(self) -> f64 {
        self.up as f64 / self.down as f64
    }

    /// The ratio as a whole number, if it is one.
    pub fn whole(self) -> Option<usize> {
        (self.down == 1).then_some(self.up)
    }
}

/// How far one operation lets a pixel see, and how it changes the size of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// Each output pixel sees the input pixels around its own place.
    Window {
        /// Vertical, horizontal: how many input pixels before and after its own place it sees.
        reach: [[f64; 2]; 2],
        /// Vertical, horizontal: output size over input size.
        scale: [Ratio; 2],
    },
    /// Each output pixel may see every input pixel.
    Whole,
}

impl Spread {
    /// Each output pixel sees the input pixel at its own place alone.
    pub const POINT: Self = Self::Window { reach: [[0.0; 2]; 2], scale: [Ratio::ONE; 2] };

    /// Each output pixel sees `[[above, below], [left, right]]` input pixels more than its own.
    pub fn window(reach: [[usize; 2]; 2]) -> Self {
        Self::Window { reach: reach.map(|axis| axis.map(|n| n as f64)), scale: [Ratio::ONE; 2] }
    }

    /// The picture becomes larger by whole factors (vertical, horizontal); each output pixel lies within one input pixel.
    pub fn enlarged(self, by: [usize; 2]) -> Self {
        self.scaled(by.map(|n| Ratio::new(n, 1)))
    }

    /// The picture becomes smaller by whole factors (vertical, horizontal); each output pixel covers a block of them.
    pub fn reduced(self, by: [usize; 2]) -> Self {
        self.scaled(by.map(|n| Ratio::new(1, n)))
    }

    fn scaled(self, by: [Ratio; 2]) -> Self {
        match self {
            Self::Window { mut reach, mut scale } => {
                for axis in 0..2 {
                    // A small pixel inside a large one sees all of it.
                    let beyond = 1.0 - 1.0 / by[axis].up as f64;
                    reach[axis] = reach[axis].map(|r| r + beyond);
                    scale[axis] = scale[axis].times(by[axis]);
                }
                Self::Window { reach, scale }
            }
            Self::Whole => Self::Whole,
        }
    }
}

/// What a value of a network sees of the network's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// Vertical, horizontal: size of the value over size of the input.
    pub scale: [Ratio; 2],
    /// The input pixels that one pixel sees around its own place: `[[above, below], [left, right]]`; `None` if it may
    /// see all of them.
    pub reach: Option<[[f64; 2]; 2]>,
    /// Vertical, horizontal: input sizes and tile offsets must be multiples of this, or pixels fall between the network's
    /// coarser grids.
    pub multiple: [usize; 2],
}

impl Footprint {
    const INPUT: Self = Self { scale: [Ratio::ONE; 2], reach: Some([[0.0; 2]; 2]), multiple: [1; 2] };

    /// The largest of the four reaches, in whole input pixels; `None` if the whole picture is seen.
    pub fn radius(&self) -> Option<usize> {
        let reach = self.reach?;
        Some(reach.into_iter().flatten().fold(0.0, f64::max).ceil() as usize)
    }

    fn after(self, spread: Spread) -> Self {
        let Spread::Window { reach: more, scale } = spread else { return Self { reach: None, ..self } };
        let mut after = self;
        for axis in 0..2 {
            after.scale[axis] = self.scale[axis].times(scale[axis]);
            // A coarser grid begins where an operation makes the picture smaller. That a value is small for another reason
            // (a mean over all pixels, one window) asks for nothing.
            if scale[axis].down > 1 {
                after.multiple[axis] = lcm(self.multiple[axis], after.scale[axis].down);
            }
            if let Some(reach) = &mut after.reach {
                let pixel = 1.0 / self.scale[axis].as_f64();
                for side in 0..2 {
                    reach[axis][side] += more[axis][side] * pixel;
                }
            }
        }
        after
    }

    /// The footprint of a value of shape `to` that may see all of the input, which has shape `from`.
    /// Sizes that are no simple multiple of the input's (borders, tokens, a mean) leave the scale as it was.
    fn of_all(self, from: &Shape, to: &Shape) -> Self {
        let scale = match (&from[..], &to[..]) {
            (&[_, _, h, w], &[_, _, to_h, to_w]) => {
                let [rows, columns] = [Ratio::new(to_h, h), Ratio::new(to_w, w)];
                [rows.or(self.scale[0]), columns.or(self.scale[1])]
            }
            _ => self.scale,
        };
        // One pixel that all others are told of lies on no grid.
        let multiple = if matches!(to[..], [_, _, 1, 1]) { [1; 2] } else { self.multiple };
        Self { scale, reach: None, multiple }
    }

    fn join(self, other: Self) -> Self {
        let reach = self
            .reach
            .zip(other.reach)
            .map(|(a, b)| [0, 1].map(|axis| [0, 1].map(|side| f64::max(a[axis][side], b[axis][side]))));
        let multiple = [0, 1].map(|axis| lcm(self.multiple[axis], other.multiple[axis]));
        // Operands that broadcast (one row, one pixel) do not set the scale of the result.
        Self { scale: [0, 1].map(|axis| larger(self.scale[axis], other.scale[axis])), reach, multiple }
    }
}

/// What the output of `graph` sees of its input of the given shape.
///
/// # Errors
/// If the graph does not take an input of this shape.
pub fn footprint(graph: &Graph, input: &Shape) -> Result<Footprint> {
    let shapes = graph.shapes(input)?;
    let mut footprints: Vec<Option<Footprint>> = Vec::with_capacity(shapes.len());
    for (value, node) in graph.nodes() {
        let footprint = match node.op() {
            None if value == graph.input() => Some(Footprint::INPUT),
            None => None,
            Some(op) => {
                let inputs: Vec<_> = node.inputs().iter().map(|v| &shapes[v.index()]).collect();
                let seen = node.inputs().iter().filter_map(|v| footprints[v.index()]).reduce(Footprint::join);
                seen.map(|seen| match op.spread(&inputs) {
                    Spread::Whole => seen.of_all(input, &shapes[value.index()]),
                    spread => seen.after(spread),
                })
            }
        };
        footprints.push(footprint);
    }
    Ok(footprints[graph.output().index()].unwrap_or(Footprint { reach: None, ..Footprint::INPUT }))
}

fn larger(a: Ratio, b: Ratio) -> Ratio {
    let product = |a: usize, b: usize| a as u128 * b as u128;
    if product(a.up, b.down) >= product(b.up, a.down) { a } else { b }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn lcm(a: usize, b: usize) -> usize {
    a / gcd(a, b) * b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;
    use crate::ops::{Pool, PoolKind, Reduce, ReduceKind, Unary};

    #[test]
    fn a_mean_over_all_pixels_is_no_coarser_grid() {
        let mut net = Builder::new(3);
        let input = net.input();
        let half = Pool { kind: PoolKind::Max, kernel: [2; 2], stride: [2; 2], padding: [0; 4] };
        let half = net.apply(half, &[input]);
        let mean = net.apply(Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: true }, &[half]);
        let gate = net.unary(Unary::Sigmoid, mean);
        let gated = net.mul(half, gate);
        let larger = net.nearest(2, gated);
        let graph = net.finish(larger).expect("a network");
        let footprint = footprint(&graph, &Shape::image(1, 3, 64, 96)).expect("fits");
        assert_eq!((footprint.multiple, footprint.reach), ([2, 2], None));
    }

    #[test]
    fn what_a_smaller_picture_says_of_the_whole_asks_for_no_sizes() {
        let mut net = Builder::new(3);
        let input = net.input();
        let half = Pool { kind: PoolKind::Max, kernel: [2; 2], stride: [2; 2], padding: [0; 4] };
        let half = net.apply(half, &[input]);
        let mean = net.apply(Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: true }, &[half]);
        let gated = net.mul(input, mean);
        let graph = net.finish(gated).expect("a network");
        let footprint = footprint(&graph, &Shape::image(1, 3, 64, 96)).expect("fits");
        assert_eq!((footprint.multiple, footprint.reach), ([1, 1], None));
    }
}
