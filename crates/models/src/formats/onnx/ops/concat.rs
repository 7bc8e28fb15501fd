use amplio_graph::ops::Concat;

use super::DataInputs::All;
use super::{Call, Item, Operator, Task, axis};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::Array;

/// Values one after the other.
pub(super) const CONCAT: Operator = Operator::new("Concat", lower).or_computed(fold, All);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let axis = axis(task.node.int("axis", 0)?, task.net.rank(task.item(0)?))?;
    let items = (0..task.inputs.len()).map(|i| task.item(i).cloned()).collect::<Result<Vec<_>>>()?;
    match &items[..] {
        [one] => Ok(vec![one.clone()]),
        _ => Ok(vec![task.apply(Concat { axis }, &items)?]),
    }
}

fn fold(call: &Call<'_>) -> Result<Vec<Array>> {
    let first = call.input(0)?;
    let axis = axis(call.node.int("axis", 0)?, first.dims.len())?;
    let arrays = (0..call.inputs.len()).map(|i| call.input(i)).collect::<Result<Vec<_>>>()?;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    for array in &arrays {
        let others = |a: &Array| {
            a.dims.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, d)| *d).collect::<Vec<_>>()
        };
        if array.dims.len() != dims.len() || others(array) != others(first) {
            return Err(malformed(format!(
                "{:?} and {:?} do not meet along axis {axis}",
                first.dims, array.dims
            )));
        }
        dims[axis] += array.dims[axis];
    }
    let made = Array::from_fn(first.kind, &dims, |at| {
        let mut own = at.to_vec();
        for array in &arrays {
            if own[axis] < array.dims[axis] {
                return Ok(array.at_broadcast(&own));
            }
            own[axis] -= array.dims[axis];
        }
        Err(malformed("a place beyond all inputs"))
    })?;
    Ok(vec![made])
}
