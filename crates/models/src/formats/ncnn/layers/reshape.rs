//! The same elements under other dimensions, or with the axes in another order.

use amplio_graph::Value;
use amplio_graph::ops::{Dim, Reshape, Transpose};

use super::{LayerKind, Task};
use crate::formats::ncnn::malformed;
use crate::formats::ncnn::param::{LARGEST_SIZE, Layer};
use crate::{Error, Result};

pub(super) const RESHAPE: LayerKind = LayerKind { name: "Reshape", index: 27, lower: reshape };
pub(super) const PERMUTE: LayerKind = LayerKind { name: "Permute", index: 47, lower: permute };
pub(super) const FLATTEN: LayerKind = LayerKind {
    name: "Flatten",
    index: 14,
    lower: |task| {
        let [x] = task.take()?;
        let dims = vec![Dim::Fixed(1), Dim::Infer, Dim::Fixed(1), Dim::Fixed(1)];
        Ok(vec![task.net.apply(Reshape { dims }, &[x])?])
    },
};

/// What stands for a dimension that is not there.
const ABSENT: i32 = -233;

fn reshape(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    let layer = task.layer;
    if layer.int(11, ABSENT)? != ABSENT || layer.params.contains_key(&6) {
        return Err(Error::unsupported("a reshape to four dimensions, or by expressions"));
    }
    // Where the columns, the rows and the channels of the input lie.
    let places = match task.net.shape(x).rank() {
        4 => [3, 2, 1],
        3 => [2, 1, 1],
        rank => return Err(Error::unsupported(format!("a reshape of {rank} dimensions"))),
    };
    let dim = |id: i32| dim(layer, id, places[id as usize]);
    let one = Some(Dim::Fixed(1));
    let dims = match (dim(2)?, dim(1)?, dim(0)?) {
        (None, None, width) => vec![one, width, one, one],
        (None, height, width) => vec![one, height, width],
        (channels, height, width) => vec![one, channels, height, width],
    };
    let dims: Option<Vec<_>> = dims.into_iter().collect();
    let dims = dims.ok_or_else(|| malformed("a dimension is missing between two others"))?;
    Ok(vec![task.net.apply(Reshape { dims }, &[x])?])
}

fn dim(layer: &Layer, id: i32, place: usize) -> Result<Option<Dim>> {
    match layer.int(id, ABSENT)? {
        ABSENT => Ok(None),
        -1 => Ok(Some(Dim::Infer)),
        0 => Ok(Some(Dim::Keep(place))),
        size if size > 0 && size as usize <= LARGEST_SIZE => Ok(Some(Dim::Fixed(size as usize))),
        other => Err(malformed(format!("a dimension of {other}"))),
    }
}

fn permute(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    let axes: &[usize] = match (task.net.shape(x).rank(), task.layer.int(0, 0)?) {
        (_, 0) => return Ok(vec![x]),
        (3, 1) => &[0, 2, 1],
        // Counted from the columns: 1 is rows, columns, channels.
        (4, 1) => &[0, 1, 3, 2],
        (4, 2) => &[0, 2, 1, 3],
        (4, 3) => &[0, 2, 3, 1],
        (4, 4) => &[0, 3, 1, 2],
        (4, 5) => &[0, 3, 2, 1],
        (rank, order) => {
            return Err(Error::unsupported(format!(
                "order {order} of the {rank} axes of {}",
                task.net.shape(x)
            )));
        }
    };
    Ok(vec![task.net.apply(Transpose { axes: axes.to_vec() }, &[x])?])
}
