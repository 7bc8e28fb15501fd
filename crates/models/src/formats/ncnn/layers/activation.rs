//! Functions of each element, as layers and as what follows a convolution in its layer.

use amplio_graph::ops::Unary;
use amplio_graph::{Op, Value};

use super::{LayerKind, Task};
use crate::formats::ncnn::param::Layer;
use crate::formats::net::Net;
use crate::{Error, Result};

pub(super) const ELU: LayerKind =
    LayerKind { name: "ELU", index: 11, lower: |task| unary(task, |l| Ok(Unary::Elu(l.float(0, 0.1)?))) };
pub(super) const GELU: LayerKind = LayerKind {
    name: "GELU",
    index: 80,
    lower: |task| unary(task, |l| Ok(if l.flag(0)? { Unary::GeluTanh } else { Unary::Gelu })),
};
pub(super) const HARD_SIGMOID: LayerKind = LayerKind {
    name: "HardSigmoid",
    index: 65,
    lower: |task| unary(task, |l| Ok(Unary::HardSigmoid(l.float(0, 0.2)?, l.float(1, 0.5)?))),
};
pub(super) const HARD_SWISH: LayerKind = LayerKind {
    name: "HardSwish",
    index: 67,
    lower: |task| {
        let [x] = task.take()?;
        let (slope, offset) = (task.layer.float(0, 0.2)?, task.layer.float(1, 0.5)?);
        Ok(vec![hard_swish(task.net, slope, offset, x)?])
    },
};
pub(super) const MISH: LayerKind =
    LayerKind { name: "Mish", index: 71, lower: |task| unary(task, |_| Ok(Unary::Mish)) };
pub(super) const RELU: LayerKind =
    LayerKind { name: "ReLU", index: 26, lower: |task| unary(task, |l| Ok(relu(l.float(0, 0.0)?))) };
pub(super) const SIGMOID: LayerKind =
    LayerKind { name: "Sigmoid", index: 30, lower: |task| unary(task, |_| Ok(Unary::Sigmoid)) };
pub(super) const SOFTPLUS: LayerKind =
    LayerKind { name: "Softplus", index: 77, lower: |task| unary(task, |_| Ok(Unary::Softplus)) };
pub(super) const SWISH: LayerKind =
    LayerKind { name: "Swish", index: 73, lower: |task| unary(task, |_| Ok(Unary::Silu)) };
pub(super) const TAN_H: LayerKind =
    LayerKind { name: "TanH", index: 35, lower: |task| unary(task, |_| Ok(Unary::Tanh)) };

pub(super) fn unary(
    task: &mut Task<'_, '_>,
    function: impl Fn(&Layer) -> Result<Unary>,
) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    Ok(vec![task.net.apply(function(task.layer)?, &[x])?])
}

/// What follows a convolution in its layer: attributes 9 (which function) and 10 (its numbers).
pub(super) fn fused(layer: &Layer, net: &mut Net, x: Value) -> Result<Value> {
    let numbers = layer.floats(10)?;
    let number = |i: usize, default: f32| numbers.get(i).copied().unwrap_or(default);
    let function = match layer.int(9, 0)? {
        0 => return Ok(x),
        1 => Unary::Relu,
        2 => relu(number(0, 0.0)),
        3 => Unary::Clamp(number(0, f32::MIN), number(1, f32::MAX)),
        4 => Unary::Sigmoid,
        5 => Unary::Mish,
        6 => return hard_swish(net, number(0, 0.2), number(1, 0.5), x),
        7 => Unary::Gelu,
        other => return Err(Error::unsupported(format!("activation {other} after a convolution"))),
    };
    net.apply(function, &[x])
}

fn relu(slope: f32) -> Unary {
    if slope == 0.0 { Unary::Relu } else { Unary::LeakyRelu(slope) }
}

fn hard_swish(net: &mut Net, slope: f32, offset: f32, x: Value) -> Result<Value> {
    const USUAL: (f32, f32) = (1.0 / 6.0, 0.5);
    let distance = (slope - USUAL.0).abs().max((offset - USUAL.1).abs());
    if distance < 1e-6 {
        return net.apply(Unary::HardSwish, &[x]);
    }
    let gate = net.apply(Unary::HardSigmoid(slope, offset), &[x])?;
    net.apply(Op::from(amplio_graph::ops::Binary { function: amplio_graph::ops::BinaryFn::Mul }), &[x, gate])
}
