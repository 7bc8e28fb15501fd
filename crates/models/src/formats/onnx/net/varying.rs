//! Numbers that depend on the size of the picture, as values of the graph.

use amplio_graph::ops::{Binary, BinaryFn, Dim, Reshape, ShiftMask, Unary};
use amplio_graph::{Op, Shape, Tensor};

use super::reshape::{Column, column, fixed};
use super::{Item, Net};
use crate::formats::onnx::numbers::{Array, Kind};
use crate::formats::onnx::probes::{Each, PROBES};
use crate::{Error, Result};

/// The most elements of one probe of a rule's constants.
const MOST_CASES: usize = 1 << 16;

/// How far two numbers may be apart that count as the same, relative to the larger one; computed in `f64` of numbers that
/// may be `f32`.
const SAME: f64 = 1e-6;

impl Net {
    /// The value that these numbers are: a picture's coordinates, a mask of shifted windows, or a size.
    pub(super) fn varying(&mut self, arrays: &Each<Array>) -> Result<Item> {
        let dims: Each<Vec<usize>> = std::array::from_fn(|probe| arrays[probe].dims.clone());
        let rank = dims[0].len();
        if dims.iter().all(|d| d.len() == rank) {
            if let Some(plane) = Planes::of(arrays, &dims) {
                return self.planes(&plane, &dims);
            }
            if let Some(mask) = self.mask(arrays, &dims)? {
                return Ok(mask);
            }
            if let Some(number) = self.number(arrays, rank)? {
                return Ok(number);
            }
        }
        Err(Error::unsupported(format!(
            "numbers that depend on the size of the picture in a way that is neither a coordinate, a size nor a mask \
             (of the shape {:?}, for example)",
            dims[0]
        )))
    }

    fn planes(&mut self, planes: &Planes, dims: &Each<Vec<usize>>) -> Result<Item> {
        let ones: Each<Vec<usize>> = std::array::from_fn(|probe| {
            (0..dims[probe].len())
                .map(|axis| if planes.axes.contains(&axis) { dims[probe][axis] } else { 1 })
                .collect()
        });
        let ones = self.ones(&ones)?;
        let mut sum = self.apply(Binary { function: BinaryFn::Mul }, &[ones, planes.constants(0)?])?;
        for (number, &axis) in planes.axes.iter().enumerate() {
            let slopes = planes.constants(number + 1)?;
            if self.tensor(&slopes).is_some_and(|slopes| slopes.data().iter().all(|slope| *slope == 0.0)) {
                continue;
            }
            let ramp = self.ramp(&column(dims, axis), axis, dims[0].len())?;
            let term = self.apply(Binary { function: BinaryFn::Mul }, &[ramp, slopes])?;
            sum = self.apply(Binary { function: BinaryFn::Add }, &[sum, term])?;
        }
        Ok(sum)
    }

    /// Swin's mask of shifted windows: an array of the windows, of each pair of their tokens, and else only of ones.
    fn mask(&mut self, arrays: &Each<Array>, dims: &Each<Vec<usize>>) -> Result<Option<Item>> {
        let large: Vec<usize> =
            (0..dims[0].len()).filter(|&axis| column(dims, axis) != [1; PROBES]).collect();
        let [windows, from, to] = large[..] else { return Ok(None) };
        let (Some(tokens), Some(other)) = (fixed(&column(dims, from)), fixed(&column(dims, to))) else {
            return Ok(None);
        };
        let side = tokens.isqrt();
        if tokens != other || side * side != tokens {
            return Ok(None);
        }
        let count = column(dims, windows);
        let Some(picture) = self.picture_of(&count, side) else { return Ok(None) };
        let sizes = self.shapes(picture).clone();
        for shift in (1..side).flat_map(|v| (0..side).map(move |h| [v, h])).filter(|[v, h]| v == h) {
            let mask = Op::from(ShiftMask { window: [side; 2], shift });
            if (0..PROBES).all(|probe| is_mask(&mask, &sizes[probe], &arrays[probe])) {
                let mask = self.apply(mask, &[picture.into()])?;
                let dims = (0..dims[0].len()).map(|axis| match axis {
                    _ if axis == windows => Dim::Keep(0),
                    _ if axis == from || axis == to => Dim::Fixed(tokens),
                    _ => Dim::Fixed(1),
                });
                let dims = dims.collect();
                return self.apply(Reshape { dims }, &[mask]).map(Some);
            }
        }
        Ok(None)
    }

