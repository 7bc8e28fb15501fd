use amplio_graph::ops::Concat;

use super::LayerKind;
use crate::Error;

/// Values one after the other.
pub(super) const CONCAT: LayerKind = LayerKind {
    name: "Concat",
    index: 5,
    lower: |task| {
        // Without the batch: channels, rows, columns; negative from the end.
        let axis = match task.layer.int(0, 0)? {
            0 | -3 => 1,
            1 | -2 => 2,
            2 | -1 => 3,
            other => return Err(Error::unsupported(format!("axis {other}; 0, 1 and 2 are"))),
        };
        Ok(vec![task.net.apply(Concat { axis }, task.inputs)?])
    },
};
