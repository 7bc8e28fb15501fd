//! Operations over whole axes: norms, softmax, reductions, matrix products, attention.

use std::sync::Arc;

use amplio_graph::ops::{
    Attention, Dim, GroupNorm, LayerNorm, MatMul, Reduce, ReduceKind, Reshape, Softmax, Transpose,
    WindowPartition,
};
use amplio_graph::{Builder, Value};

use super::Suite;
use super::convolutions::conv;

pub(super) fn add(suite: &mut Suite) {
    norms(suite);
    for axis in 0..4 {
        suite.add(format!("softmax: axis {axis}"), [2, 17, 5, 6], |net, _| {
            let x = net.scale(net.input(), 5.0);
            net.apply(Softmax { axis }, &[x])
        });
    }
    suite.add("softmax: large numbers", [1, 3, 5, 65], |net, _| {
        let x = net.scale(net.input(), 1000.0);
        net.apply(Softmax { axis: 3 }, &[x])
    });
    reductions(suite);
    products(suite);
    attention(suite);
}

fn norms(suite: &mut Suite) {
    for (axis, axes) in [(1, [0, 1, 2, 3]), (2, [0, 2, 1, 3]), (3, [0, 2, 3, 1])] {
        for centred in [true, false] {
            for plain in [true, false] {
                let kind = if centred { "centred" } else { "root mean square" };
                let name =
                    format!("layer_norm: axis {axis}, {kind}{}", if plain { ", no weights" } else { "" });
                suite.add(name, [2, 17, 6, 7], |net, random| {
                    let [weight, bias] = [(); 2].map(|()| (!plain).then(|| Arc::new(random.tensor([17]))));
                    let x = net.apply(Transpose { axes: axes.to_vec() }, &[net.input()]);
                    net.apply(LayerNorm { axis, epsilon: 1e-5, centred, weight, bias }, &[x])
                });
            }
        }
        suite.add(format!("layer_norm: axis {axis} of a picture"), [2, 5, 6, 7], |net, _| {
            let norm = LayerNorm { axis, epsilon: 1e-3, centred: true, weight: None, bias: None };
            net.apply(norm, &[net.input()])
        });
    }
    suite.add("layer_norm: of tokens, far from zero", [2, 48, 5, 6], |net, random| {
        let x = tokens(net);
        let far = net.constant(random.tensor([1]).map(|v| v + 10.0));
        let x = net.add(x, far);
        let [weight, bias] = [(); 2].map(|()| Some(Arc::new(random.tensor([48]))));
        net.apply(LayerNorm { axis: 2, epsilon: 1e-6, centred: true, weight, bias }, &[x])
    });
    for groups in [1, 4, 16] {
        suite.add(format!("group_norm: {groups} groups of 16"), [2, 16, 5, 6], |net, random| {
            let [weight, bias] = [(); 2].map(|()| Some(Arc::new(random.tensor([16]))));
            net.apply(GroupNorm { groups, epsilon: 1e-5, weight, bias }, &[net.input()])
        });
    }
    suite.add("group_norm: of tokens, no weights", [2, 6, 5, 6], |net, _| {
        let x = net.apply(Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Infer] }, &[net.input()]);
        net.apply(GroupNorm { groups: 3, epsilon: 1e-5, weight: None, bias: None }, &[x])
    });
}

fn reductions(suite: &mut Suite) {
    for kind in [ReduceKind::Mean, ReduceKind::Sum, ReduceKind::Max, ReduceKind::Min] {
        for axes in [&[2, 3][..], &[1], &[3], &[2], &[0], &[1, 2, 3], &[3, 1], &[0, 1, 2, 3]] {
            for keep in [true, false] {
                let name = format!("reduce: {kind:?} {axes:?}{}", if keep { ", kept" } else { "" });
                let op = Reduce { kind, axes: axes.to_vec(), keep };
                suite.add(name, [2, 17, 5, 6], |net, _| net.apply(op, &[net.input()]));
            }
        }
    }
}

