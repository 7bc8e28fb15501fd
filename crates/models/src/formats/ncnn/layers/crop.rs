use amplio_graph::Value;
use amplio_graph::ops::Slice;

use super::{LayerKind, Task};
use crate::formats::ncnn::malformed;
use crate::{Error, Result};

/// A part of a value: between `starts` and `ends` along `axes`, or what offsets from both ends leave.
pub(super) const CROP: LayerKind = LayerKind { name: "Crop", index: 7, lower };

/// What stands for "all that remain".
const REST: i32 = -233;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    let starts = task.layer.ints(9)?;
    let ranges = if starts.is_empty() { offsets(task)? } else { listed(task, &starts)? };
    let whole = |range: &Slice| range.start == 0 && range.end == isize::MAX;
    let cropped = ranges
        .into_iter()
        .filter(|range| !whole(range))
        .try_fold(x, |x, range| task.net.apply(range, &[x]))?;
    Ok(vec![cropped])
}

fn listed(task: &Task<'_, '_>, starts: &[i32]) -> Result<Vec<Slice>> {
    let (ends, mut axes) = (task.layer.ints(10)?, task.layer.ints(11)?);
    if axes.is_empty() {
        axes = (0..3).take(starts.len()).collect();
    }
    if ends.len() != starts.len() || axes.len() != starts.len() {
        return Err(malformed("starts, ends and axes do not match"));
    }
    let range = |((&start, &end), &axis): ((&i32, &i32), &i32)| {
        let axis = match axis {
            0 | -3 => 1,
            1 | -2 => 2,
            2 | -1 => 3,
            other => return Err(malformed(format!("axis {other}"))),
        };
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
