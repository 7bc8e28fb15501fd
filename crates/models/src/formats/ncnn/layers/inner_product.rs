use amplio_graph::ops::{Binary, BinaryFn, Conv2d, MatMul};
use amplio_graph::{Shape, Tensor, Value};

use super::{LayerKind, Task, activation};
use crate::formats::ncnn::malformed;
use crate::{Error, Result};

/// A matrix times a vector or times each row of a matrix, with an activation after it.
pub(super) const INNER_PRODUCT: LayerKind = LayerKind { name: "InnerProduct", index: 15, lower };

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let layer = task.layer;
    if layer.flag(8)? {
        return Err(Error::unsupported("int8 weights; f32 and f16 are"));
    }
    let [x] = task.take()?;
    let (outputs, count) = (layer.size(0, 0)?, layer.int(2, 0)?);
    let inputs = usize::try_from(count).ok().filter(|n| *n > 0 && outputs > 0 && n.is_multiple_of(outputs));
    let inputs =
        inputs.ok_or_else(|| malformed(format!("{count} weights are not {outputs} rows")))? / outputs;
    let rows = task.net.shape(x).to_vec();
    let vector = rows[..] == [1, inputs, 1, 1];
    if !vector && !matches!(rows[..], [1, _, width] if width == inputs) {
        let what = format!("a product of rows of {inputs} numbers with {}", task.net.shape(x));
        return Err(Error::unsupported(what));
    }
    let weight = task.numbers.flagged(outputs * inputs)?;
    let bias = if layer.flag(1)? { Some(task.numbers.plain(outputs)?) } else { None };
    let y = if vector {
        of_vector(task, [outputs, inputs], weight, bias, x)?
    } else {
        of_rows(task, [outputs, inputs], weight, bias, x)?
    };
    Ok(vec![activation::fused(layer, task.net, y)?])
}

fn of_vector(
    task: &mut Task<'_, '_>,
    [outputs, inputs]: [usize; 2],
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    x: Value,
) -> Result<Value> {
    let weight = Tensor::new(Shape::new([outputs, inputs, 1, 1]), weight)?;
    task.net.apply(Conv2d::same(weight, bias.map(|bias| Tensor::vector(bias).into())), &[x])
}

fn of_rows(
    task: &mut Task<'_, '_>,
    [outputs, inputs]: [usize; 2],
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    x: Value,
) -> Result<Value> {
    let columns = Tensor::from_fn(Shape::new([inputs, outputs]), |at| weight[at[1] * inputs + at[0]]);
    let columns = task.net.constant(columns);
    let y = task.net.apply(MatMul, &[x, columns])?;
    let Some(bias) = bias else { return Ok(y) };
    let bias = task.net.constant(Tensor::vector(bias));
    task.net.apply(Binary { function: BinaryFn::Add }, &[y, bias])
}
