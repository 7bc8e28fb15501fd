//! The same numbers: under another type, or in training only something else.

use super::DataInputs::First;
use super::{Call, Item, Operator, Task};
use crate::formats::onnx::numbers::{Array, Kind};
use crate::formats::onnx::proto::DataType;
use crate::{Error, Result};

pub(super) const CAST: Operator = Operator::new("Cast", |task| {
    let kind = kind(task.node.int("to", 1)?)?;
    same(task, kind)
})
.or_computed(|call| converted(call, kind(call.node.int("to", 1)?)?), First);

pub(super) const CAST_LIKE: Operator = Operator::new("CastLike", |task| {
    let kind = match task.item(1)? {
        Item::Numbers(numbers) => numbers.at(0).kind,
        _ => Kind::Float,
    };
    same(task, kind)
})
.or_computed(|call| converted(call, call.input(1)?.kind), First);

/// Elements left out at random while a network learns.
pub(super) const DROPOUT: Operator = Operator::new("Dropout", |task| same(task, Kind::Float));

pub(super) const IDENTITY: Operator = Operator::new("Identity", |task| Ok(vec![task.item(0)?.clone()]))
    .or_computed(|call| Ok(vec![call.input(0)?.clone()]), First);

fn kind(code: i64) -> Result<Kind> {
    Ok(match DataType::of(code)? {
        DataType::Float(_) => Kind::Float,
        DataType::Whole(kind, ..) => kind,
    })
}

/// In memory all numbers of a network are `f32`.
fn same(task: &Task<'_, '_>, kind: Kind) -> Result<Vec<Item>> {
    match (task.item(0)?, kind) {
        (item, Kind::Float) => Ok(vec![item.clone()]),
        (Item::Value(_), _) => Err(Error::unsupported("pixels as whole numbers")),
        (item, _) => {
            let numbers = task.net.numbers(item)?;
            Ok(vec![Item::Numbers(
                crate::formats::onnx::numbers::Numbers::Fixed(cast(numbers.fixed()?, kind)).into(),
            )])
        }
    }
}

fn converted(call: &Call<'_>, kind: Kind) -> Result<Vec<Array>> {
    Ok(vec![cast(call.input(0)?, kind)])
}

fn cast(x: &Array, kind: Kind) -> Array {
    let one = |&v: &f64| match kind {
        Kind::Float => kind.stored(v),
        Kind::Int => v.trunc(),
        Kind::Bool => f64::from(v != 0.0),
    };
    Array { kind, dims: x.dims.clone(), data: x.data.iter().map(one).collect() }
}
