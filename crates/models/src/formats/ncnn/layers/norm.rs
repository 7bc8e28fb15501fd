//! Values brought to mean 0 and variance 1.

use std::sync::Arc;

use amplio_graph::ops::{GroupNorm, LayerNorm};
use amplio_graph::{Tensor, Value};

use super::{LayerKind, Task};
use crate::formats::ncnn::malformed;
use crate::{Error, Result};

pub(super) const GROUP_NORM: LayerKind = LayerKind {
    name: "GroupNorm",
    index: 75,
    lower: |task| {
        let layer = task.layer;
        let (groups, epsilon) = (layer.size(0, 1)?, layer.float(2, 1e-3)?);
        by_groups(task, groups, layer.size(1, 0)?, epsilon, layer.int(3, 1)? != 0)
    },
};
pub(super) const INSTANCE_NORM: LayerKind = LayerKind {
    name: "InstanceNorm",
    index: 53,
    lower: |task| {
        let layer = task.layer;
        let channels = layer.size(0, 0)?;
        by_groups(task, channels, channels, layer.float(1, 1e-3)?, layer.int(2, 1)? != 0)
    },
};
pub(super) const LAYER_NORM: LayerKind = LayerKind {
    name: "LayerNorm",
    index: 76,
    lower: |task| {
        let [x] = task.take()?;
        let (size, epsilon) = (task.layer.size(0, 0)?, task.layer.float(1, 1e-3)?);
        let axis = task.net.shape(x).rank() - 1;
        if task.net.shape(x)[axis] != size {
            let what = format!("a mean of {size} numbers of {}; of the last axis is", task.net.shape(x));
            return Err(Error::unsupported(what));
        }
        let (weight, bias) = affine(task, size, task.layer.int(2, 1)? != 0)?;
        Ok(vec![task.net.apply(LayerNorm { axis, epsilon, centred: true, weight, bias }, &[x])?])
    },
};

fn by_groups(
    task: &mut Task<'_, '_>,
    groups: usize,
    channels: usize,
    epsilon: f32,
    learned: bool,
) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    if channels != task.net.channels(x) {
        return Err(malformed(format!("{channels} channels of {}", task.net.shape(x))));
    }
    let (weight, bias) = affine(task, channels, learned)?;
    Ok(vec![task.net.apply(GroupNorm { groups, epsilon, weight, bias }, &[x])?])
}

/// The learned factors and summands, if there are some.
type Affine = (Option<Arc<Tensor>>, Option<Arc<Tensor>>);

fn affine(task: &mut Task<'_, '_>, count: usize, learned: bool) -> Result<Affine> {
    if !learned {
        return Ok((None, None));
    }
    let mut plain = || Ok::<_, Error>(Some(Arc::new(Tensor::vector(task.numbers.plain(count)?))));
    Ok((plain()?, plain()?))
}
