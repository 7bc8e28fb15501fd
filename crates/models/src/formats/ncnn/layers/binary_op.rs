use amplio_graph::Tensor;
use amplio_graph::ops::{Binary, BinaryFn};

use super::LayerKind;
use crate::Error;

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
            (a, b)
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
