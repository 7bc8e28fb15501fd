use amplio_graph::Value;
use amplio_graph::ops::{Pool, PoolKind, Reduce, ReduceKind};

use super::{LayerKind, Task};
use crate::{Error, Result};

/// The largest or the average pixel of windows, or of the whole picture.
pub(super) const POOLING: LayerKind = LayerKind { name: "Pooling", index: 21, lower };

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    let layer = task.layer;
    let average = match layer.int(0, 0)? {
        0 => false,
        1 => true,
        other => return Err(Error::unsupported(format!("pooling of the kind {other}"))),
    };
    if layer.flag(4)? {
        let kind = if average { ReduceKind::Mean } else { ReduceKind::Max };
        return Ok(vec![task.net.apply(Reduce { kind, axes: vec![2, 3], keep: true }, &[x])?]);
    }
    // Full padding (0) adds to the end what the last window lacks, which depends on the picture's size.
    if layer.int(5, 0)? != 1 || layer.flag(7)? {
        return Err(Error::unsupported("pooling with padding that depends on the size of the picture"));
    }
    let kernel_width = layer.size(1, 0)?;
    let stride_width = layer.size(2, 1)?;
    let left = layer.size(3, 0)?;
    let top = layer.size(13, left)?;
    let pool = Pool {
        kind: if average { PoolKind::Average { count_padding: layer.flag(6)? } } else { PoolKind::Max },
        kernel: [layer.size(11, kernel_width)?, kernel_width],
        stride: [layer.size(12, stride_width)?, stride_width],
        padding: [top, left, layer.size(15, top)?, layer.size(14, left)?],
    };
    Ok(vec![task.net.apply(pool, &[x])?])
}
