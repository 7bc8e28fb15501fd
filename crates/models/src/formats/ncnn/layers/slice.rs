use amplio_graph::Value;
use amplio_graph::ops::Slice;

use super::{LayerKind, Task};
use crate::Result;
use crate::formats::ncnn::malformed;

/// A value cut into several along an axis: into pieces of these sizes, or before these places.
pub(super) const SLICE: LayerKind = LayerKind { name: "Slice", index: 31, lower };

/// What stands for an equal share of what remains.
const SHARE: i32 = -233;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    let axis = task.axis(x, task.layer.int(1, 0)?)?;
    let size = task.net.shape(x)[axis] as isize;
    let ends = match &task.layer.ints(2)?[..] {
        [] => ends_of_sizes(&task.layer.ints(0)?, size)?,
        places => places.iter().map(|place| *place as isize).chain([size]).collect(),
    };
    let mut start = 0;
    let mut pieces = Vec::new();
    for end in ends {
        if !(start < end && end <= size) {
            return Err(malformed(format!("a piece from {start} to {end} of {size} places")));
        }
        // Pictures of other sizes end elsewhere.
        let last = if end == size { isize::MAX } else { end };
        pieces.push(task.net.apply(Slice { axis, start, end: last, step: 1 }, &[x])?);
        start = end;
    }
    Ok(pieces)
}

fn ends_of_sizes(sizes: &[i32], all: isize) -> Result<Vec<isize>> {
    let mut end = 0;
    let mut ends = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let left = (sizes.len() - index) as isize;
        end += match *size {
            SHARE => (all - end) / left,
            size => size as isize,
        };
        ends.push(end);
    }
    if ends.last() == Some(&all) {
        Ok(ends)
    } else {
        Err(malformed(format!("{sizes:?} are not parts of {all}")))
    }
}
