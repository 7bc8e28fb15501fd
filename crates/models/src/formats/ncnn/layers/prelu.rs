use amplio_graph::Tensor;
use amplio_graph::ops::Prelu;

use super::LayerKind;

/// Leaky ReLU with learned slopes.
pub(super) const PRELU: LayerKind = LayerKind {
    name: "PReLU",
    index: 23,
    lower: |task| {
        let [x] = task.take()?;
        let slopes = Tensor::vector(task.numbers.plain(task.layer.size(0, 0)?)?);
        Ok(vec![task.net.apply(Prelu { slopes: slopes.into() }, &[x])?])
    },
};
