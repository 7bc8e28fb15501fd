use amplio_graph::ops::{Pad, PadMode};

use super::LayerKind;
use crate::Error;

/// Rows and columns added around the picture.
pub(super) const PADDING: LayerKind = LayerKind {
    name: "Padding",
    index: 43,
    lower: |task| {
        let [x] = task.take()?;
        let layer = task.layer;
        if layer.int(6, 0)? != 0 || layer.int(7, 0)? != 0 || layer.int(8, 0)? != 0 {
            return Err(Error::unsupported("padding of channels, or with another number for each"));
        }
        let mode = match layer.int(4, 0)? {
            0 => PadMode::Constant(layer.float(5, 0.0)?),
            1 => PadMode::Replicate,
            2 => PadMode::Reflect,
            other => return Err(Error::unsupported(format!("padding of the kind {other}"))),
        };
        let amounts = [layer.size(0, 0)?, layer.size(2, 0)?, layer.size(1, 0)?, layer.size(3, 0)?];
        Ok(vec![task.net.apply(Pad { mode, amounts }, &[x])?])
    },
};
