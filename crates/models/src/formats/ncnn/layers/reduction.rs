use amplio_graph::ops::{Reduce, ReduceKind};

use super::LayerKind;
use crate::Error;

/// One number for all elements along some axes.
pub(super) const REDUCTION: LayerKind = LayerKind {
    name: "Reduction",
    index: 25,
    lower: |task| {
        let [x] = task.take()?;
        let layer = task.layer;
        let kind = match layer.int(0, 0)? {
            0 => ReduceKind::Sum,
            3 => ReduceKind::Mean,
            4 => ReduceKind::Max,
            5 => ReduceKind::Min,
            other => return Err(Error::unsupported(format!("reduction of the kind {other}"))),
        };
        // What drops axes would no longer be a picture.
        if layer.flag(1)? || !layer.flag(4)? || layer.float(2, 1.0)? != 1.0 {
            return Err(Error::unsupported("a reduction of everything, that drops axes, or with a factor"));
        }
        let axes = layer.ints(3)?.iter().map(|axis| task.axis(x, *axis)).collect::<Result<_, _>>()?;
        Ok(vec![task.net.apply(Reduce { kind, axes, keep: true }, &[x])?])
    },
};
