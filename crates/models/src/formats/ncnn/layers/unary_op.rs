use amplio_graph::ops::{Binary, BinaryFn, Unary};

use super::LayerKind;
use crate::Error;

/// A mathematical function of each element.
pub(super) const UNARY_OP: LayerKind = LayerKind {
    name: "UnaryOp",
    index: 41,
    lower: |task| {
        let [x] = task.take()?;
        let functions: &[Unary] = match task.layer.int(0, 0)? {
            0 => &[Unary::Abs],
            1 => &[Unary::Neg],
            2 => &[Unary::Floor],
            3 => &[Unary::Neg, Unary::Floor, Unary::Neg],
            4 => return Ok(vec![task.net.apply(Binary { function: BinaryFn::Mul }, &[x, x])?]),
            5 => &[Unary::Sqrt],
            6 => &[Unary::Sqrt, Unary::Reciprocal],
            7 => &[Unary::Exp],
            8 => &[Unary::Log],
            9 => &[Unary::Sin],
            10 => &[Unary::Cos],
            15 => &[Unary::Reciprocal],
            16 => &[Unary::Tanh],
            other => return Err(Error::unsupported(format!("function {other} of each element"))),
        };
        let y = functions.iter().try_fold(x, |x, function| task.net.apply(*function, &[x]))?;
        Ok(vec![y])
    },
};
