//! Small networks that invite a planner to fuse operations and to share buffers, and the odd shapes of graphs.

use std::sync::Arc;

use amplio_graph::ops::{
    Attention, Concat, Dim, LayerNorm, MatMul, Reduce, ReduceKind, Reshape, Roll, ShiftMask, Slice,
    Transpose, Unary, WindowPartition, WindowReverse,
};
use amplio_graph::{Builder, Shape, Tensor, Value};

use super::Suite;
use super::convolutions::conv;
use crate::random::Random;

pub(super) fn add(suite: &mut Suite) {
    epilogues(suite);
    concatenations(suite);
    shapes_of_graphs(suite);
    suite.add("network: dense block", [1, 16, 9, 11], |net, random| {
        dense_block(net, random, net.input(), 16, 8)
    });
    suite.add("network: dense blocks in a residual", [2, 12, 7, 9], |net, random| {
        let x = net.input();
        let deep = (0..3).fold(x, |x, _| dense_block(net, random, x, 12, 5));
        let deep = net.scale(deep, 0.2);
        net.add(deep, x)
    });
    suite.add("network: channel attention", [2, 16, 9, 11], channel_attention);
    suite.add("network: window attention", [1, 12, 16, 16], |net, random| {
        let x = swin_block(net, random, net.input(), 12, 0);
        swin_block(net, random, x, 12, 2)
    });
    suite.add("network: window attention of two pictures", [2, 6, 8, 12], |net, random| {
        swin_block(net, random, net.input(), 6, 1)
    });
}

/// A 3x3 convolution to `outputs` channels.
fn conv3(net: &mut Builder, random: &mut Random, x: Value, [inputs, outputs]: [usize; 2]) -> Value {
    net.conv2d(conv(random, [outputs, inputs, 3, 3]), x)
}

fn epilogues(suite: &mut Suite) {
    suite.add("network: conv + prelu, four times", [1, 3, 9, 11], |net, random| {
        let mut x = net.input();
        for channels in [[3, 16], [16, 16], [16, 24], [24, 3]] {
            x = conv3(net, random, x, channels);
            x = net.prelu(random.tensor([channels[1]]), x);
        }
        x
    });
    suite.add("network: conv + leaky + scale + residual, twice", [1, 16, 9, 11], |net, random| {
        (0..2).fold(net.input(), |x, _| {
            let y = conv3(net, random, x, [16, 16]);
            let y = net.unary(Unary::LeakyRelu(0.2), y);
            let y = net.scale(y, 0.2);
            net.add(y, x)
        })
    });
    suite.add("network: residual on the left, before the activation", [2, 16, 5, 6], |net, random| {
        let y = conv3(net, random, net.input(), [16, 16]);
        let y = net.add(net.input(), y);
        net.unary(Unary::Relu, y)
    });
    for (r, channels) in [(2, 3), (3, 3), (4, 3), (2, 1), (2, 16)] {
        suite.add(
            format!("network: conv + shuffle {r} + nearest, {channels} channels"),
            [1, channels, 7, 9],
            |net, random| {
                let features = conv3(net, random, net.input(), [channels, 16]);
                let features = net.unary(Unary::Relu, features);
                let x = conv3(net, random, features, [16, channels * r * r]);
                let x = net.pixel_shuffle(r, x);
                let base = net.nearest(r, net.input());
                net.add(x, base)
            },
        );
    }
    suite.add("network: conv + shuffle, then activations", [2, 3, 5, 6], |net, random| {
        let x = conv3(net, random, net.input(), [3, 32]);
        let x = net.unary(Unary::Silu, x);
        let x = net.pixel_shuffle(2, x);
        let x = net.prelu(random.tensor([8]), x);
        let x = net.pixel_shuffle(2, x);
        net.unary(Unary::Tanh, x)
    });
    suite.add("network: nearest 2 + conv, twice", [1, 8, 5, 6], |net, random| {
        (0..2).fold(net.input(), |x, _| {
            let x = net.nearest(2, x);
            let x = conv3(net, random, x, [8, 8]);
            net.unary(Unary::LeakyRelu(0.2), x)
        })
    });
    suite.add("network: nearest 3 + strided 5x5 conv", [2, 4, 5, 6], |net, random| {
        let x = net.nearest(3, net.input());
        let mut op = conv(random, [8, 4, 5, 5]);
        op.stride = [2, 2];
        net.conv2d(op, x)
    });
    suite.add("network: nearest read by a conv, a sum and a concat", [1, 4, 5, 6], |net, random| {
        let large = net.nearest(2, net.input());
        let x = conv3(net, random, large, [4, 4]);
        let sum = net.add(x, large);
        net.concat(&[sum, large])
    });
    suite.add("network: shift and scale", [1, 3, 9, 11], |net, random| {
        let shift = net.constant(random.tensor([3, 1, 1]));
        let x = net.add(net.input(), shift);
        let x = conv3(net, random, x, [3, 16]);
        let [scale, shift] = [(); 2].map(|()| net.constant(random.tensor([1, 16, 1, 1])));
        let x = net.mul(scale, x);
        let x = net.add(x, shift);
        let x = net.unary(Unary::Relu, x);
        net.scale(x, 3.0)
    });
    suite.add("network: a gate", [1, 16, 5, 7], |net, random| {
        let x = conv3(net, random, net.input(), [16, 32]);
        let [a, b] = [0, 16].map(|start| net.apply(Slice { axis: 1, start, end: start + 16, step: 1 }, &[x]));
        let a = net.unary(Unary::Sigmoid, a);
        net.mul(a, b)
    });
}

