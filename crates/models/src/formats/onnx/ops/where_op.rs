use amplio_graph::ops::{Binary, BinaryFn};

use super::DataInputs::All;
use super::{Call, Item, Operator, Task};
use crate::formats::onnx::numbers::{Array, Kind, broadcast};
use crate::{Error, Result};

/// One of two values, as a truth says.
pub(super) const WHERE: Operator = Operator::new("Where", lower).or_computed(fold, All);

/// For pixels: the sum of both values, each times one where it is chosen, and else times zero.
fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let Some(chosen) = task.net.tensor(task.item(0)?) else {
        return Err(Error::unsupported("a choice that depends on the picture"));
    };
    let (yes, no) = (task.item(1)?.clone(), task.item(2)?.clone());
    let finite = |item: &Item| task.net.tensor(item).is_none_or(|t| t.data().iter().all(|v| v.is_finite()));
    if !finite(&yes) || !finite(&no) {
        return Err(Error::unsupported("a choice between pixels and infinity"));
    }
    let rest = Item::from(chosen.as_ref().clone().map(|v| 1.0 - v));
    let yes = task.apply(Binary { function: BinaryFn::Mul }, &[yes, Item::Constant(chosen)])?;
    let no = task.apply(Binary { function: BinaryFn::Mul }, &[no, rest])?;
    Ok(vec![task.apply(Binary { function: BinaryFn::Add }, &[yes, no])?])
}

fn fold(call: &Call<'_>) -> Result<Vec<Array>> {
    let (chosen, yes, no) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let dims = broadcast(&chosen.dims, &broadcast(&yes.dims, &no.dims)?)?;
    let kind = if no.kind == Kind::Float { Kind::Float } else { yes.kind };
    let one = |at: &[usize]| {
        let from = if chosen.at_broadcast(at) != 0.0 { yes } else { no };
        Ok(from.at_broadcast(at))
    };
    Ok(vec![Array::from_fn(kind, &dims, one)?])
}
