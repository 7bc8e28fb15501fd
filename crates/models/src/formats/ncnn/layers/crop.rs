use amplio_graph::Value;
use amplio_graph::ops::Slice;

use super::{LayerKind, Task};
use crate::formats::ncnn::malformed;
use crate::{Error, Result};

/// A part of a value: between `starts` and `ends` along `axes`, what offsets from both ends leave, or as much as a second
/// value has.
pub(super) const CROP: LayerKind = LayerKind { name: "Crop", index: 7, lower };

/// What stands for "all that remain".
const REST: i32 = -233;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let (x, second) = match *task.inputs {
        [x] => (x, None),
        [x, second] => (x, Some(second)),
        _ => return Err(malformed(format!("reads {} values", task.inputs.len()))),
    };
    let starts = task.layer.ints(9)?;
    let ranges = match second {
        Some(second) => as_second(task, x, second)?,
        None if starts.is_empty() => offsets(task)?,
        None => listed(task, x, &starts)?,
    };
    let whole = |range: &Slice| range.start == 0 && range.end == isize::MAX;
    let cropped = ranges
        .into_iter()
        .filter(|range| !whole(range))
        .try_fold(x, |x, range| task.net.apply(range, &[x]))?;
    Ok(vec![cropped])
}

/// From offsets for columns, rows and channels on, as many as the second value has. Beyond them lie as many in pictures of
/// all sizes as in that of a probe.
fn as_second(task: &Task<'_, '_>, x: Value, second: Value) -> Result<Vec<Slice>> {
    let (all, wanted) = (task.net.shape(x), task.net.shape(second));
    if all.rank() != 4 || wanted.rank() != 4 {
        return Err(Error::unsupported(format!("a crop of {all} to {wanted}")));
    }
    let range = |(axis, id): (usize, i32)| {
        let start = task.layer.size(id, 0)?;
        match all[axis].checked_sub(start + wanted[axis]) {
            Some(0) => Ok(Slice { axis, start: start as isize, end: isize::MAX, step: 1 }),
            Some(rest) => Ok(Slice { axis, start: start as isize, end: -(rest as isize), step: 1 }),
            None => Err(malformed(format!("a crop of {all} to {wanted} from {start} on"))),
        }
    };
    [(3, 0), (2, 1), (1, 2)].into_iter().map(range).collect()
}

fn listed(task: &Task<'_, '_>, x: Value, starts: &[i32]) -> Result<Vec<Slice>> {
    let (ends, mut axes) = (task.layer.ints(10)?, task.layer.ints(11)?);
    if axes.is_empty() {
        axes = (0..3).take(starts.len()).collect();
    }
    if ends.len() != starts.len() || axes.len() != starts.len() {
        return Err(malformed("starts, ends and axes do not match"));
    }
    let range = |((&start, &end), &axis): ((&i32, &i32), &i32)| {
        let axis = task.axis(x, axis)?;
        let start = if start == REST { 0 } else { start as isize };
        let end = if end == REST || end == i32::MAX { isize::MAX } else { end as isize };
        Ok(Slice { axis, start, end, step: 1 })
    };
    starts.iter().zip(&ends).zip(&axes).map(range).collect()
}

fn offsets(task: &Task<'_, '_>) -> Result<Vec<Slice>> {
    let layer = task.layer;
    // For columns, rows and channels: the offset from the front, the size, the offset from the end.
    [(3, 0, 3, 6), (2, 1, 4, 7), (1, 2, 5, 8)]
        .into_iter()
        .map(|(axis, front, size, back)| {
            if layer.int(front, 0)? == REST {
                return Err(Error::unsupported("a crop from the middle"));
            }
            let (front, back) = (layer.size(front, 0)? as isize, layer.size(back, 0)? as isize);
            let end = match layer.int(size, 0)? {
                REST if back > 0 => -back,
                REST => isize::MAX,
                size if size > 0 && back == 0 => front + size as isize,
                size => {
                    return Err(malformed(format!("a crop of size {size} that leaves {back} at the end")));
                }
            };
            Ok(Slice { axis, start: front, end, step: 1 })
        })
        .collect()
}
