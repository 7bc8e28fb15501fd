use amplio_graph::ops::{Gather, Slice};

use super::DataInputs::First;
use super::{Call, Item, Operator, Task, axis};
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, count};
use crate::{Error, Result};

/// Chosen places along an axis.
pub(super) const GATHER: Operator = Operator::new("Gather", lower).or_computed(fold, First);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let dims = task.net.dims(&x);
    let axis = axis(task.node.int("axis", 0)?, dims[0].len())?;
    let places = task.numbers(1)?;
    let places = places.fixed()?;
    let size = dims.iter().map(|d| d[axis]).min().unwrap_or(0);
    let same = dims.iter().all(|d| d[axis] == size);
    if !same && places.data.iter().any(|place| *place < 0.0) {
        let [place] = places.ints()[..] else {
            return Err(Error::unsupported("places counted from the end of an axis whose size varies"));
        };
        let end = if place == -1 { isize::MAX } else { place as isize + 1 };
        let slice = Slice { axis, start: place as isize, end, step: 1 };
        let x = task.apply(slice, &[x])?;
        return Ok(vec![placed(task, &x, axis, &places.dims)?]);
    }
    let indices = places.ints().into_iter().map(|place| inside(place, size)).collect::<Result<Vec<_>>>()?;
    let (first, run) =
        (indices.first().copied().unwrap_or(0), indices.windows(2).all(|pair| pair[1] == pair[0] + 1));
    let x = if run && !indices.is_empty() {
        let end = (first + indices.len()) as isize;
        task.apply(Slice { axis, start: first as isize, end, step: 1 }, &[x])?
    } else {
        task.apply(Gather { axis, indices: indices.into() }, &[x])?
    };
    Ok(vec![placed(task, &x, axis, &places.dims)?])
}

/// The dimensions of the places instead of the axis that they were taken of.
fn placed(task: &mut Task<'_, '_>, x: &Item, axis: usize, places: &[usize]) -> Result<Item> {
    let dims = task.net.dims(x).map(|d| [&d[..axis], places, &d[axis + 1..]].concat());
    task.net.reshape(x, &dims)
}

fn inside(place: i64, size: usize) -> Result<usize> {
    let counted = if place < 0 { place.checked_add(size as i64) } else { Some(place) };
    let found = counted.and_then(|place| usize::try_from(place).ok()).filter(|place| *place < size);
    found.ok_or_else(|| malformed(format!("there is no place {place} of {size}")))
}

fn fold(call: &Call<'_>) -> Result<Vec<Array>> {
    let (x, places) = (call.input(0)?, call.input(1)?);
    let axis = axis(call.node.int("axis", 0)?, x.dims.len())?;
    let indices =
        places.ints().into_iter().map(|place| inside(place, x.dims[axis])).collect::<Result<Vec<_>>>()?;
    let dims = [&x.dims[..axis], &places.dims, &x.dims[axis + 1..]].concat();
    let (inner, size) = (count(&x.dims[axis + 1..])?, x.dims[axis]);
    let mut data = Vec::with_capacity(count(&dims)?);
    for outer in 0..count(&x.dims[..axis])? {
        for &index in &indices {
            let start = (outer * size + index) * inner;
            data.extend_from_slice(&x.data[start..start + inner]);
        }
    }
    Ok(vec![Array { kind: x.kind, dims, data }])
}
