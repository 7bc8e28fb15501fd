//! From dimensions that were computed for each probe to dimensions that hold for every size.

use amplio_graph::ops::{Dim, Reshape};
use amplio_graph::{Op, Shape, Value};

use super::{Item, Net};
use crate::formats::onnx::malformed;
use crate::formats::onnx::probes::Each;
use crate::{Error, Result};

/// The size of an axis for each probe.
pub(super) type Column = Each<usize>;

/// Axes of a value that hold the same elements as axes of the other dimensions.
struct Segment {
    from: Vec<usize>,
    to: Vec<usize>,
}

pub(super) fn column(dims: &Each<Vec<usize>>, axis: usize) -> Column {
    std::array::from_fn(|probe| dims[probe][axis])
}

pub(super) fn fixed(column: &Column) -> Option<usize> {
    column.iter().all(|size| *size == column[0]).then_some(column[0])
}

impl Net {
    /// The same elements under other dimensions.
    pub(in crate::formats::onnx) fn reshape(&mut self, x: &Item, dims: &Each<Vec<usize>>) -> Result<Item> {
        let value = match x {
            Item::Value(value) => *value,
            Item::Constant(tensor) if dims.iter().all(|d| *d == dims[0]) => {
                let shape = Shape::new(dims[0].clone());
                return Ok(tensor.as_ref().clone().reshaped(shape)?.into());
            }
            _ => self.value(x)?,
        };
        let from = self.dims(&Item::Value(value));
        if from == *dims {
            return Ok(value.into());
        }
        if dims.iter().any(|d| d.len() != dims[0].len()) {
            return Err(Error::unsupported("dimensions whose number depends on the size of the picture"));
        }
        let segments = segments(&from, dims);
        let mut target = Vec::new();
        let mut open = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            for &axis in &segment.to {
                let dim = known(&from, dims, segment, axis);
                if dim.is_none() {
                    open.push((number, axis));
                }
                target.push(dim.unwrap_or(Dim::Infer));
            }
        }
        let made = match open[..] {
            [] | [_] => self.one_reshape(value, target, &[]),
            // Several open dimensions of different origin: one step for each origin.
            [(first, _), .., (last, _)] if first != last => self.steps(value, dims, &segments),
            [.., (_, _)] => {
                let open: Vec<_> = open.iter().map(|&(_, axis)| axis).collect();
                self.like(value, dims, target, &open)
            }
        }?;
        self.unshuffled(made).map(Item::Value)
    }

    fn one_reshape(&mut self, value: Value, dims: Vec<Dim>, template: &[Value]) -> Result<Value> {
        self.apply_values(Op::from(Reshape { dims }), &[&[value], template].concat())
    }

    /// Reshapes the axes of one segment after the other.
    fn steps(&mut self, value: Value, dims: &Each<Vec<usize>>, segments: &[Segment]) -> Result<Value> {
        let from = self.dims(&Item::Value(value));
        let mut item = Item::Value(value);
        for done in 1..=segments.len() {
            let step = std::array::from_fn(|probe| {
                let (new, old) = segments.split_at(done);
                let new = new.iter().flat_map(|segment| &segment.to).map(|&axis| dims[probe][axis]);
                new.chain(old.iter().flat_map(|segment| &segment.from).map(|&axis| from[probe][axis]))
                    .collect()
            });
            item = self.reshape(&item, &step)?;
        }
        self.value(&item)
    }

    /// Reshapes where all open dimensions but one are those of another value.
    fn like(
        &mut self,
        value: Value,
        dims: &Each<Vec<usize>>,
        mut target: Vec<Dim>,
        open: &[usize],
    ) -> Result<Value> {
        for &inferred in open {
            let columns: Vec<_> = open
                .iter()
                .filter(|axis| **axis != inferred)
                .map(|&axis| (axis, column(dims, axis)))
                .collect();
            let Some((template, axes)) = self.template(&columns) else { continue };
            for ((axis, _), other) in columns.iter().zip(axes) {
                target[*axis] = Dim::Like(other);
            }
            return self.one_reshape(value, target, &[template]);
        }
        // What is cut twice (rows, and these into windows) is cut in two steps.
        let coarser = coarser(dims, open);
        if coarser[0].len() < dims[0].len() {
            let rows = self.reshape(&Item::Value(value), &coarser)?;
            let cut = self.reshape(&rows, dims)?;
            return self.value(&cut);
        }
        Err(Error::unsupported(format!(
            "a reshape to sizes that no other value has: for pictures of {} and {} it becomes {:?} and {:?}",
            self.shapes(self.input())[0],
            self.shapes(self.input())[1],
            dims[0],
            dims[1]
        )))
    }

    /// A value with axes of these sizes, and which axes they are. The first one that fits: the earlier it was made, the
    /// more likely it is that others need it anyway.
    fn template(&self, columns: &[(usize, Column)]) -> Option<(Value, Vec<usize>)> {
        let axes = |shapes: &Each<Shape>| {
            let axis = |wanted: &Column| {
                (0..shapes[0].rank())
                    .find(|&axis| (0..wanted.len()).all(|probe| shapes[probe][axis] == wanted[probe]))
            };
            columns.iter().map(|(_, wanted)| axis(wanted)).collect::<Option<Vec<_>>>()
        };
        self.values.iter().zip(&self.shapes).find_map(|(value, shapes)| Some((*value, axes(shapes)?)))
    }

    /// A value with an axis of this size, and which axis it is.
    pub(super) fn with_axis(&self, size: &Column) -> Option<(Value, usize)> {
        let (value, axes) = self.template(&[(0, *size)])?;
        Some((value, *axes.first()?))
    }
}

