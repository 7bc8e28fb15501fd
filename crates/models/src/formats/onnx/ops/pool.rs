//! One number for each window, or for each channel.

use amplio_graph::ops::{Pool, PoolKind, Reduce, ReduceKind};

use super::conv::{Geometry, geometry, sizes};
use super::{Item, Operator, Task};
use crate::{Error, Result};

pub(super) const AVERAGE_POOL: Operator = Operator::new("AveragePool", |task| {
    let count_padding = task.node.int("count_include_pad", 0)? != 0;
    windows(task, PoolKind::Average { count_padding })
});
pub(super) const GLOBAL_AVERAGE_POOL: Operator =
    Operator::new("GlobalAveragePool", |task| whole(task, ReduceKind::Mean));
pub(super) const GLOBAL_MAX_POOL: Operator =
    Operator::new("GlobalMaxPool", |task| whole(task, ReduceKind::Max));
pub(super) const MAX_POOL: Operator = Operator::new("MaxPool", |task| windows(task, PoolKind::Max));

fn windows(task: &mut Task<'_, '_>, kind: PoolKind) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let kernel = sizes(task.node, "kernel_shape", [1; 2])?;
    let Geometry { stride, dilation, padding } = geometry(task.node, kernel)?;
    if dilation != [1, 1] {
        return Err(Error::unsupported(format!("windows whose places lie {dilation:?} apart")));
    }
    if !matches!(task.node.word("auto_pad", "NOTSET")?, "NOTSET" | "VALID") {
        return Err(Error::unsupported("padding that follows from the size of the result"));
    }
    // Rounding up changes nothing where windows fill the picture.
    if task.node.int("ceil_mode", 0)? != 0 && stride != [1, 1] {
        return Err(Error::unsupported("windows that reach beyond the picture"));
    }
    Ok(vec![task.apply(Pool { kind, kernel, stride, padding }, &[x])?])
}

fn whole(task: &mut Task<'_, '_>, kind: ReduceKind) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let axes = (2..task.net.rank(&x)).collect();
    Ok(vec![task.apply(Reduce { kind, axes, keep: true }, &[x])?])
}
