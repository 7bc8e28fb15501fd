use amplio_graph::ops::{Binary, BinaryFn};
use amplio_graph::{Shape, Tensor, Value};

use super::{LayerKind, Task};
use crate::Result;
use crate::formats::ncnn::malformed;

/// Each channel times a number, and perhaps plus one: learned numbers, or those of a second value.
pub(super) const SCALE: LayerKind = LayerKind { name: "Scale", index: 29, lower };

/// Learned means and variances taken away, then a factor and a summand for each channel.
pub(super) const BATCH_NORM: LayerKind = LayerKind { name: "BatchNorm", index: 2, lower: batch_norm };

/// What stands for "as many as the second value has".
const OF_SECOND: i32 = -233;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    if task.layer.int(0, 0)? == OF_SECOND {
        let [x, factors] = task.take()?;
        return Ok(vec![task.net.apply(Binary { function: BinaryFn::Mul }, &[x, factors])?]);
    }
    let [x] = task.take()?;
    let count = task.layer.size(0, 0)?;
    let factors = task.numbers.plain(count)?;
    let y = with_each(task, x, factors, BinaryFn::Mul)?;
    if !task.layer.flag(1)? {
        return Ok(vec![y]);
    }
    let summands = task.numbers.plain(count)?;
    Ok(vec![with_each(task, y, summands, BinaryFn::Add)?])
}

fn batch_norm(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    let (count, epsilon) = (task.layer.size(0, 0)?, f64::from(task.layer.float(1, 0.0)?));
    let mut plain = || task.numbers.plain(count);
    let (slopes, means, variances, biases) = (plain()?, plain()?, plain()?, plain()?);
    let factor = |c: usize| f64::from(slopes[c]) / (f64::from(variances[c]) + epsilon).sqrt();
    let factors = (0..count).map(|c| factor(c) as f32).collect();
    let summand = |c: usize| f64::from(biases[c]) - f64::from(means[c]) * factor(c);
    let summands = (0..count).map(|c| summand(c) as f32).collect();
    let y = with_each(task, x, factors, BinaryFn::Mul)?;
    Ok(vec![with_each(task, y, summands, BinaryFn::Add)?])
}

/// The value and a number for each place along its outermost axis.
fn with_each(task: &mut Task<'_, '_>, x: Value, numbers: Vec<f32>, function: BinaryFn) -> Result<Value> {
    let shape = task.net.shape(x).clone();
    if shape.get(1) != Some(&numbers.len()) {
        return Err(malformed(format!("{} numbers for {shape}", numbers.len())));
    }
    let mut each = vec![1; shape.rank()];
    each[1] = numbers.len();
    let numbers = task.net.constant(Tensor::new(Shape::new(each), numbers)?);
    task.net.apply(Binary { function }, &[x, numbers])
}