    /// A picture that has so many windows of `side` by `side` pixels.
    fn picture_of(&self, windows: &Column, side: usize) -> Option<amplio_graph::Value> {
        let fits = |shape: &Shape, count: usize| {
            shape.rank() == 4
                && shape[2].is_multiple_of(side)
                && shape[3].is_multiple_of(side)
                && shape[2] / side * (shape[3] / side) == count
        };
        let all = |shapes: &Each<Shape>| (0..PROBES).all(|probe| fits(&shapes[probe], windows[probe]));
        self.values.iter().zip(&self.shapes).find_map(|(value, shapes)| all(shapes).then_some(*value))
    }

    /// A few numbers, each of which is a multiple of a size or of its reciprocal.
    fn number(&mut self, arrays: &Each<Array>, rank: usize) -> Result<Option<Item>> {
        let [value] = arrays[0].data[..] else { return Ok(None) };
        let values: Each<f64> =
            std::array::from_fn(|probe| arrays[probe].data.first().copied().unwrap_or(value));
        let columns: Vec<Column> = (0..self.shapes.len())
            .flat_map(|index| (0..self.shapes[index][0].rank()).map(move |axis| (index, axis)))
            .map(|(index, axis)| std::array::from_fn(|probe| self.shapes[index][probe][axis]))
            .collect();
        let constant =
            |f: &dyn Fn(usize) -> f64| (0..PROBES).all(|probe| close(f(probe), f(0))).then(|| f(0));
        for size in columns.iter().filter(|size| fixed(size).is_none()) {
            let direct = constant(&|probe| values[probe] / size[probe] as f64);
            let inverse = constant(&|probe| values[probe] * size[probe] as f64);
            let (factor, inverted) = match (direct, inverse) {
                (Some(factor), _) => (factor, false),
                (_, Some(factor)) => (factor, true),
                _ => continue,
            };
            let mut number = self.size(size, rank)?;
            if inverted {
                number = self.apply(Unary::Reciprocal, &[number])?;
            }
            let factor = Tensor::scalar(factor as f32).into();
            return self.apply(Binary { function: BinaryFn::Mul }, &[number, factor]).map(Some);
        }
        Ok(None)
    }
}

/// Numbers that are a constant plus a constant times the place, along each axis whose size varies.
struct Planes {
    axes: Vec<usize>,
    /// The value at the origin, then the slope along each axis, over the axes whose size is fixed.
    parts: Vec<Array>,
}

impl Planes {
    fn of(arrays: &Each<Array>, dims: &Each<Vec<usize>>) -> Option<Self> {
        let rank = dims[0].len();
        let axes: Vec<usize> = (0..rank).filter(|&axis| fixed(&column(dims, axis)).is_none()).collect();
        let cases: Vec<usize> =
            (0..rank).map(|axis| if axes.contains(&axis) { 1 } else { dims[0][axis] }).collect();
        let small = cases.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).is_some_and(|n| n <= MOST_CASES);
        if axes.is_empty() || !small || dims.iter().flatten().any(|&size| size == 0) {
            return None;
        }
        let part = |axis: Option<usize>| {
            Array::from_fn(Kind::Float, &cases, |at| {
                let origin = arrays[0].at_broadcast(at);
                let Some(axis) = axis else { return Ok(origin) };
                let mut next = at.to_vec();
                next[axis] = 1;
                Ok(arrays[0].at_broadcast(&next) - origin)
            })
        };
        if axes.iter().any(|&axis| dims[0][axis] < 2) {
            return None;
        }
        let parts = std::iter::once(None).chain(axes.iter().copied().map(Some)).map(part);
        let planes = Self { parts: parts.collect::<Result<_>>().ok()?, axes };
        arrays.iter().all(|array| planes.explain(array)).then_some(planes)
    }

    fn explain(&self, array: &Array) -> bool {
        let explained = Array::from_fn(array.kind, &array.dims, |at| {
            let case: Vec<usize> =
                (0..at.len()).map(|axis| if self.axes.contains(&axis) { 0 } else { at[axis] }).collect();
            let slopes = self.axes.iter().zip(&self.parts[1..]);
            let sum: f64 = slopes.map(|(&axis, slope)| slope.at_broadcast(&case) * at[axis] as f64).sum();
            Ok(self.parts[0].at_broadcast(&case) + sum)
        });
        explained.is_ok_and(|explained| explained.data.iter().zip(&array.data).all(|(a, b)| close(*a, *b)))
    }

    fn constants(&self, part: usize) -> Result<Item> {
        super::tensor_of(&self.parts[part]).map(Item::from)
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME * a.abs().max(b.abs())
}

fn is_mask(mask: &Op, picture: &Shape, array: &Array) -> bool {
    let picture = Tensor::zeros(Shape::image(1, 1, picture[2], picture[3]));
    mask.reference(&[&picture]).is_ok_and(|mask| {
        mask.data().len() == array.data.len()
            && mask.data().iter().zip(&array.data).all(|(a, b)| f64::from(*a) == *b)
    })
}
