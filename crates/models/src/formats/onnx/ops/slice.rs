//! Ranges of axes.

use amplio_graph::ops::{Gather, Slice};

use super::DataInputs::First;
use super::{Call, Item, Operator, Task, axes, axis};
use crate::formats::onnx::malformed;
use crate::formats::onnx::net::Net;
use crate::formats::onnx::numbers::Array;
use crate::formats::onnx::probes::{Each, PROBES};
use crate::{Error, Result};

pub(super) const SLICE: Operator = Operator::new("Slice", lower).or_computed(fold, First);
pub(super) const SPLIT: Operator = Operator::new("Split", split).or_computed(folded_split, First);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let mut x = task.item(0)?.clone();
    let (starts, ends) = (task.numbers(1)?.ints(), task.numbers(2)?.ints());
    let axes = match task.optional(3) {
        Some(_) => axes(&task.numbers(3)?.fixed()?.ints(), task.net.rank(&x))?,
        None => (0..starts[0].len()).collect(),
    };
    let steps = match task.optional(4) {
        Some(_) => task.numbers(4)?.fixed()?.ints(),
        None => vec![1; axes.len()],
    };
    let fits = |list: &Vec<i64>| list.len() == axes.len();
    if !starts.iter().chain(&ends).all(fits) || steps.len() != axes.len() || axes.len() > task.net.rank(&x) {
        return Err(malformed("starts, ends, axes and steps do not match"));
    }
    for (i, &axis) in axes.iter().enumerate() {
        let (start, end) = (starts.each_ref().map(|s| s[i]), ends.each_ref().map(|e| e[i]));
        x = match steps[i] {
            1 => range(task.net, &x, axis, &start, &end)?,
            step => stepped(task.net, &x, axis, (start, end), step)?,
        };
    }
    Ok(vec![x])
}

/// A range of an axis that begins and ends, for every size, at a fixed distance from one end of the axis.
pub(super) fn range(
    net: &mut Net,
    x: &Item,
    axis: usize,
    start: &Each<i64>,
    end: &Each<i64>,
) -> Result<Item> {
    let sizes = net.dims(x).map(|d| d[axis] as i64);
    let clamped: Each<[i64; 2]> = std::array::from_fn(|p| {
        [start[p], end[p]].map(|at| if at < 0 { at.saturating_add(sizes[p]) } else { at }.clamp(0, sizes[p]))
    });
    if (0..PROBES).all(|p| clamped[p] == [0, sizes[p]]) {
        return Ok(x.clone());
    }
    let same = |f: &dyn Fn(usize) -> i64| (1..PROBES).all(|p| f(p) == f(0)).then(|| f(0) as isize);
    let from_front = |side: usize| same(&|p| clamped[p][side]);
    let from_back = |side: usize| same(&|p| clamped[p][side] - sizes[p]);
    // Where an axis has always the same size, both hold.
    let start = from_front(0).or_else(|| from_back(0));
    let end = match (from_back(1), from_front(1)) {
        (Some(0), _) => Some(isize::MAX),
        (_, Some(front)) => Some(front),
        (back, None) => back,
    };
    match (start, end) {
        (Some(start), Some(end)) => net.apply(Slice { axis, start, end, step: 1 }, std::slice::from_ref(x)),
        _ => Err(Error::unsupported(format!(
            "a part whose ends depend on the size of the picture: from {} to {} of {}, and from {} to {} of {}",
            clamped[0][0], clamped[0][1], sizes[0], clamped[1][0], clamped[1][1], sizes[1]
        ))),
    }
}

/// A range with steps, of all of an axis or of one whose size does not vary.
fn stepped(
    net: &mut Net,
    x: &Item,
    axis: usize,
    (start, end): (Each<i64>, Each<i64>),
    step: i64,
) -> Result<Item> {
    let sizes = net.dims(x).map(|d| d[axis]);
    let places = (0..PROBES).map(|p| places(sizes[p], start[p], end[p], step)).collect::<Result<Vec<_>>>()?;
    if places.iter().all(|list| *list == places[0]) {
        let indices = places[0].clone().into();
        return net.apply(Gather { axis, indices }, std::slice::from_ref(x));
    }
    let first = places[0].first().copied().unwrap_or(0);
    let whole = |(list, size): (&Vec<usize>, usize)| {
        step > 0
            && list.first() == Some(&first)
            && list.last().is_some_and(|last| last + step as usize >= size)
    };
    if places.iter().zip(sizes).all(whole) {
        let slice = Slice { axis, start: first as isize, end: isize::MAX, step: step as usize };
        return net.apply(slice, std::slice::from_ref(x));
    }
    let part = if step < 0 { "an axis" } else { "a part of an axis" };
    Err(Error::unsupported(format!("{part} whose size varies with the picture, in steps of {step}")))
}