/// `[n, c, h, w]` as `[n, h * w, c]`.
fn tokens(net: &mut Builder) -> Value {
    let flat = net.apply(Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Infer] }, &[net.input()]);
    net.apply(Transpose { axes: vec![0, 2, 1] }, &[flat])
}

fn products(suite: &mut Suite) {
    for (inner, outer) in [(1, 1), (3, 16), (48, 144), (65, 3)] {
        suite.add(
            format!("matmul: tokens of {inner} by {inner}x{outer}"),
            [2, inner, 5, 6],
            |net, random| {
                let x = tokens(net);
                let weight = random.weight([outer, inner]);
                let weight = net.constant(weight);
                let weight = net.apply(Transpose { axes: vec![1, 0] }, &[weight]);
                net.apply(MatMul, &[x, weight])
            },
        );
    }
    suite.add("matmul: channels by channels", [2, 17, 5, 6], |net, _| {
        let x = tokens(net);
        let turned = net.apply(Transpose { axes: vec![0, 2, 1] }, &[x]);
        net.apply(MatMul, &[turned, x])
    });
    suite.add("matmul: pictures", [2, 3, 5, 6], |net, _| {
        let turned = net.apply(Transpose { axes: vec![0, 1, 3, 2] }, &[net.input()]);
        net.apply(MatMul, &[net.input(), turned])
    });
    suite.add("matmul: a constant on the left", [2, 7, 5, 6], |net, random| {
        let x = net.apply(Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Infer] }, &[net.input()]);
        let weight = random.weight([1, 4, 7]);
        let weight = net.constant(weight);
        net.apply(MatMul, &[weight, x])
    });
    suite.add("matmul: leading dimensions of both grow", [2, 6, 4, 5], |net, random| {
        let x = tokens(net);
        let x =
            net.apply(Reshape { dims: vec![Dim::Keep(0), Dim::Fixed(1), Dim::Keep(1), Dim::Keep(2)] }, &[x]);
        let weight = random.weight([3, 6, 8]);
        let weight = net.constant(weight);
        net.apply(MatMul, &[x, weight])
    });
}

fn attention(suite: &mut Suite) {
    // Windows of 4 by 4 pixels: [windows, 16, channels], then [windows, heads, 16, channels / heads].
    let heads = |net: &mut Builder, x: Value, heads: usize| {
        let split = vec![Dim::Keep(0), Dim::Keep(1), Dim::Fixed(heads), Dim::Infer];
        let x = net.apply(Reshape { dims: split }, &[x]);
        net.apply(Transpose { axes: vec![0, 2, 1, 3] }, &[x])
    };
    for (name, count, bias) in [
        ("one head", 1, None),
        ("three heads", 3, None),
        ("a bias for each head", 3, Some([1, 3, 16, 16])),
        ("a bias for all heads", 3, Some([1, 1, 16, 16])),
        ("a bias for each window", 2, Some([4, 2, 16, 16])),
        ("a mask for each window", 2, Some([2, 1, 16, 16])),
    ] {
        suite.add(format!("attention: {name}"), [2, 12, 8, 8], |net, random| {
            let mut projected = || {
                let x = net.conv2d(conv(random, [12, 12, 1, 1]), net.input());
                let x = net.apply(WindowPartition { window: [4, 4] }, &[x]);
                heads(net, x, count)
            };
            let mut inputs = vec![projected(), projected(), projected()];
            if let Some(shape) = bias {
                let bias = random.tensor(shape);
                inputs.push(net.constant(bias));
            }
            net.apply(Attention { scale: 0.5 }, &inputs)
        });
    }
    suite.add("attention: fewer keys, wider values", [2, 10, 6, 7], |net, random| {
        let mut tokens = |stride: usize, channels: usize| {
            let mut projection = conv(random, [channels, 10, 1, 1]);
            projection.stride = [stride; 2];
            let x = net.conv2d(projection, net.input());
            let x = net.apply(Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Infer] }, &[x]);
            let x = net.apply(Transpose { axes: vec![0, 2, 1] }, &[x]);
            heads(net, x, 2)
        };
        let inputs = [tokens(1, 8), tokens(2, 8), tokens(2, 14)];
        net.apply(Attention { scale: 2.0 }, &inputs)
    });
}