fn concatenations(suite: &mut Suite) {
    suite.add("network: concat of the same value twice", [1, 3, 5, 7], |net, random| {
        let x = conv3(net, random, net.input(), [3, 5]);
        let both = net.concat(&[x, x]);
        conv3(net, random, both, [10, 4])
    });
    suite.add("network: concat of the input with itself", [1, 3, 5, 7], |net, _| {
        net.concat(&[net.input(), net.input(), net.input()])
    });
    suite.add("network: slice of a concat", [2, 3, 5, 7], |net, random| {
        let a = conv3(net, random, net.input(), [3, 5]);
        let b = conv3(net, random, net.input(), [3, 6]);
        let all = net.concat(&[a, net.input(), b]);
        let across = net.apply(Slice { axis: 1, start: 3, end: -2, step: 1 }, &[all]);
        conv3(net, random, across, [9, 4])
    });
    suite.add("network: slices are concatenated elsewhere", [1, 3, 5, 7], |net, random| {
        let x = conv3(net, random, net.input(), [3, 12]);
        let [a, b] = [0, 6].map(|start| net.apply(Slice { axis: 1, start, end: start + 6, step: 1 }, &[x]));
        let a = conv3(net, random, a, [6, 6]);
        let swapped = net.concat(&[b, a]);
        net.add(swapped, x)
    });
    suite.add("network: one value in two concats", [1, 3, 5, 7], |net, random| {
        let [a, b, c] = [(); 3].map(|()| conv3(net, random, net.input(), [3, 4]));
        let left = net.concat(&[a, b]);
        let right = net.concat(&[c, a, b]);
        let left = conv3(net, random, left, [8, 5]);
        let right = conv3(net, random, right, [12, 5]);
        net.add(left, right)
    });
    suite.add("network: concat of concats", [2, 3, 5, 7], |net, random| {
        let [a, b, c] = [(); 3].map(|()| conv3(net, random, net.input(), [3, 4]));
        let left = net.concat(&[a, b]);
        let all = net.concat(&[c, left, left]);
        let more = net.concat(&[all, a]);
        net.unary(Unary::Sin, more)
    });
    suite.add("network: a concatenated value changes on", [1, 3, 5, 7], |net, random| {
        let a = conv3(net, random, net.input(), [3, 4]);
        let active = net.unary(Unary::Relu, a);
        let later = conv3(net, random, active, [4, 4]);
        let sum = net.add(later, a);
        net.concat(&[sum, a, active])
    });
    suite.add("network: distilled channels", [1, 16, 7, 9], |net, random| {
        let mut rest = net.input();
        let mut kept = Vec::new();
        for _ in 0..3 {
            let x = conv3(net, random, rest, [16, 20]);
            let x = net.unary(Unary::LeakyRelu(0.05), x);
            kept.push(net.apply(Slice { axis: 1, start: 0, end: 4, step: 1 }, &[x]));
            rest = net.apply(Slice { axis: 1, start: 4, end: isize::MAX, step: 1 }, &[x]);
        }
        kept.push(rest);
        let all = net.concat(&kept);
        let x = net.conv2d(conv(random, [16, 28, 1, 1]), all);
        net.add(x, net.input())
    });
    suite.add("network: concat of pixels, then of channels", [1, 4, 5, 6], |net, random| {
        let x = conv3(net, random, net.input(), [4, 4]);
        let tall = net.apply(Concat { axis: 2 }, &[x, net.input()]);
        let y = net.unary(Unary::Cos, tall);
        net.concat(&[tall, y])
    });
}

