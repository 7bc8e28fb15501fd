//! Functions of each element and of two, in every order and with every way to broadcast.

use amplio_graph::ops::{Binary, BinaryFn, Dim, Prelu, Reduce, ReduceKind, Reshape, Slice, Unary};
use amplio_graph::{Builder, Tensor, Value};

use super::Suite;
use super::convolutions::conv;

const FUNCTIONS: [BinaryFn; 7] =
    [BinaryFn::Add, BinaryFn::Sub, BinaryFn::Mul, BinaryFn::Div, BinaryFn::Max, BinaryFn::Min, BinaryFn::Pow];

pub(super) fn add(suite: &mut Suite) {
    unary(suite);
    prelu(suite);
    for function in FUNCTIONS {
        binary(suite, function);
    }
    broadcasting(suite);
}

/// Every function, with the range of its argument: the picture's is -1 to 1.
const UNARY: [(Unary, f32, f32); 27] = [
    (Unary::Relu, 1.0, 0.0),
    (Unary::LeakyRelu(0.1), 1.0, 0.0),
    (Unary::LeakyRelu(-0.5), 1.0, 0.0),
    (Unary::Clamp(-0.25, 0.5), 1.0, 0.0),
    (Unary::Clamp(0.0, f32::INFINITY), 1.0, 0.0),
    (Unary::Sigmoid, 12.0, 0.0),
    (Unary::Tanh, 6.0, 0.0),
    (Unary::Tanh, 0.01, 0.0),
    (Unary::Silu, 12.0, 0.0),
    (Unary::Gelu, 7.0, 0.0),
    (Unary::GeluTanh, 7.0, 0.0),
    (Unary::HardSigmoid(0.2, 0.5), 4.0, 0.0),
    (Unary::HardSwish, 4.0, 0.0),
    (Unary::Mish, 25.0, 0.0),
    (Unary::Softplus, 30.0, 0.0),
    (Unary::Elu(1.0), 5.0, 0.0),
    (Unary::Elu(0.3), 1.0, 0.0),
    (Unary::Erf, 4.0, 0.0),
    (Unary::Exp, 8.0, 0.0),
    (Unary::Log, 5.0, 5.5),
    (Unary::Sqrt, 2.0, 2.0),
    (Unary::Reciprocal, 1.0, 1.5),
    (Unary::Abs, 1.0, 0.0),
    (Unary::Neg, 1.0, 0.0),
    (Unary::Sin, 20.0, 0.0),
    (Unary::Cos, 20.0, 0.0),
    // Powers of two, that a rounding error does not cross a step.
    (Unary::Floor, 8.0, 0.0),
];

fn unary(suite: &mut Suite) {
    for (function, factor, offset) in UNARY {
        suite.add(format!("unary: {function:?}"), [2, 3, 7, 9], |net, _| {
            let x = net.scale(net.input(), factor);
            let offset = net.constant(Tensor::scalar(offset));
            let x = net.add(x, offset);
            net.unary(function, x)
        });
    }
    for input in [[1, 1, 1, 1], [1, 65, 3, 5], [1, 16, 32, 33]] {
        suite.add("unary: Gelu of the input", input, |net, _| net.unary(Unary::Gelu, net.input()));
    }
    suite.add("unary: a chain", [1, 3, 7, 9], |net, _| {
        [Unary::Sin, Unary::Relu, Unary::Exp, Unary::Neg]
            .into_iter()
            .fold(net.input(), |x, f| net.unary(f, x))
    });
    suite.add("unary: after a convolution", [1, 3, 7, 9], |net, random| {
        let x = net.conv2d(conv(random, [20, 3, 3, 3]), net.input());
        [Unary::Silu, Unary::Tanh].into_iter().fold(x, |x, f| net.unary(f, x))
    });
    suite.add("unary: of tokens", [1, 6, 7, 9], |net, _| {
        let tokens = Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Infer] };
        let x = net.apply(tokens, &[net.input()]);
        net.unary(Unary::GeluTanh, x)
    });
}

fn prelu(suite: &mut Suite) {
    for channels in [1, 3, 16, 65] {
        suite.add(format!("prelu: {channels} channels"), [2, channels, 5, 7], |net, random| {
            net.prelu(random.tensor([channels]), net.input())
        });
    }
    suite.add("prelu: one slope", [1, 5, 5, 7], |net, _| net.prelu(Tensor::vector(vec![0.3]), net.input()));
    suite.add("prelu: slopes of a matrix's columns", [2, 9, 4, 5], |net, random| {
        let mean = Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: false };
        let x = net.apply(mean, &[net.input()]);
        net.apply(Prelu { slopes: random.tensor([9]).into() }, &[x])
    });
}

