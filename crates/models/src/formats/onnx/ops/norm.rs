//! Values brought to mean 0 and variance 1.

use std::sync::Arc;

use amplio_graph::ops::{Binary, BinaryFn, GroupNorm, LayerNorm};
use amplio_graph::{Shape, Tensor};

use super::{Item, Operator, Task, axis};
use crate::formats::onnx::malformed;
use crate::{Error, Result};

const EPSILON: f32 = 1e-5;

/// With means and variances that were learned: a product and a sum.
pub(super) const BATCH_NORMALIZATION: Operator = Operator::new("BatchNormalization", |task| {
    let x = task.item(0)?.clone();
    let (scale, bias, mean, variance) = (task.tensor(1)?, task.tensor(2)?, task.tensor(3)?, task.tensor(4)?);
    let (epsilon, channels) = (task.node.float("epsilon", EPSILON)?, scale.data().len());
    if task.node.int("training_mode", 0)? != 0 {
        return Err(Error::unsupported("a network that still learns"));
    }
    if [&bias, &mean, &variance].iter().any(|tensor| tensor.data().len() != channels) {
        return Err(malformed("scale, bias, mean and variance of different lengths"));
    }
    let factors: Vec<f32> = scale
        .data()
        .iter()
        .zip(variance.data())
        .map(|(s, v)| (f64::from(*s) / (f64::from(*v) + f64::from(epsilon)).sqrt()) as f32)
        .collect();
    let offsets = (0..channels).map(|c| bias.data()[c] - mean.data()[c] * factors[c]).collect();
    let dims = [vec![channels], vec![1; task.net.rank(&x).saturating_sub(2)]].concat();
    let of = |data| Ok::<_, Error>(Item::from(Tensor::new(Shape::new(dims.clone()), data)?));
    let (factors, offsets) = (of(factors)?, of(offsets)?);
    let x = task.apply(Binary { function: BinaryFn::Mul }, &[x, factors])?;
    Ok(vec![task.apply(Binary { function: BinaryFn::Add }, &[x, offsets])?])
});

pub(super) const GROUP_NORMALIZATION: Operator = Operator::new("GroupNormalization", |task| {
    let groups = task.node.int("num_groups", 0)?;
    let groups = usize::try_from(groups).map_err(|_| malformed(format!("{groups} groups")))?;
    let channels = task.net.dims(task.item(0)?)[0].get(1).copied().unwrap_or(0);
    // Before version 21, there is a factor for each group.
    let each = |tensor: Arc<Tensor>| {
        let count = tensor.data().len();
        let repeats = channels.checked_div(count).filter(|_| task.opset < 21 && count == groups).unwrap_or(1);
        if repeats == 1 {
            return tensor;
        }
        Tensor::vector(tensor.data().iter().flat_map(|v| std::iter::repeat_n(*v, repeats)).collect()).into()
    };
    let (weight, bias) = (each(task.tensor(1)?), each(task.tensor(2)?));
    by_groups(task, groups, weight, bias)
});

pub(super) const INSTANCE_NORMALIZATION: Operator = Operator::new("InstanceNormalization", |task| {
    let groups = task.net.dims(task.item(0)?)[0].get(1).copied().unwrap_or(0);
    let (weight, bias) = (task.tensor(1)?, task.tensor(2)?);
    by_groups(task, groups, weight, bias)
});

fn by_groups(
    task: &mut Task<'_, '_>,
    groups: usize,
    weight: Arc<Tensor>,
    bias: Arc<Tensor>,
) -> Result<Vec<Item>> {
    let epsilon = task.node.float("epsilon", EPSILON)?;
    let x = task.item(0)?.clone();
    let norm = GroupNorm { groups, epsilon, weight: Some(weight), bias: Some(bias) };
    Ok(vec![task.apply(norm, &[x])?])
}

pub(super) const LAYER_NORMALIZATION: Operator = Operator::new("LayerNormalization", |task| {
    let x = task.item(0)?.clone();
    let rank = task.net.rank(&x);
    let axis = axis(task.node.int("axis", -1)?, rank)?;
    if axis + 1 != rank {
        return Err(Error::unsupported("a mean over several axes together; over the last one is"));
    }
    let (weight, bias) = (task.tensor(1)?, task.optional(2).map(|_| task.tensor(2)).transpose()?);
    let epsilon = task.node.float("epsilon", EPSILON)?;
    let norm = LayerNorm { axis, epsilon, centred: true, weight: Some(weight), bias };
    Ok(vec![task.apply(norm, &[x])?])
});
