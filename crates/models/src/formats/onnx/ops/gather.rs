use amplio_graph::ops::{Concat, Gather, Slice};

use super::DataInputs::First;
use super::{Call, Item, Operator, Task, axis};
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, Numbers, count};
use crate::formats::onnx::probes::Each;
use crate::{Error, Result};

/// The most taps of a window.
const MOST_TAPS: usize = 256;

/// Chosen places along an axis.
pub(super) const GATHER: Operator = Operator::new("Gather", lower).or_computed(fold, First);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let dims = task.net.dims(&x);
    let axis = axis(task.node.int("axis", 0)?, dims[0].len())?;
    let places = task.numbers(1)?;
    if let Numbers::Varying(places) = &*places {
        return Ok(vec![windows(task, &x, axis, places)?]);
    }
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

/// Places `[taps, windows]`, where each tap goes from window to window in equal steps: how exporters write `unfold`. Each
/// tap is a range with these steps.
fn windows(task: &mut Task<'_, '_>, x: &Item, axis: usize, places: &Each<Array>) -> Result<Item> {
    let unknown = || Error::unsupported("places that depend on the size of the picture, but in equal steps");
    let taps = places[0].dims.first().copied().unwrap_or(0);
    if taps == 0
        || taps > MOST_TAPS
        || places.iter().any(|array| array.dims.len() != 2 || array.dims[0] != taps)
    {
        return Err(unknown());
    }
    let sizes = task.net.dims(x).map(|d| d[axis]);
    let mut parts = Vec::with_capacity(taps);
    for tap in 0..taps {
        let lines: Each<Option<Line>> =
            std::array::from_fn(|probe| Line::of(&places[probe], tap, sizes[probe]));
        let line =
            lines[0].filter(|line| lines.iter().all(|other| *other == Some(*line))).ok_or_else(unknown)?;
        let end = if line.after == 0 { isize::MAX } else { -(line.after as isize) };
        let slice = Slice { axis, start: line.first as isize, end, step: line.step };
        let part = task.apply(slice, std::slice::from_ref(x))?;
        let dims = task.net.dims(&part).map(|d| [&d[..axis], &[1], &d[axis..]].concat());
        parts.push(task.net.reshape(&part, &dims)?);
    }
    task.apply(Concat { axis }, &parts)
}

/// Places of an axis in equal steps.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    first: usize,
    step: usize,
    /// How many places follow the last one.
    after: usize,
}

impl Line {
    /// The places of a tap on an axis of `size` places.
    fn of(places: &Array, tap: usize, size: usize) -> Option<Self> {
        let line: Vec<usize> =
            places.data.chunks(places.dims[1].max(1)).nth(tap)?.iter().map(|&v| v as usize).collect();
        let [first, second, ..] = line[..] else { return None };
        let step = second.checked_sub(first).filter(|step| *step > 0)?;
        let equal = line.windows(2).all(|pair| pair[0].checked_add(step) == Some(pair[1]));
        let after = (size.checked_sub(1)?).checked_sub(*line.last()?)?;
        equal.then_some(Self { first, step, after })
    }
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
