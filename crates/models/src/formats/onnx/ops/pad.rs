use amplio_graph::ops::{Pad, PadMode, Slice, Transpose};

use super::DataInputs::First;
use super::{Call, Item, Operator, Task, axes};
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::Array;
use crate::{Error, Result};

/// A border.
pub(super) const PAD: Operator = Operator::new("Pad", lower).or_computed(fold, First);

/// The most rows or columns of a border.
const WIDEST: u64 = 1 << 20;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let mut x = task.item(0)?.clone();
    let rank = task.net.rank(&x);
    let Some(list) = task.fixed_ints("pads", 1).map_err(|error| error.within("pads"))? else {
        return Err(malformed("no pads"));
    };
    let axes =
        task.fixed_ints("axes", 3)?.map_or_else(|| Ok((0..rank).collect()), |list| axes(&list, rank))?;
    let mode = match task.node.word("mode", "constant")? {
        "constant" => PadMode::Constant(if task.optional(2).is_some() { task.scalar(2)? } else { 0.0 }),
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Replicate,
        "wrap" => PadMode::Wrap,
        other => return Err(malformed(format!("the mode {other:?}"))),
    };
    if list.len() != 2 * axes.len() || list.iter().any(|amount| amount.unsigned_abs() > WIDEST) {
        return Err(malformed(format!("pads of {list:?} for {} axes", axes.len())));
    }
    let mut amounts = vec![[0; 2]; rank];
    for (i, &axis) in axes.iter().enumerate() {
        let ends = [list[i], list[axes.len() + i]];
        // What is negative is cut off.
        if ends.iter().any(|end| *end < 0) {
            let [start, end] = ends.map(|end| end.min(0) as isize);
            let end = if end == 0 { isize::MAX } else { end };
            x = task.apply(Slice { axis, start: -start, end, step: 1 }, &[x])?;
        }
        amounts[axis] = ends.map(|end| end.max(0) as usize);
    }
    let last = rank.saturating_sub(2);
    for axis in (0..last).filter(|axis| amounts[*axis] != [0; 2]) {
        x = along(task, x, axis, mode, amounts[axis])?;
    }
    match amounts[last..] {
        [[0, 0], [0, 0]] if !matches!(x, Item::Value(_)) => Ok(vec![x]),
        // Also one of no rows and columns: it may be there for pictures of sizes that are not traced.
        [[top, bottom], [left, right]] => {
            Ok(vec![task.apply(Pad { mode, amounts: [top, left, bottom, right] }, &[x])?])
        }
        _ => Err(Error::unsupported("a border of values without rows and columns")),
    }
}

/// A border along an axis that is neither rows nor columns: it changes places with the columns for as long.
fn along(
    task: &mut Task<'_, '_>,
    x: Item,
    axis: usize,
    mode: PadMode,
    [before, after]: [usize; 2],
) -> Result<Item> {
    let rank = task.net.rank(&x);
    let mut axes: Vec<usize> = (0..rank).collect();
    axes.swap(axis, rank - 1);
    let x = task.apply(Transpose { axes: axes.clone() }, &[x])?;
    let x = task.apply(Pad { mode, amounts: [0, before, 0, after] }, &[x])?;
    task.apply(Transpose { axes }, &[x])
}

/// Numbers of sizes get a border of a constant only.
fn fold(call: &Call<'_>) -> Result<Vec<Array>> {
    let x = call.input(0)?;
    let list = call.ints("pads", 1)?.unwrap_or_default();
    let rank = x.dims.len();
    if call.node.word("mode", "constant")? != "constant" || call.optional(3).is_some() {
        return Err(Error::unsupported("this border of sizes"));
    }
    if list.len() != 2 * rank || list.iter().any(|amount| amount.unsigned_abs() > WIDEST) {
        return Err(malformed(format!("pads of {list:?} for {rank} axes")));
    }
    let value = call.optional(2).map_or(Ok(0.0), Array::scalar)?;
    let size = |axis: usize| usize::try_from(x.dims[axis] as i64 + list[axis] + list[rank + axis]);
    let dims: Option<Vec<usize>> = (0..rank).map(|axis| size(axis).ok()).collect();
    let dims = dims.ok_or_else(|| malformed("a border that leaves nothing"))?;
    let one = |at: &[usize]| {
        let own =
            |axis: usize| usize::try_from(at[axis] as i64 - list[axis]).ok().filter(|i| *i < x.dims[axis]);
        let own: Option<Vec<usize>> = (0..rank).map(own).collect();
        Ok(own.map_or(value, |own| x.at_broadcast(&own)))
    };
    Ok(vec![Array::from_fn(x.kind, &dims, one)?])
}
