use amplio_graph::ops::Unary;

use super::{LayerKind, activation};
use crate::formats::ncnn::malformed;

/// Values held between two numbers.
pub(super) const CLIP: LayerKind = LayerKind {
    name: "Clip",
    index: 54,
    lower: |task| {
        activation::unary(task, |layer| {
            let (low, high) = (layer.float(0, f32::MIN)?, layer.float(1, f32::MAX)?);
            if low <= high {
                Ok(Unary::Clamp(low, high))
            } else {
                Err(malformed(format!("nothing lies from {low} to {high}")))
            }
        })
    },
};
