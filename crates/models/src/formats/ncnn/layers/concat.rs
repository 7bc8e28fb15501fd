use amplio_graph::ops::Concat;

use super::LayerKind;
use crate::formats::ncnn::malformed;

/// Values one after the other.
pub(super) const CONCAT: LayerKind = LayerKind {
    name: "Concat",
    index: 5,
    lower: |task| {
        let first = *task.inputs.first().ok_or_else(|| malformed("reads nothing"))?;
        let axis = task.axis(first, task.layer.int(0, 0)?)?;
        Ok(vec![task.net.apply(Concat { axis }, task.inputs)?])
    },
};
