//! Products of matrices.

use amplio_graph::Tensor;
use amplio_graph::ops::{Binary, BinaryFn, MatMul, Transpose};

use super::{Item, Operator, Task};
use crate::Result;
use crate::formats::onnx::malformed;

/// The product; a vector is a matrix of one row, or of one column.
pub(super) const MATMUL: Operator = Operator::new("MatMul", |task| {
    let (mut a, mut b) = (task.item(0)?.clone(), task.item(1)?.clone());
    let (row, column) = (task.net.rank(&a) == 1, task.net.rank(&b) == 1);
    if row {
        let dims = task.net.dims(&a).map(|d| vec![1, d[0]]);
        a = task.net.reshape(&a, &dims)?;
    }
    if column {
        let dims = task.net.dims(&b).map(|d| vec![d[0], 1]);
        b = task.net.reshape(&b, &dims)?;
    }
    let product = task.apply(MatMul, &[a, b])?;
    let dims = task.net.dims(&product).map(|mut dims| {
        let rank = dims.len();
        if column {
            dims.remove(rank - 1);
        }
        if row {
            dims.remove(rank - 2);
        }
        dims
    });
    Ok(vec![task.net.reshape(&product, &dims)?])
});

/// The product of two matrices and a sum, each times a number.
pub(super) const GEMM: Operator = Operator::new("Gemm", |task| {
    let mut sides = [task.item(0)?.clone(), task.item(1)?.clone()];
    for (side, name) in sides.iter_mut().zip(["transA", "transB"]) {
        if task.net.rank(side) != 2 {
            return Err(malformed(format!("{} dimensions of a matrix", task.net.rank(side))));
        }
        if task.node.int(name, 0)? != 0 {
            *side = task.apply(Transpose { axes: vec![1, 0] }, std::slice::from_ref(side))?;
        }
    }
    let product = task.apply(MatMul, &sides)?;
    let product = times(task, product, "alpha")?;
    let Some(summand) = task.optional(2).cloned() else { return Ok(vec![product]) };
    let summand = times(task, summand, "beta")?;
    Ok(vec![task.apply(Binary { function: BinaryFn::Add }, &[product, summand])?])
});

fn times(task: &mut Task<'_, '_>, x: Item, factor: &str) -> Result<Item> {
    match task.node.float(factor, 1.0)? {
        1.0 => Ok(x),
        factor => task.apply(Binary { function: BinaryFn::Mul }, &[x, Tensor::scalar(factor).into()]),
    }
}
