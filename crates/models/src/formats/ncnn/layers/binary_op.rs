use amplio_graph::ops::{Binary, BinaryFn, Dim, Reshape};
use amplio_graph::{Tensor, Value};

use super::{LayerKind, Task};
use crate::{Error, Result};

/// A function of two values, or of a value and a number.
pub(super) const BINARY_OP: LayerKind = LayerKind {
    name: "BinaryOp",
    index: 40,
    lower: |task| {
        let (a, b) = if task.layer.flag(1)? {
            let [a] = task.take()?;
            (a, task.net.constant(Tensor::scalar(task.layer.float(2, 0.0)?)))
        } else {
            let [a, b] = task.take()?;
            (raised(task, a, b)?, raised(task, b, a)?)
        };
        let (function, swapped) = match task.layer.int(0, 0)? {
            0 => (BinaryFn::Add, false),
            1 => (BinaryFn::Sub, false),
            2 => (BinaryFn::Mul, false),
            3 => (BinaryFn::Div, false),
            4 => (BinaryFn::Max, false),
            5 => (BinaryFn::Min, false),
            6 => (BinaryFn::Pow, false),
            7 => (BinaryFn::Sub, true),
            8 => (BinaryFn::Div, true),
            9 => (BinaryFn::Pow, true),
            other => return Err(Error::unsupported(format!("function {other} of two values"))),
        };
        let inputs = if swapped { [b, a] } else { [a, b] };
        Ok(vec![task.net.apply(Binary { function }, &inputs)?])
    },
};

/// `x` under as many dimensions as `other` has. A vector's numbers belong to the rows of a matrix if there are as many of
/// them, or else to its columns; the rows of a matrix belong to the channels of a picture.
fn raised(task: &mut Task<'_, '_>, x: Value, other: Value) -> Result<Value> {
    let (own, like) = (task.net.shape(x), task.net.shape(other));
    let dims = match (&own[..], &like[..]) {
        ([1, n, 1, 1], [1, rows, _]) if n == rows => vec![Dim::Fixed(1), Dim::Keep(1), Dim::Fixed(1)],
        ([1, _, 1, 1], [1, _, _]) => vec![Dim::Fixed(1), Dim::Fixed(1), Dim::Keep(1)],
        ([1, _, _], [1, _, height, width]) if [*height, *width] != [1, 1] => {
            vec![Dim::Fixed(1), Dim::Keep(1), Dim::Keep(2), Dim::Fixed(1)]
        }
        _ => return Ok(x),
    };
    task.net.apply(Reshape { dims }, &[x])
}
