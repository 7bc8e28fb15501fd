//! Sizes of values.

use super::{Item, Operator};
use crate::formats::onnx::numbers::{Array, Kind, Numbers};

/// The dimensions.
pub(super) const SHAPE: Operator = Operator::new("Shape", |task| {
    let dims = task.net.dims(task.item(0)?);
    let rank = dims[0].len() as i64;
    let clamped =
        |place: i64| (if place < 0 { place.saturating_add(rank) } else { place }).clamp(0, rank) as usize;
    let (start, end) = (clamped(task.node.int("start", 0)?), clamped(task.node.int("end", i64::MAX)?));
    let arrays = dims.map(|dims| Array::list(dims.get(start..end).unwrap_or_default().iter().copied()));
    Ok(vec![Item::from(Numbers::of(arrays))])
});

/// The number of elements.
pub(super) const SIZE: Operator = Operator::new("Size", |task| {
    let count = |dims: Vec<usize>| dims.iter().map(|&d| d as f64).product();
    let arrays = task.net.dims(task.item(0)?).map(|dims| Array {
        kind: Kind::Int,
        dims: Vec::new(),
        data: vec![count(dims)],
    });
    Ok(vec![Item::from(Numbers::of(arrays))])
});
