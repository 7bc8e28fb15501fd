//! Functions of two elements or more; shapes broadcast.

use amplio_graph::Tensor;
use amplio_graph::ops::{Binary, BinaryFn, Unary};

use super::DataInputs::All;
use super::{Call, Item, Operator, Task};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, Kind, broadcast};

pub(super) const ADD: Operator = Operator::new("Add", |task| all(task, BinaryFn::Add))
    .or_computed(|call| reduced(call, |_, a, b| a + b), All);
pub(super) const DIV: Operator =
    Operator::new("Div", |task| all(task, BinaryFn::Div)).or_computed(|call| reduced(call, quotient), All);
pub(super) const MAX: Operator = Operator::new("Max", |task| all(task, BinaryFn::Max))
    .or_computed(|call| reduced(call, |_, a, b| a.max(b)), All);
pub(super) const MEAN: Operator = Operator::new("Mean", |task| {
    let sum = all(task, BinaryFn::Add)?;
    let count = Item::from(Tensor::scalar(task.inputs.len() as f32));
    let [sum] = &sum[..] else { return Ok(sum) };
    Ok(vec![task.apply(Binary { function: BinaryFn::Div }, &[sum.clone(), count])?])
});
pub(super) const MIN: Operator = Operator::new("Min", |task| all(task, BinaryFn::Min))
    .or_computed(|call| reduced(call, |_, a, b| a.min(b)), All);
pub(super) const MOD: Operator = Operator::computed("Mod", |call| {
    let like_c = call.node.int("fmod", 0)? != 0;
    // The result has the sign of the divisor, or as in C that of the dividend.
    reduced(call, |_, a, b| if like_c { a % b } else { a - (a / b).floor() * b })
});
pub(super) const MUL: Operator = Operator::new("Mul", |task| all(task, BinaryFn::Mul))
    .or_computed(|call| reduced(call, |_, a, b| a * b), All);
pub(super) const POW: Operator =
    Operator::new("Pow", power).or_computed(|call| reduced(call, |_, a, b| a.powf(b)), All);
pub(super) const SUB: Operator = Operator::new("Sub", |task| all(task, BinaryFn::Sub))
    .or_computed(|call| reduced(call, |_, a, b| a - b), All);
pub(super) const SUM: Operator = Operator::new("Sum", |task| all(task, BinaryFn::Add))
    .or_computed(|call| reduced(call, |_, a, b| a + b), All);

fn all(task: &mut Task<'_, '_>, function: BinaryFn) -> Result<Vec<Item>> {
    let mut result = task.item(0)?.clone();
    for index in 1..task.inputs.len() {
        let next = task.item(index)?.clone();
        result = task.apply(Binary { function }, &[result, next])?;
    }
    Ok(vec![result])
}

/// Squares and roots are exact and fast as what they are.
fn power(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let base = task.item(0)?.clone();
    let exponent = task.net.tensor(task.item(1)?).filter(|tensor| tensor.data().len() == 1);
    Ok(vec![match exponent.map(|tensor| tensor.data()[0]) {
        Some(2.0) => task.apply(Binary { function: BinaryFn::Mul }, &[base.clone(), base])?,
        Some(0.5) => task.apply(Unary::Sqrt, &[base])?,
        _ => return all(task, BinaryFn::Pow),
    }])
}

/// The quotient; of whole numbers it is rounded towards zero.
fn quotient(kind: Kind, a: f64, b: f64) -> f64 {
    if kind == Kind::Float { a / b } else { (a / b).trunc() }
}

fn reduced(call: &Call<'_>, function: impl Fn(Kind, f64, f64) -> f64) -> Result<Vec<Array>> {
    let mut result = call.input(0)?.clone();
    for index in 1..call.inputs.len() {
        let next = call.input(index)?;
        let kind = if next.kind == Kind::Float { Kind::Float } else { result.kind };
        let dims = broadcast(&result.dims, &next.dims)?;
        result = Array::from_fn(kind, &dims, |at| {
            Ok(kind.stored(function(kind, result.at_broadcast(at), next.at_broadcast(at))))
        })?;
        if kind != Kind::Float && result.data.iter().any(|v| !v.is_finite()) {
            return Err(malformed("a division of whole numbers by zero"));
        }
    }
    Ok(vec![result])
}