/// The picture's absolute value plus a bit: for arguments that must be positive.
fn positive(net: &mut Builder, x: Value) -> Value {
    let x = net.unary(Unary::Abs, x);
    let bit = net.constant(Tensor::scalar(0.5));
    net.add(x, bit)
}

fn binary(suite: &mut Suite, function: BinaryFn) {
    let of = |net: &mut Builder, a: Value, b: Value| net.apply(Binary { function }, &[a, b]);
    let name = |what: &str| format!("binary: {function:?}, {what}");
    suite.add(name("two convolutions"), [1, 3, 7, 9], |net, random| {
        let [a, b] = [(); 2].map(|()| net.conv2d(conv(random, [16, 3, 3, 3]), net.input()));
        let [a, b] = [positive(net, a), positive(net, b)];
        of(net, a, b)
    });
    suite.add(name("the input and a convolution"), [2, 5, 7, 9], |net, random| {
        let a = positive(net, net.input());
        let b = net.conv2d(conv(random, [5, 5, 3, 3]), a);
        let b = positive(net, b);
        of(net, a, b)
    });
    suite.add(name("a scalar on the right"), [1, 3, 7, 9], |net, _| {
        let x = positive(net, net.input());
        let c = net.constant(Tensor::scalar(0.75));
        of(net, x, c)
    });
    suite.add(name("a scalar on the left"), [1, 3, 7, 9], |net, _| {
        let x = positive(net, net.input());
        let c = net.constant(Tensor::vector(vec![0.75]));
        of(net, c, x)
    });
    suite.add(name("channels on the right"), [2, 16, 5, 7], |net, random| {
        let x = positive(net, net.input());
        let c = net.constant(random.tensor([16, 1, 1]).map(|v| v.abs() + 0.5));
        of(net, x, c)
    });
    suite.add(name("channels on the left of a convolution"), [1, 3, 5, 7], |net, random| {
        let x = net.conv2d(conv(random, [17, 3, 1, 1]), net.input());
        let x = positive(net, x);
        let c = net.constant(random.tensor([1, 17, 1, 1]).map(|v| v.abs() + 0.5));
        of(net, c, x)
    });
    suite.add(name("itself"), [1, 3, 5, 7], |net, random| {
        let x = net.conv2d(conv(random, [4, 3, 1, 1]), net.input());
        let x = positive(net, x);
        of(net, x, x)
    });
}

/// One channel, one row, one column, or one pixel of a value.
fn thin(net: &mut Builder, x: Value, axes: &[usize]) -> Value {
    axes.iter().fold(x, |x, &axis| net.apply(Slice { axis, start: 1, end: 2, step: 1 }, &[x]))
}

fn broadcasting(suite: &mut Suite) {
    for axes in [&[1][..], &[2], &[3], &[1, 2], &[1, 3], &[2, 3], &[1, 2, 3]] {
        for swapped in [false, true] {
            let name = format!("binary: one along {axes:?}{}", if swapped { ", on the left" } else { "" });
            suite.add(name, [2, 5, 6, 7], |net, random| {
                let x = net.conv2d(conv(random, [5, 5, 1, 1]), net.input());
                let small = thin(net, net.input(), axes);
                let function = if swapped { BinaryFn::Sub } else { BinaryFn::Mul };
                net.apply(Binary { function }, &if swapped { [small, x] } else { [x, small] })
            });
        }
    }
    suite.add("binary: one picture for all", [1, 5, 6, 7], |net, random| {
        let three = net.constant(random.tensor([3, 5, 1, 1]));
        net.mul(net.input(), three)
    });
    suite.add("binary: both sides grow", [2, 5, 6, 7], |net, _| {
        let column = thin(net, net.input(), &[3]);
        let channel = thin(net, net.input(), &[1, 2]);
        net.add(column, channel)
    });
    suite.add("binary: fewer dimensions", [1, 5, 6, 7], |net, random| {
        let x = net.conv2d(conv(random, [5, 5, 3, 3]), net.input());
        let flat = Reshape { dims: vec![Dim::Keep(1), Dim::Keep(2), Dim::Keep(3)] };
        let y = net.apply(flat, &[net.input()]);
        net.add(y, x)
    });
    suite.add("binary: a whole picture of constants", [1, 5, 6, 7], |net, random| {
        // Wider than the picture, of which one pixel is taken.
        let pixel = thin(net, net.input(), &[2, 3]);
        let many = net.constant(random.tensor([1, 5, 4, 3]));
        net.apply(Binary { function: BinaryFn::Sub }, &[many, pixel])
    });
    suite.add("binary: tokens and a vector", [2, 6, 3, 4], |net, random| {
        let tokens = Reshape { dims: vec![Dim::Keep(0), Dim::Infer, Dim::Keep(1)] };
        let x = net.apply(tokens, &[net.input()]);
        let bias = net.constant(random.tensor([6]));
        net.add(bias, x)
    });
}
