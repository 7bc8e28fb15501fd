//! Truths about sizes, and what follows of them.

use super::{Call, Operator};
use crate::Result;
use crate::formats::onnx::numbers::{Array, Kind, broadcast};

pub(super) const AND: Operator = Operator::computed("And", |call| both(call, |a, b| a != 0.0 && b != 0.0));
pub(super) const EQUAL: Operator = Operator::computed("Equal", |call| both(call, |a, b| a == b));
pub(super) const GREATER: Operator = Operator::computed("Greater", |call| both(call, |a, b| a > b));
pub(super) const GREATER_OR_EQUAL: Operator =
    Operator::computed("GreaterOrEqual", |call| both(call, |a, b| a >= b));
pub(super) const LESS: Operator = Operator::computed("Less", |call| both(call, |a, b| a < b));
pub(super) const LESS_OR_EQUAL: Operator =
    Operator::computed("LessOrEqual", |call| both(call, |a, b| a <= b));
pub(super) const NOT: Operator = Operator::computed("Not", |call| {
    let x = call.input(0)?;
    let data = x.data.iter().map(|&v| f64::from(v == 0.0)).collect();
    Ok(vec![Array { kind: Kind::Bool, data, ..x.clone() }])
});
pub(super) const OR: Operator = Operator::computed("Or", |call| both(call, |a, b| a != 0.0 || b != 0.0));

fn both(call: &Call<'_>, truth: impl Fn(f64, f64) -> bool) -> Result<Vec<Array>> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let dims = broadcast(&a.dims, &b.dims)?;
    let one = |at: &[usize]| Ok(f64::from(truth(a.at_broadcast(at), b.at_broadcast(at))));
    Ok(vec![Array::from_fn(Kind::Bool, &dims, one)?])
}