fn shapes_of_graphs(suite: &mut Suite) {
    suite.add("network: the output is the input", [2, 3, 5, 7], |net, _| net.input());
    suite.add("network: the output is a slice of the input", [2, 3, 5, 7], |net, _| {
        net.apply(Slice { axis: 1, start: 1, end: 3, step: 1 }, &[net.input()])
    });
    suite.add("network: the output is an enlarged input", [1, 3, 5, 7], |net, _| net.nearest(2, net.input()));
    suite.add("network: the output is a constant", [1, 3, 5, 7], |net, random| {
        net.constant(random.tensor([2, 5]))
    });
    suite.add("network: the output is used again", [1, 3, 5, 7], |net, random| {
        let x = conv3(net, random, net.input(), [3, 3]);
        let y = net.unary(Unary::Relu, x);
        let _unread = conv3(net, random, y, [3, 3]);
        y
    });
    suite.add("network: a branch of constants", [1, 16, 5, 7], |net, random| {
        let a = net.constant(random.tensor([1, 16, 1, 1]));
        let a = net.unary(Unary::Sigmoid, a);
        let b = net.constant(random.tensor([16, 1, 1]));
        let factor = net.mul(a, b);
        let x = conv3(net, random, net.input(), [16, 16]);
        net.mul(x, factor)
    });
    suite.add("network: several consumers", [2, 3, 9, 8], |net, random| {
        let x = conv3(net, random, net.input(), [3, 16]);
        let a = net.unary(Unary::Relu, x);
        let b = conv3(net, random, x, [16, 16]);
        let c = net.mul(a, b);
        let d = net.add(c, x);
        let e = net.conv2d(conv(random, [16, 16, 1, 1]), d);
        let f = net.add(e, a);
        net.mul(f, d)
    });
    suite.add("network: a ladder of sizes", [1, 3, 12, 16], |net, random| {
        let first = conv3(net, random, net.input(), [3, 8]);
        let mut down = conv(random, [12, 8, 3, 3]);
        down.stride = [2, 2];
        let low = net.conv2d(down, first);
        let lower = net.pixel_unshuffle(2, low);
        let x = net.conv2d(conv(random, [48, 48, 1, 1]), lower);
        let x = net.pixel_shuffle(2, x);
        let x = net.add(x, low);
        let x = net.nearest(2, x);
        let x = net.concat(&[x, first]);
        conv3(net, random, x, [20, 3])
    });
    suite.add("network: a long chain", [1, 4, 6, 7], |net, random| {
        (0..20).fold(net.input(), |x, _| {
            let x = conv3(net, random, x, [4, 4]);
            net.unary(Unary::LeakyRelu(0.5), x)
        })
    });
}

/// Five convolutions, each over the block's input and the results of all before (Wang et al. 2018, arXiv 1809.00219).
fn dense_block(net: &mut Builder, random: &mut Random, x: Value, features: usize, growth: usize) -> Value {
    let mut parts = vec![x];
    for i in 0..4 {
        let all = if i == 0 { x } else { net.concat(&parts) };
        let y = conv3(net, random, all, [features + i * growth, growth]);
        parts.push(net.unary(Unary::LeakyRelu(0.2), y));
    }
    let all = net.concat(&parts);
    let y = conv3(net, random, all, [features + 4 * growth, features]);
    let y = net.scale(y, 0.2);
    net.add(y, x)
}

