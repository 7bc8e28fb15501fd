use super::Operator;
use crate::Error;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, MOST_ELEMENTS};

/// Numbers from one to below another.
pub(super) const RANGE: Operator = Operator::computed("Range", |call| {
    let [start, limit, step] = [call.input(0)?, call.input(1)?, call.input(2)?].map(Array::scalar);
    let (start, limit, step) = (start?, limit?, step?);
    let count = ((limit - start) / step).ceil().max(0.0);
    if !count.is_finite() {
        return Err(malformed(format!("numbers from {start} to {limit} in steps of {step}")));
    }
    if count > MOST_ELEMENTS as f64 {
        return Err(Error::limit(format!("{count} numbers in a row"), MOST_ELEMENTS));
    }
    let data: Vec<f64> = (0..count as usize).map(|i| start + i as f64 * step).collect();
    Ok(vec![Array { kind: call.input(0)?.kind, dims: vec![data.len()], data }])
});
