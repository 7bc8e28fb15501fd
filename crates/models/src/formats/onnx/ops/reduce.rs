//! One number for all elements along some axes.

use amplio_graph::ops::{Binary, BinaryFn, Reduce, ReduceKind, Unary};

use super::DataInputs::First;
use super::{Call, Item, Operator, Task, axes};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, count};

pub(super) const REDUCE_L2: Operator = Operator::new("ReduceL2", |task| {
    let squares = squares(task)?;
    let sum = reduced(task, ReduceKind::Sum, squares)?;
    Ok(vec![task.apply(Unary::Sqrt, &[sum])?])
});
pub(super) const REDUCE_MAX: Operator = Operator::new("ReduceMax", |task| simple(task, ReduceKind::Max))
    .or_computed(|call| fold(call, |all| all.iter().copied().fold(f64::NEG_INFINITY, f64::max)), First);
pub(super) const REDUCE_MEAN: Operator = Operator::new("ReduceMean", |task| simple(task, ReduceKind::Mean))
    .or_computed(|call| fold(call, |all| all.iter().sum::<f64>() / all.len() as f64), First);
pub(super) const REDUCE_MIN: Operator = Operator::new("ReduceMin", |task| simple(task, ReduceKind::Min))
    .or_computed(|call| fold(call, |all| all.iter().copied().fold(f64::INFINITY, f64::min)), First);
pub(super) const REDUCE_PROD: Operator =
    Operator::computed("ReduceProd", |call| fold(call, |all| all.iter().product()));
pub(super) const REDUCE_SUM: Operator = Operator::new("ReduceSum", |task| simple(task, ReduceKind::Sum))
    .or_computed(|call| fold(call, |all| all.iter().sum()), First);
pub(super) const REDUCE_SUM_SQUARE: Operator = Operator::new("ReduceSumSquare", |task| {
    let squares = squares(task)?;
    Ok(vec![reduced(task, ReduceKind::Sum, squares)?])
});

fn simple(task: &mut Task<'_, '_>, kind: ReduceKind) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    Ok(vec![reduced(task, kind, x)?])
}

fn squares(task: &mut Task<'_, '_>) -> Result<Item> {
    let x = task.item(0)?.clone();
    task.apply(Binary { function: BinaryFn::Mul }, &[x.clone(), x])
}

fn reduced(task: &mut Task<'_, '_>, kind: ReduceKind, x: Item) -> Result<Item> {
    let rank = task.net.rank(&x);
    let list = task.fixed_ints("axes", 1)?.unwrap_or_default();
    if list.is_empty() && task.node.int("noop_with_empty_axes", 0)? != 0 {
        return Ok(x);
    }
    let axes = if list.is_empty() { (0..rank).collect() } else { axes(&list, rank)? };
    let keep = task.node.int("keepdims", 1)? != 0;
    if axes.is_empty() {
        return Ok(x);
    }
    task.apply(Reduce { kind, axes, keep }, &[x])
}

fn fold(call: &Call<'_>, function: impl Fn(&[f64]) -> f64) -> Result<Vec<Array>> {
    let x = call.input(0)?;
    let rank = x.dims.len();
    let list = call.ints("axes", 1)?.unwrap_or_default();
    let axes = if list.is_empty() { (0..rank).collect() } else { axes(&list, rank)? };
    let inner: Vec<usize> = axes.iter().map(|&axis| x.dims[axis]).collect();
    let length = count(&inner)?;
    if length == 0 {
        return Err(malformed(format!("nothing along {axes:?} of {:?}", x.dims)));
    }
    let kept: Vec<usize> =
        (0..rank).map(|axis| if axes.contains(&axis) { 1 } else { x.dims[axis] }).collect();
    let made = Array::from_fn(x.kind, &kept, |at| {
        let mut own = at.to_vec();
        let line: Vec<f64> = (0..length)
            .map(|mut rest| {
                for (&axis, &size) in axes.iter().zip(&inner) {
                    own[axis] = rest % size;
                    rest /= size;
                }
                x.at_broadcast(&own)
            })
            .collect();
        Ok(function(&line))
    })?;
    if call.node.int("keepdims", 1)? != 0 {
        return Ok(vec![made]);
    }
    let dims = (0..rank).filter(|axis| !axes.contains(axis)).map(|axis| x.dims[axis]).collect();
    Ok(vec![made.reshaped(dims)?])
}