/// The places from `start` to before `end`.
fn places(size: usize, start: i64, end: i64, step: i64) -> Result<Vec<usize>> {
    if step == 0 {
        return Err(malformed("steps of zero"));
    }
    let size = size as i64;
    let counted = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
    let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
    // Before the first place, for a step backwards, is said as "so far from the end that it is nowhere".
    let (start, end) = (counted(start).clamp(low.max(0), high.max(0)), counted(end).clamp(low, high));
    let mut list = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end && at < size) {
        list.push(at as usize);
        at = at.saturating_add(step);
    }
    Ok(list)
}

fn fold(call: &Call<'_>) -> Result<Vec<Array>> {
    let mut x = call.input(0)?.clone();
    let (starts, ends) = (call.input(1)?.ints(), call.input(2)?.ints());
    let axes = match call.optional(3) {
        Some(list) => axes(&list.ints(), x.dims.len())?,
        None => (0..starts.len()).collect(),
    };
    let steps = call.optional(4).map_or_else(|| vec![1; axes.len()], Array::ints);
    if [starts.len(), ends.len(), steps.len()] != [axes.len(); 3] || axes.len() > x.dims.len() {
        return Err(malformed("starts, ends, axes and steps do not match"));
    }
    for (i, &axis) in axes.iter().enumerate() {
        x = taken(&x, axis, &places(x.dims[axis], starts[i], ends[i], steps[i])?)?;
    }
    Ok(vec![x])
}

fn taken(x: &Array, axis: usize, places: &[usize]) -> Result<Array> {
    let mut dims = x.dims.clone();
    dims[axis] = places.len();
    Array::from_fn(x.kind, &dims, |at| {
        let mut own = at.to_vec();
        own[axis] = places[at[axis]];
        Ok(x.at_broadcast(&own))
    })
}

fn split(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let axis = axis(task.node.int("axis", 0)?, task.net.rank(&x))?;
    let sizes = task.net.dims(&x).map(|d| d[axis]);
    let list = task.ints("split", 1)?;
    let mut parts: Each<Vec<usize>> = Default::default();
    for (probe, parts) in parts.iter_mut().enumerate() {
        let list = list.as_ref().map(|list| &list[probe][..]);
        *parts = lengths(sizes[probe], list, task.node.outputs.len())?;
    }
    let mut starts = [0; PROBES];
    let mut made = Vec::new();
    for i in 0..parts[0].len() {
        let ends = std::array::from_fn(|p| starts[p] + parts[p].get(i).copied().unwrap_or(0) as i64);
        made.push(range(task.net, &x, axis, &starts, &ends)?);
        starts = ends;
    }
    Ok(made)
}

fn folded_split(call: &Call<'_>) -> Result<Vec<Array>> {
    let x = call.input(0)?;
    let axis = axis(call.node.int("axis", 0)?, x.dims.len())?;
    let mut start = 0;
    let mut made = Vec::new();
    for length in lengths(x.dims[axis], call.ints("split", 1)?.as_deref(), call.node.outputs.len())? {
        made.push(taken(x, axis, &(start..start + length).collect::<Vec<_>>())?);
        start += length;
    }
    Ok(made)
}

/// The lengths of the parts: as listed, or as many equal ones as there are names, of which the last may be shorter.
fn lengths(size: usize, list: Option<&[i64]>, count: usize) -> Result<Vec<usize>> {
    let wrong = || malformed(format!("{size} places do not make the parts {list:?} of {count}"));
    let lengths: Vec<usize> = match list {
        Some(list) => list
            .iter()
            .map(|&n| usize::try_from(n).ok().filter(|n| *n <= size))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?,
        None if count == 0 => return Err(wrong()),
        None => {
            let each = size.div_ceil(count);
            (0..count).map(|i| size.saturating_sub(i * each).min(each)).collect()
        }
    };
    let all = lengths.iter().fold(0, |sum: usize, n| sum.saturating_add(*n));
    if all == size && lengths.len() == count && !lengths.contains(&0) { Ok(lengths) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_python() {
        assert_eq!(places(6, 1, i64::MAX, 2).expect("fits"), [1, 3, 5]);
        assert_eq!(places(6, -2, i64::MAX, 1).expect("fits"), [4, 5]);
        assert_eq!(places(4, -1, i64::MIN, -1).expect("fits"), [3, 2, 1, 0]);
        assert_eq!(places(4, i64::MAX, 0, -2).expect("fits"), [3, 1]);
        assert!(places(4, 3, 1, 1).expect("fits").is_empty() && places(0, 0, 9, 1).expect("fits").is_empty());
        assert!(places(4, 0, 4, 0).is_err());
    }
}
