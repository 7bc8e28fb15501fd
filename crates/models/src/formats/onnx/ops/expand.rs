//! Elements repeated along axes.

use amplio_graph::ops::{Binary, BinaryFn, Concat};

use super::DataInputs::First;
use super::{Call, Item, Operator, Task};
use crate::Result;
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, broadcast};
use crate::formats::onnx::probes::Each;

pub(super) const EXPAND: Operator = Operator::new("Expand", expand).or_computed(
    |call| {
        let x = call.input(0)?;
        let dims = broadcast(&x.dims, &sizes(&call.input(1)?.ints())?)?;
        Ok(vec![Array::from_fn(x.kind, &dims, |at| Ok(x.at_broadcast(at)))?])
    },
    First,
);

/// The most copies that a tile is repeated as.
const MOST_COPIES: i64 = 64;

pub(super) const TILE: Operator = Operator::new("Tile", tile).or_computed(repeated, First);

fn sizes(list: &[i64]) -> Result<Vec<usize>> {
    let sizes: Option<_> = list.iter().map(|&size| usize::try_from(size).ok()).collect();
    sizes.ok_or_else(|| malformed(format!("the sizes {list:?}")))
}

/// The product with ones of the new dimensions.
fn expand(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let (from, asked) = (task.net.dims(&x), task.numbers(1)?);
    let mut ones: Each<Vec<usize>> = Default::default();
    let mut grows = false;
    for (probe, ones) in ones.iter_mut().enumerate() {
        let wide = broadcast(&from[probe], &sizes(&asked.at(probe).ints())?)?;
        let skipped = wide.len() - from[probe].len();
        let own = |axis: usize| axis.checked_sub(skipped).map_or(1, |axis| from[probe][axis]);
        *ones = (0..wide.len()).map(|axis| if own(axis) == wide[axis] { 1 } else { wide[axis] }).collect();
        grows |= skipped > 0 || ones.iter().any(|size| *size != 1);
    }
    if !grows {
        return Ok(vec![x]);
    }
    let ones = task.net.ones(&ones)?;
    Ok(vec![task.apply(Binary { function: BinaryFn::Mul }, &[x, ones])?])
}

fn tile(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let mut x = task.item(0)?.clone();
    let counts = task.numbers(1)?.fixed()?.ints();
    if counts.len() != task.net.rank(&x) || counts.iter().any(|n| !(1..=MOST_COPIES).contains(n)) {
        return Err(malformed(format!("{counts:?} copies")));
    }
    for (axis, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 1) {
        let copies = vec![x; count as usize];
        x = task.apply(Concat { axis }, &copies)?;
    }
    Ok(vec![x])
}

fn repeated(call: &Call<'_>) -> Result<Vec<Array>> {
    let x = call.input(0)?;
    let counts = sizes(&call.input(1)?.ints())?;
    if counts.len() != x.dims.len() {
        return Err(malformed(format!("{counts:?} copies of {:?}", x.dims)));
    }
    let dims: Vec<usize> =
        x.dims.iter().zip(&counts).map(|(size, count)| size.saturating_mul(*count)).collect();
    let one = |at: &[usize]| {
        let own: Vec<usize> = at.iter().zip(&x.dims).map(|(i, size)| i % size.max(&1)).collect();
        Ok(x.at_broadcast(&own))
    };
    Ok(vec![Array::from_fn(x.kind, &dims, one)?])
}
