use amplio_graph::ops::Unary;

use super::DataInputs::First;
use super::{Item, Operator, Task};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::Array;

/// Values held between two numbers.
pub(super) const CLIP: Operator = Operator::new("Clip", lower).or_computed(
    |call| {
        let bound = |index: usize, default: f64| call.optional(index).map_or(Ok(default), Array::scalar);
        let (low, high) = (bound(1, f64::NEG_INFINITY)?, bound(2, f64::INFINITY)?);
        let x = call.input(0)?;
        Ok(vec![Array { data: x.data.iter().map(|v| v.max(low).min(high)).collect(), ..x.clone() }])
    },
    First,
);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let bound = |index: usize, default: f32| match task.optional(index) {
        Some(_) => task.scalar(index),
        None => Ok(default),
    };
    let (low, high) = (bound(1, f32::MIN)?, bound(2, f32::MAX)?);
    if low > high || low.is_nan() || high.is_nan() {
        return Err(malformed(format!("nothing lies from {low} to {high}")));
    }
    let function = if low == 0.0 && high >= f32::MAX { Unary::Relu } else { Unary::Clamp(low, high) };
    Ok(vec![task.apply(function, &[x])?])
}
