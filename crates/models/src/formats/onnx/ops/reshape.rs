//! The same elements under other dimensions.

use super::DataInputs::First;
use super::{Call, Item, Operator, Task, axes, axis};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::net::asked;
use crate::formats::onnx::numbers::Array;
use crate::formats::onnx::probes::Each;
use crate::formats::onnx::proto::NodeProto;

pub(super) const FLATTEN: Operator =
    Operator::new("Flatten", |task| lower(task, flattened)).or_computed(|call| fold(call, flattened), First);
pub(super) const RESHAPE: Operator =
    Operator::new("Reshape", |task| lower(task, reshaped)).or_computed(|call| fold(call, reshaped), First);
pub(super) const SQUEEZE: Operator =
    Operator::new("Squeeze", |task| lower(task, squeezed)).or_computed(|call| fold(call, squeezed), First);
pub(super) const UNSQUEEZE: Operator = Operator::new("Unsqueeze", |task| lower(task, unsqueezed))
    .or_computed(|call| fold(call, unsqueezed), First);

/// From the dimensions of the input, and sizes or axes that are given, to the dimensions of the result.
type Rule = fn(&NodeProto<'_>, &[usize], Option<&[i64]>) -> Result<Vec<usize>>;

fn lower(task: &mut Task<'_, '_>, rule: Rule) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let from = task.net.dims(&x);
    let list = task.ints("axes", 1)?;
    let mut dims: Each<Vec<usize>> = Default::default();
    for (probe, dims) in dims.iter_mut().enumerate() {
        *dims = rule(task.node, &from[probe], list.as_ref().map(|list| &list[probe][..]))?;
    }
    Ok(vec![task.net.reshape(&x, &dims)?])
}

fn fold(call: &Call<'_>, rule: Rule) -> Result<Vec<Array>> {
    let x = call.input(0)?;
    let list = call.ints("axes", 1)?;
    Ok(vec![x.reshaped(rule(call.node, &x.dims, list.as_deref())?)?])
}

fn flattened(node: &NodeProto<'_>, from: &[usize], _: Option<&[i64]>) -> Result<Vec<usize>> {
    let at = match node.int("axis", 1)? {
        end if end == from.len() as i64 => from.len(),
        other => axis(other, from.len())?,
    };
    let product = |dims: &[usize]| dims.iter().fold(1, |n: usize, d| n.saturating_mul(*d));
    Ok(vec![product(&from[..at]), product(&from[at..])])
}

fn reshaped(node: &NodeProto<'_>, from: &[usize], list: Option<&[i64]>) -> Result<Vec<usize>> {
    let list = list.ok_or_else(|| malformed("no sizes"))?;
    asked(from, list, node.int("allowzero", 0)? == 0)
}

fn squeezed(_: &NodeProto<'_>, from: &[usize], list: Option<&[i64]>) -> Result<Vec<usize>> {
    let gone = match list {
        Some(list) => axes(list, from.len())?,
        None => (0..from.len()).filter(|&axis| from[axis] == 1).collect(),
    };
    if let Some(axis) = gone.iter().find(|axis| from[**axis] != 1) {
        return Err(malformed(format!("axis {axis} of {from:?} cannot be left out")));
    }
    Ok((0..from.len()).filter(|axis| !gone.contains(axis)).map(|axis| from[axis]).collect())
}

fn unsqueezed(_: &NodeProto<'_>, from: &[usize], list: Option<&[i64]>) -> Result<Vec<usize>> {
    let list = list.ok_or_else(|| malformed("no axes"))?;
    let rank = from.len() + list.len();
    let new = axes(list, rank)?;
    let mut old = from.iter();
    Ok((0..rank).map(|axis| if new.contains(&axis) { 1 } else { old.next().copied().unwrap_or(1) }).collect())
}
