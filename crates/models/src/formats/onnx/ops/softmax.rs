use amplio_graph::ops::Softmax;

use super::{Item, Operator, Task, axis};
use crate::Result;

/// Exponentials, divided by their sum.
pub(super) const SOFTMAX: Operator = Operator::new("Softmax", lower);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let rank = task.net.rank(&x);
    let newer = task.opset >= 13;
    let axis = axis(task.node.int("axis", if newer { -1 } else { 1 })?, rank)?;
    if newer || axis + 1 == rank {
        return Ok(vec![task.apply(Softmax { axis }, &[x])?]);
    }
    // Before version 13, over all axes from this one on together.
    let dims = task.net.dims(&x);
    let flat = dims.clone().map(|d| [&d[..axis], &[d[axis..].iter().product()]].concat());
    let x = task.net.reshape(&x, &flat)?;
    let x = task.apply(Softmax { axis }, &[x])?;
    Ok(vec![task.net.reshape(&x, &dims)?])
}
