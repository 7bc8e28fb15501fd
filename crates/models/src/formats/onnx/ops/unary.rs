//! Functions of each element.

use amplio_graph::Tensor;
use amplio_graph::ops::{Binary, BinaryFn, Unary};

use super::DataInputs::First;
use super::{Call, Item, Operator, Task};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::Array;

pub(super) const ABS: Operator =
    Operator::new("Abs", |task| one(task, Unary::Abs)).or_computed(|call| each(call, f64::abs), First);
pub(super) const CEIL: Operator =
    Operator::new("Ceil", negated_floor).or_computed(|call| each(call, f64::ceil), First);
pub(super) const COS: Operator =
    Operator::new("Cos", |task| one(task, Unary::Cos)).or_computed(|call| each(call, f64::cos), First);
pub(super) const ELU: Operator = Operator::new("Elu", |task| {
    let alpha = task.node.float("alpha", 1.0)?;
    one(task, Unary::Elu(alpha))
});
pub(super) const ERF: Operator = Operator::new("Erf", |task| one(task, Unary::Erf));
pub(super) const EXP: Operator =
    Operator::new("Exp", |task| one(task, Unary::Exp)).or_computed(|call| each(call, f64::exp), First);
pub(super) const FLOOR: Operator =
    Operator::new("Floor", |task| one(task, Unary::Floor)).or_computed(|call| each(call, f64::floor), First);
pub(super) const GELU: Operator = Operator::new("Gelu", |task| {
    let function = match task.node.word("approximate", "none")? {
        "none" => Unary::Gelu,
        "tanh" => Unary::GeluTanh,
        other => return Err(malformed(format!("the approximation {other:?}"))),
    };
    one(task, function)
});
pub(super) const HARD_SIGMOID: Operator = Operator::new("HardSigmoid", |task| {
    let (slope, offset) = (task.node.float("alpha", 0.2)?, task.node.float("beta", 0.5)?);
    one(task, Unary::HardSigmoid(slope, offset))
});
pub(super) const HARD_SWISH: Operator = Operator::new("HardSwish", |task| one(task, Unary::HardSwish));
pub(super) const LEAKY_RELU: Operator = Operator::new("LeakyRelu", |task| {
    let slope = task.node.float("alpha", 0.01)?;
    one(task, Unary::LeakyRelu(slope))
});
pub(super) const LOG: Operator =
    Operator::new("Log", |task| one(task, Unary::Log)).or_computed(|call| each(call, f64::ln), First);
pub(super) const MISH: Operator = Operator::new("Mish", |task| one(task, Unary::Mish));
pub(super) const NEG: Operator =
    Operator::new("Neg", |task| one(task, Unary::Neg)).or_computed(|call| each(call, |x| -x), First);
pub(super) const RECIPROCAL: Operator = Operator::new("Reciprocal", |task| one(task, Unary::Reciprocal))
    .or_computed(|call| each(call, |x| 1.0 / x), First);
pub(super) const RELU: Operator = Operator::new("Relu", |task| one(task, Unary::Relu))
    .or_computed(|call| each(call, |x| x.max(0.0)), First);
pub(super) const ROUND: Operator = Operator::computed("Round", |call| each(call, f64::round_ties_even));
pub(super) const SIGMOID: Operator = Operator::new("Sigmoid", |task| one(task, Unary::Sigmoid));
pub(super) const SIGN: Operator =
    Operator::computed("Sign", |call| each(call, |x| if x == 0.0 { 0.0 } else { x.signum() }));
pub(super) const SIN: Operator =
    Operator::new("Sin", |task| one(task, Unary::Sin)).or_computed(|call| each(call, f64::sin), First);
pub(super) const SOFTPLUS: Operator = Operator::new("Softplus", |task| one(task, Unary::Softplus));
pub(super) const SQRT: Operator =
    Operator::new("Sqrt", |task| one(task, Unary::Sqrt)).or_computed(|call| each(call, f64::sqrt), First);
pub(super) const TANH: Operator = Operator::new("Tanh", |task| one(task, Unary::Tanh));

fn one(task: &mut Task<'_, '_>, function: Unary) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    Ok(vec![task.apply(function, &[x])?])
}

/// The smallest whole number not below `x` is the negative of the largest not above `-x`.
fn negated_floor(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let negative = task.apply(Unary::Neg, &[x])?;
    let floor = task.apply(Unary::Floor, &[negative])?;
    let minus = Item::from(Tensor::scalar(-1.0));
    Ok(vec![task.apply(Binary { function: BinaryFn::Mul }, &[floor, minus])?])
}

fn each(call: &Call<'_>, function: impl Fn(f64) -> f64) -> Result<Vec<Array>> {
    let x = call.input(0)?;
    Ok(vec![Array { data: x.data.iter().map(|&v| x.kind.stored(function(v))).collect(), ..x.clone() }])
}
