use amplio_graph::ops::{MatMul, Transpose};

use super::LayerKind;
use crate::formats::ncnn::malformed;

/// The product of two matrices, or of two stacks of them.
pub(super) const MAT_MUL: LayerKind = LayerKind {
    name: "MatMul",
    index: 87,
    lower: |task| {
        let [a, mut b] = task.take()?;
        let ranks = [a, b].map(|value| task.net.shape(value).rank());
        if ranks[0] != ranks[1] {
            return Err(malformed(format!("a product of {} and {}", task.net.shape(a), task.net.shape(b))));
        }
        if task.layer.flag(0)? {
            let mut axes: Vec<_> = (0..ranks[1]).collect();
            axes.swap(ranks[1] - 2, ranks[1] - 1);
            b = task.net.apply(Transpose { axes }, &[b])?;
        }
        Ok(vec![task.net.apply(MatMul, &[a, b])?])
    },
};
