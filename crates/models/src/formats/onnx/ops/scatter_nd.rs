use amplio_graph::ops::Concat;

use super::DataInputs::All;
use super::{Call, Item, Operator, Task};
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, count};
use crate::formats::onnx::probes::{Each, PROBES};
use crate::{Error, Result};

/// Elements put in the place of others; how exporters write `x[..., 2:5] = y`.
pub(super) const SCATTER_ND: Operator = Operator::new("ScatterND", lower).or_computed(fold, All);

/// For pixels, the places must be a range of one axis.
fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    if task.node.word("reduction", "none")? != "none" {
        return Err(Error::unsupported("elements that are combined with others"));
    }
    let (x, places, new) = (task.item(0)?.clone(), task.numbers(1)?, task.item(2)?.clone());
    let dims = task.net.dims(&x);
    let mut boxes = Vec::new();
    for (probe, dims) in dims.iter().enumerate() {
        let found = range(places.at(probe), dims);
        boxes
            .push(found.ok_or_else(|| Error::unsupported("elements in places that are no block of pixels"))?);
    }
    let ranges: Each<Vec<[usize; 2]>> = boxes.try_into().map_err(|_| malformed("a probe is missing"))?;
    let partial: Vec<usize> = (0..dims[0].len())
        .filter(|&axis| (0..PROBES).any(|probe| ranges[probe][axis] != [0, dims[probe][axis]]))
        .collect();
    let [axis] = partial[..] else {
        return match partial[..] {
            [] => Ok(vec![task.net.reshape(&new, &dims)?]),
            _ => Err(Error::unsupported("elements in a block that is smaller along several axes")),
        };
    };
    let block = std::array::from_fn(|p| {
        let mut block = dims[p].clone();
        block[axis] = ranges[p][axis][1] - ranges[p][axis][0];
        block
    });
    let mut parts = Vec::new();
    if ranges.iter().any(|r| r[axis][0] != 0) {
        let ends = ranges.each_ref().map(|r| r[axis][0] as i64);
        parts.push(super::slice::range(task.net, &x, axis, &[0; PROBES], &ends)?);
    }
    parts.push(task.net.reshape(&new, &block)?);
    if (0..PROBES).any(|p| ranges[p][axis][1] != dims[p][axis]) {
        let starts = ranges.each_ref().map(|r| r[axis][1] as i64);
        parts.push(super::slice::range(task.net, &x, axis, &starts, &[i64::MAX; PROBES])?);
    }
    Ok(vec![task.apply(Concat { axis }, &parts)?])
}

/// The block that these places are, in order: from and to along each axis. Axes that they do not name are whole.
fn range(places: &Array, dims: &[usize]) -> Option<Vec<[usize; 2]>> {
    let (&named, block) = places.dims.split_last()?;
    if named == 0 || named > dims.len() || places.data.is_empty() || block.len() < named {
        return None;
    }
    let at = |index: usize| places.data[index * named..(index + 1) * named].iter().map(|&v| v as i64);
    let first: Vec<usize> = at(0).map(|v| usize::try_from(v).ok()).collect::<Option<_>>()?;
    let last: Vec<usize> =
        at(places.data.len() / named - 1).map(|v| usize::try_from(v).ok()).collect::<Option<_>>()?;
    let ranges: Vec<[usize; 2]> = first.iter().zip(&last).map(|(f, l)| [*f, l + 1]).collect();
    if ranges.iter().zip(dims).any(|([from, to], size)| from >= to || to > size) {
        return None;
    }
    let sizes: Vec<usize> = ranges.iter().map(|[from, to]| to - from).collect();
    let expected = Array::from_fn(places.kind, &[&sizes[..], &[named]].concat(), |i| {
        Ok((ranges[i[named]][0] + i[i[named]]) as f64)
    });
    let same = expected.is_ok_and(|expected| expected.data == places.data);
    let rest = dims[named..].iter().map(|&size| [0, size]);
    same.then(|| ranges.into_iter().chain(rest).collect())
}

fn fold(call: &Call<'_>) -> Result<Vec<Array>> {
    let (x, places, new) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let wrong = || malformed(format!("places {:?} of {:?} for {:?}", places.dims, x.dims, new.dims));
    let (&named, _) = places.dims.split_last().ok_or_else(wrong)?;
    if named == 0 || named > x.dims.len() || call.node.word("reduction", "none")? != "none" {
        return Err(wrong());
    }
    let inner = count(&x.dims[named..])?;
    if new.data.len() != places.data.len() / named * inner {
        return Err(wrong());
    }
    let mut result = x.clone();
    for (place, values) in places.data.chunks_exact(named).zip(new.data.chunks(inner.max(1))) {
        let mut offset = 0;
        for (&at, &size) in place.iter().zip(&x.dims) {
            let at = if at < 0.0 { at + size as f64 } else { at };
            if !(0.0..size as f64).contains(&at) {
                return Err(wrong());
            }
            offset = offset * size + at as usize;
        }
        result.data[offset * inner..(offset + 1) * inner].copy_from_slice(values);
    }
    Ok(vec![result])
}
