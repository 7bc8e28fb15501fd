use amplio_graph::ops::{Binary, BinaryFn, Concat, Reduce, ReduceKind, Slice};

use super::{Item, Operator, Task, axis};
use crate::formats::onnx::malformed;
use crate::{Error, Result};

/// The largest numbers along an axis, the largest first. Where they were is not told: what a network looks up there would
/// depend on pixels.
pub(super) const TOP_K: Operator = Operator::new("TopK", lower);

/// The most numbers of which some are chosen.
const MOST: usize = 64;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let dims = task.net.dims(&x);
    let axis = axis(task.node.int("axis", -1)?, dims[0].len())?;
    let size = dims[0][axis];
    if dims.iter().any(|d| d[axis] != size) || size > MOST {
        return Err(Error::unsupported(format!(
            "a choice of more than {MOST} numbers, or of all pixels of a side"
        )));
    }
    let wanted = task.numbers(1)?.fixed()?.scalar()? as usize;
    if !(1..=size).contains(&wanted) {
        return Err(malformed(format!("{wanted} of {size} numbers")));
    }
    let mut order = [(ReduceKind::Max, BinaryFn::Max), (ReduceKind::Min, BinaryFn::Min)];
    if task.node.int("largest", 1)? == 0 {
        order.reverse();
    }
    let [(kind, first), (_, second)] = order;
    if wanted == 1 {
        return Ok(vec![task.apply(Reduce { kind, axes: vec![axis], keep: true }, &[x])?]);
    }
    let one = |i: usize| Slice { axis, start: i as isize, end: i as isize + 1, step: 1 };
    let mut sorted =
        (0..size).map(|i| task.apply(one(i), std::slice::from_ref(&x))).collect::<Result<Vec<_>>>()?;
    // Neighbours change places from the end to the front, as often as numbers are wanted.
    for place in 0..wanted {
        for i in (place + 1..size).rev() {
            let pair = [sorted[i - 1].clone(), sorted[i].clone()];
            sorted[i - 1] = task.apply(Binary { function: first }, &pair)?;
            sorted[i] = task.apply(Binary { function: second }, &pair)?;
        }
    }
    sorted.truncate(wanted);
    Ok(vec![task.apply(Concat { axis }, &sorted)?])
}
