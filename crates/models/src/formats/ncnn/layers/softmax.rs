use amplio_graph::ops::Softmax;

use super::LayerKind;

/// Exponentials, divided by their sum along an axis.
pub(super) const SOFTMAX: LayerKind = LayerKind {
    name: "Softmax",
    index: 32,
    lower: |task| {
        let [x] = task.take()?;
        let axis = task.axis(x, task.layer.int(0, 0)?)?;
        Ok(vec![task.net.apply(Softmax { axis }, &[x])?])
    },
};