/// What is known of an axis of the new dimensions.
fn known(from: &Each<Vec<usize>>, to: &Each<Vec<usize>>, segment: &Segment, axis: usize) -> Option<Dim> {
    let wanted = column(to, axis);
    // The batch may be any size later.
    let keeps_batch = axis == 0 && segment.from.first() == Some(&0) && column(from, 0) == wanted;
    match fixed(&wanted) {
        _ if keeps_batch => Some(Dim::Keep(0)),
        Some(size) => Some(Dim::Fixed(size)),
        None => {
            let mut same = (0..from[0].len()).filter(|&axis| column(from, axis) == wanted);
            same.next().map(Dim::Keep)
        }
    }
}

/// The same dimensions, where each of the open axes is one with the axis after it if that has always the same size.
fn coarser(dims: &Each<Vec<usize>>, open: &[usize]) -> Each<Vec<usize>> {
    let joins = |axis: usize| {
        open.contains(&axis) && axis + 1 < dims[0].len() && fixed(&column(dims, axis + 1)).is_some()
    };
    dims.each_ref().map(|dims| {
        let mut joined: Vec<usize> = Vec::with_capacity(dims.len());
        for (axis, &size) in dims.iter().enumerate() {
            match joined.last_mut().filter(|_| axis > 0 && joins(axis - 1)) {
                Some(last) => *last = last.saturating_mul(size),
                None => joined.push(size),
            }
        }
        joined
    })
}

/// Cuts both lists of axes where the products of the sizes up to there agree for every probe.
fn segments(from: &Each<Vec<usize>>, to: &Each<Vec<usize>>) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut open = Segment { from: Vec::new(), to: Vec::new() };
    let one: Each<u128> = [1; super::super::probes::PROBES];
    let (mut left, mut right) = (one, one);
    let (mut i, mut j) = (0, 0);
    while i < from[0].len() || j < to[0].len() {
        // Sizes are below 2^24 each, and a shape's product is below 2^42.
        let take_left = i < from[0].len() && (left[0] <= right[0] || j == to[0].len());
        if take_left {
            (0..left.len()).for_each(|probe| left[probe] *= from[probe][i] as u128);
            open.from.push(i);
            i += 1;
        } else {
            (0..right.len()).for_each(|probe| right[probe] *= to[probe][j] as u128);
            open.to.push(j);
            j += 1;
        }
        if left == right && !open.from.is_empty() && !open.to.is_empty() {
            segments.push(std::mem::replace(&mut open, Segment { from: Vec::new(), to: Vec::new() }));
        }
    }
    match segments.last_mut() {
        Some(last) => {
            last.from.extend(open.from);
            last.to.extend(open.to);
        }
        None => segments.push(open),
    }
    segments
}

/// The dimensions that a list of sizes asks for, in which -1 is what remains and 0 may be the size that was there.
pub(in crate::formats::onnx) fn asked(from: &[usize], list: &[i64], zero_keeps: bool) -> Result<Vec<usize>> {
    let wrong = || malformed(format!("{from:?} does not become {list:?}"));
    let mut dims = Vec::with_capacity(list.len());
    let mut open = None;
    for (axis, &size) in list.iter().enumerate() {
        dims.push(match size {
            0 if zero_keeps => *from.get(axis).ok_or_else(wrong)?,
            -1 if open.replace(axis).is_some() => return Err(wrong()),
            -1 => 1,
            size => usize::try_from(size).map_err(|_| wrong())?,
        });
    }
    let product = |dims: &[usize]| dims.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    let (all, rest) = (product(from).ok_or_else(wrong)?, product(&dims).ok_or_else(wrong)?);
    if let Some(open) = open {
        dims[open] = all.checked_div(rest).ok_or_else(wrong)?;
    }
    if product(&dims) == Some(all) { Ok(dims) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn lists_of_sizes() {
        assert_eq!(asked(&[1, 12, 5, 7], &[0, -1, 4, 35], true).expect("fits"), [1, 3, 4, 35]);
        assert!(asked(&[1, 12], &[-1, -1], true).is_err());
        assert!(asked(&[1, 12], &[5, -1], true).is_err());
        assert!(asked(&[2], &[0, 0], true).is_err());
        assert!(asked(&[2], &[i64::MAX, i64::MAX], true).is_err());
    }

    fn net() -> Net {
        Net::new(8, 4, &Rc::default())
    }

    fn sizes(net: &Net, f: impl Fn(usize, usize) -> Vec<usize>) -> Each<Vec<usize>> {
        std::array::from_fn(|probe| {
            let shape = &net.shapes(net.input())[probe];
            f(shape[2], shape[3])
        })
    }

    #[test]
    fn dimensions_that_hold_for_every_size() {
        let mut net = net();
        let x = Item::Value(net.input());
        let blocks = sizes(&net, |h, w| vec![1, 8, h / 4, 4, w / 4, 4]);
        let cut = net.reshape(&x, &blocks).expect("splits both axes");
        assert_eq!(net.dims(&cut), blocks);
        let tokens = sizes(&net, |h, w| vec![8 * h / 4 * 4, w]);
        let merged = net.reshape(&cut, &tokens).expect("merges both");
        assert_eq!(net.dims(&merged), tokens);
        let picture = sizes(&net, |h, w| vec![1, 2, 4, h, w]);
        let back = net.reshape(&merged, &picture).expect("finds the height elsewhere");
        let graph = net.finish(&back).expect("a network");
        let shapes = graph.shapes(&Shape::image(1, 8, 20, 12)).expect("another size");
        assert_eq!(shapes[graph.output().index()], Shape::new([1, 2, 4, 20, 12]));
    }
}
