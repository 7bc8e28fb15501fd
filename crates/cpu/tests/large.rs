//! What is cut into parts only where it is large: matrices of many rows and long sums, attention to many tokens, means of
//! many pixels; and rows of many pixels.

use std::slice;

use amplio_cpu::{Cpu, Level};
use amplio_graph::ops::{Attention, Conv2d, Dim, GroupNorm, MatMul, Reduce, ReduceKind, Reshape, Softmax};
use amplio_graph::{Builder, Precision, Shape, Value};
use amplio_testkit::conformance::{Case, check_cases};
use amplio_testkit::random::Random;

fn check(name: &str, input: [usize; 4], build: impl FnOnce(&mut Builder, &mut Random) -> Value) {
    let mut net = Builder::new(input[1]);
    let output = build(&mut net, &mut Random::new(7));
    let case = Case {
        name: name.into(),
        graph: net.finish(output).expect("shapes that fit"),
        input: Shape::new(input),
    };
    for level in Level::available() {
        check_cases(&Cpu::new(3, level).expect("threads"), Precision::Strict, slice::from_ref(&case));
    }
}

fn reshape(net: &mut Builder, x: Value, dims: &[usize]) -> Value {
    // A zero stands for what the others leave.
    let dim = |&size: &usize| if size == 0 { Dim::Infer } else { Dim::Fixed(size) };
    net.apply(Reshape { dims: dims.iter().map(dim).collect() }, &[x])
}

#[test]
fn matrices() {
    check("a learned matrix", [1, 2, 150, 1680], |net, random| {
        let rows = reshape(net, net.input(), &[2, 0, 1680]);
        let weight = net.constant(random.weight([1680, 20]));
        net.apply(MatMul, &[rows, weight])
    });
    check("a learned matrix for each head", [1, 2, 150, 1680], |net, random| {
        let rows = reshape(net, net.input(), &[1, 2, 0, 1680]);
        let weight = net.constant(random.weight([2, 1680, 20]));
        net.apply(MatMul, &[rows, weight])
    });
    check("two pictures", [3, 1, 150, 8], |net, _| {
        let rows = reshape(net, net.input(), &[3, 0, 8]);
        let columns = reshape(net, net.input(), &[3, 8, 0]);
        net.apply(MatMul, &[rows, columns])
    });
}

#[test]
fn attention_to_many_tokens() {
    check("attention", [1, 8, 24, 28], |net, _| {
        let tokens = reshape(net, net.input(), &[1, 2, 0, 4]);
        net.apply(Attention { scale: 0.5 }, &[tokens; 3])
    });
}

#[test]
fn many_pixels() {
    check("mean", [2, 20, 150, 170], |net, _| {
        net.apply(Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: true }, &[net.input()])
    });
    check("group norm", [2, 20, 100, 90], |net, _| {
        net.apply(GroupNorm { groups: 5, epsilon: 1e-5, weight: None, bias: None }, &[net.input()])
    });
    check("softmax", [1, 5, 30, 1200], |net, _| net.apply(Softmax { axis: 3 }, &[net.input()]));
    check("wide rows", [1, 20, 5, 1500], |net, random| {
        let x = net.conv2d(Conv2d::same(random.weight([36, 20, 3, 3]), None), net.input());
        net.conv2d(Conv2d::same(random.weight([3, 36, 3, 3]), None), x)
    });
}