fn channel_attention(net: &mut Builder, random: &mut Random) -> Value {
    let features = conv3(net, random, net.input(), [16, 16]);
    let mean = Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: true };
    let x = net.apply(mean, &[features]);
    let x = net.conv2d(conv(random, [4, 16, 1, 1]), x);
    let x = net.unary(Unary::Relu, x);
    let x = net.conv2d(conv(random, [16, 4, 1, 1]), x);
    let x = net.unary(Unary::Sigmoid, x);
    let x = net.mul(features, x);
    net.add(x, net.input())
}

/// Attention inside windows of 4 by 4 pixels of a picture rolled by `shift`, then a perceptron, both with residuals (Liu et
/// al. 2021, arXiv 2103.14030).
fn swin_block(net: &mut Builder, random: &mut Random, x: Value, channels: usize, shift: usize) -> Value {
    const WINDOW: [usize; 2] = [4, 4];
    const TOKENS: usize = 16;
    const HEADS: usize = 2;
    use Dim::{Fixed, Infer, Keep};

    let roll = |net: &mut Builder, x: Value, by: isize| {
        [2, 3].into_iter().fold(x, |x, axis| net.apply(Roll { axis, shift: by }, &[x]))
    };
    let rolled = if shift == 0 { x } else { roll(net, x, -(shift as isize)) };
    let windows = net.apply(WindowPartition { window: WINDOW }, &[rolled]);
    let windows = norm(net, random, windows, [2, channels]);
    let qkv = linear(net, random, windows, [channels, 3 * channels]);
    let split = vec![Keep(0), Keep(1), Fixed(3), Fixed(HEADS), Infer];
    let qkv = net.apply(Reshape { dims: split }, &[qkv]);
    let qkv = net.apply(Transpose { axes: vec![2, 0, 3, 1, 4] }, &[qkv]);
    let mut inputs: Vec<Value> = (0..3)
        .map(|start| {
            let one = net.apply(Slice { axis: 0, start, end: start + 1, step: 1 }, &[qkv]);
            net.apply(Reshape { dims: vec![Keep(1), Keep(2), Keep(3), Keep(4)] }, &[one])
        })
        .collect();
    let mut bias = net.constant(random.tensor([1, HEADS, TOKENS, TOKENS]));
    if shift > 0 {
        let mask = net.apply(ShiftMask { window: WINDOW, shift: [shift; 2] }, &[x]);
        bias = net.add(mask, bias);
    }
    inputs.push(bias);
    let scale = 1.0 / ((channels / HEADS) as f32).sqrt();
    let attended = net.apply(Attention { scale }, &inputs);
    let attended = net.apply(Transpose { axes: vec![0, 2, 1, 3] }, &[attended]);
    let attended = net.apply(Reshape { dims: vec![Keep(0), Keep(1), Infer] }, &[attended]);
    let attended = linear(net, random, attended, [channels, channels]);
    let picture = net.apply(WindowReverse { window: WINDOW }, &[attended, x]);
    let picture = if shift == 0 { picture } else { roll(net, picture, shift as isize) };
    let x = net.add(x, picture);

    let y = norm(net, random, x, [1, channels]);
    let y = net.conv2d(conv(random, [2 * channels, channels, 1, 1]), y);
    let y = net.unary(Unary::Gelu, y);
    let y = net.conv2d(conv(random, [channels, 2 * channels, 1, 1]), y);
    net.add(x, y)
}

fn norm(net: &mut Builder, random: &mut Random, x: Value, [axis, channels]: [usize; 2]) -> Value {
    let [weight, bias] = [(); 2].map(|()| Some(Arc::new(random.tensor([channels]))));
    net.apply(LayerNorm { axis, epsilon: 1e-5, centred: true, weight, bias }, &[x])
}

fn linear(net: &mut Builder, random: &mut Random, x: Value, [inputs, outputs]: [usize; 2]) -> Value {
    let weight = random.weight([outputs, inputs]);
    let turned = Tensor::from_fn(Shape::new([inputs, outputs]), |at| weight.at(&[at[1], at[0]]));
    let weight = net.constant(turned);
    let product = net.apply(MatMul, &[x, weight]);
    let bias = net.constant(random.tensor([outputs]));
    net.add(product, bias)
}
