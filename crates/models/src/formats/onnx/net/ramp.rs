//! Values that are made of a size alone: as many ones as a picture has rows, or the numbers of its rows.

use amplio_graph::ops::{
    Binary, BinaryFn, Coordinates, Dim, Filter, Reduce, ReduceKind, Reshape, Resize, Slice, Target, Unary,
};
use amplio_graph::{Op, Shape, Tensor, Value};

use super::reshape::{Column, fixed};
use super::{Item, Net};
use crate::formats::onnx::probes::Each;
use crate::{Error, Result};

impl Net {
    /// Ones of these dimensions.
    pub(in crate::formats::onnx) fn ones(&mut self, dims: &Each<Vec<usize>>) -> Result<Item> {
        let rank = dims[0].len();
        let column = |axis| super::reshape::column(dims, axis);
        let known: Vec<usize> = (0..rank).map(|axis| fixed(&column(axis)).unwrap_or(1)).collect();
        let known = Shape::new(known);
        self.afford(known.elements() as u64)?;
        let mut all = Item::from(Tensor::zeros(known).map(|_| 1.0));
        for axis in (0..rank).filter(|axis| fixed(&column(*axis)).is_none()) {
            let ones = self.along(&column(axis), false)?;
            let ones = self.on_axis(ones, axis, rank)?;
            all = self.apply(Binary { function: BinaryFn::Mul }, &[all, ones])?;
        }
        Ok(all)
    }

    /// 0, 1, 2, … along an axis of a value of this rank, whose other axes have size 1.
    pub(super) fn ramp(&mut self, size: &Column, axis: usize, rank: usize) -> Result<Item> {
        let ramp = self.along(size, true)?;
        self.on_axis(ramp, axis, rank)
    }

    /// `[1, 1, size, 1]` ones, or the numbers from 0 to below `size`.
    fn along(&mut self, size: &Column, ramp: bool) -> Result<Value> {
        let template = self.rows(size)?;
        let spread = |net: &mut Self, ends: Vec<f32>, filter, coordinates| {
            let ends = Tensor::new(Shape::new([1, 1, ends.len(), 1]), ends)?;
            let resize = Resize { filter, target: Target::LikeSecond, coordinates, antialias: false };
            net.apply(resize, &[ends.into(), template.into()])
        };
        let ones = spread(self, vec![1.0], Filter::Nearest, Coordinates::Asymmetric)?;
        if !ramp {
            return self.value(&ones);
        }
        // From 0 to 1 over the whole axis, times the last number; rounded, for the division was.
        let ramp = spread(self, vec![0.0, 1.0], Filter::Bilinear, Coordinates::AlignCorners)?;
        let count = self.apply(Reduce { kind: ReduceKind::Sum, axes: vec![2], keep: true }, &[ones])?;
        let arithmetic = |net: &mut Self, function, a: Item, b: Item| net.apply(Binary { function }, &[a, b]);
        let last = arithmetic(self, BinaryFn::Sub, count, Tensor::scalar(1.0).into())?;
        let ramp = arithmetic(self, BinaryFn::Mul, ramp, last)?;
        let ramp = arithmetic(self, BinaryFn::Add, ramp, Tensor::scalar(0.5).into())?;
        let ramp = self.apply(Unary::Floor, &[ramp])?;
        self.value(&ramp)
    }

    /// The size itself, as a value of one element and of this rank.
    pub(super) fn size(&mut self, size: &Column, rank: usize) -> Result<Item> {
        let ones = self.along(size, false)?;
        let count =
            self.apply(Reduce { kind: ReduceKind::Sum, axes: vec![2], keep: true }, &[ones.into()])?;
        let dims = std::array::from_fn(|_| vec![1; rank]);
        self.reshape(&count, &dims)
    }

    /// A picture `[1, 1, size, 1]`, of which only the size counts.
    fn rows(&mut self, size: &Column) -> Result<Value> {
        let Some((value, axis)) = self.with_axis(size) else {
            let [first, second, ..] = size;
            return Err(Error::unsupported(format!(
                "{first} or {second} numbers, as many as no value has rows or columns"
            )));
        };
        // Only pixels of one channel, and of one row or column, need to be moved.
        let mut value = Item::Value(value);
        for other in (0..self.rank(&value)).filter(|other| *other != axis) {
            value = self.apply(Slice { axis: other, start: 0, end: 1, step: 1 }, &[value])?;
        }
        let dims = vec![Dim::Fixed(1), Dim::Fixed(1), Dim::Keep(axis), Dim::Fixed(1)];
        let value = self.value(&value)?;
        self.apply_values(Op::from(Reshape { dims }), &[value])
    }

    /// The elements of `[1, 1, size, 1]` along an axis of a value of this rank.
    fn on_axis(&mut self, x: Value, axis: usize, rank: usize) -> Result<Item> {
        let dims = (0..rank).map(|other| if other == axis { Dim::Keep(2) } else { Dim::Fixed(1) }).collect();
        self.apply_values(Op::from(Reshape { dims }), &[x]).map(Item::Value)
    }
}
