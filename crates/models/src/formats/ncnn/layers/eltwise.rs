use amplio_graph::ops::{Binary, BinaryFn};
use amplio_graph::{Tensor, Value};

use super::{LayerKind, Task};
use crate::formats::ncnn::malformed;
use crate::{Error, Result};

/// The product, the sum (perhaps of multiples) or the largest of values.
pub(super) const ELTWISE: LayerKind = LayerKind { name: "Eltwise", index: 10, lower };

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let function = match task.layer.int(0, 0)? {
        0 => BinaryFn::Mul,
        1 => BinaryFn::Add,
        2 => BinaryFn::Max,
        other => return Err(Error::unsupported(format!("function {other} of several values"))),
    };
    let factors = task.layer.floats(1)?;
    if function == BinaryFn::Add && !factors.is_empty() && factors.len() != task.inputs.len() {
        return Err(malformed(format!("{} factors for {} values", factors.len(), task.inputs.len())));
    }
    let mut result = None;
    for (index, input) in task.inputs.iter().enumerate() {
        let factor = if function == BinaryFn::Add { factors.get(index).copied().unwrap_or(1.0) } else { 1.0 };
        let term = if factor == 1.0 { *input } else { multiple(task, *input, factor)? };
        result = Some(match result {
            None => term,
            Some(before) => task.net.apply(Binary { function }, &[before, term])?,
        });
    }
    Ok(vec![result.ok_or_else(|| malformed("reads nothing"))?])
}

fn multiple(task: &mut Task<'_, '_>, x: Value, factor: f32) -> Result<Value> {
    let factor = task.net.constant(Tensor::scalar(factor));
    task.net.apply(Binary { function: BinaryFn::Mul }, &[x, factor])
}
