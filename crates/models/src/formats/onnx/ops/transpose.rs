use amplio_graph::ops::Transpose;

use super::DataInputs::First;
use super::{Operator, axes};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::Array;
use crate::formats::onnx::proto::NodeProto;

/// The axes in another order.
pub(super) const TRANSPOSE: Operator = Operator::new("Transpose", |task| {
    let x = task.item(0)?.clone();
    let axes = order(task.node, task.net.rank(&x))?;
    if axes.iter().copied().eq(0..axes.len()) {
        return Ok(vec![x]);
    }
    Ok(vec![task.apply(Transpose { axes }, &[x])?])
})
.or_computed(
    |call| {
        let x = call.input(0)?;
        let axes = order(call.node, x.dims.len())?;
        let dims: Vec<usize> = axes.iter().map(|&axis| x.dims[axis]).collect();
        let mut own = vec![0; dims.len()];
        let made = Array::from_fn(x.kind, &dims, |at| {
            axes.iter().zip(at).for_each(|(&axis, &i)| own[axis] = i);
            Ok(x.at_broadcast(&own))
        });
        Ok(vec![made?])
    },
    First,
);

fn order(node: &NodeProto<'_>, rank: usize) -> Result<Vec<usize>> {
    let Some(list) = node.ints("perm")? else { return Ok((0..rank).rev().collect()) };
    let axes = axes(list, rank)?;
    if axes.len() == rank { Ok(axes) } else { Err(malformed(format!("{list:?} is no order of {rank} axes"))) }
}
