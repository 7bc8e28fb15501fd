//! Convolutions and transposed convolutions.

use std::sync::Arc;

use amplio_graph::ops::{Conv2d, ConvTranspose2d};

use super::Suite;
use crate::random::Random;

pub(super) fn add(suite: &mut Suite) {
    for side in [1, 2, 3, 5, 7] {
        for channels in [[3, 16], [16, 3], [1, 1], [48, 16]] {
            same(suite, [1, channels[0], 9, 11], channels[1], side);
        }
    }
    for channels in [[16, 48], [48, 65], [65, 65], [65, 3], [3, 65], [64, 64], [1, 48], [33, 17]] {
        same(suite, [1, channels[0], 7, 10], channels[1], 3);
        same(suite, [1, channels[0], 5, 9], channels[1], 1);
    }
    // Borders of every kind of tile, pictures smaller than any, several pictures.
    for size in [[1, 1], [1, 9], [9, 1], [2, 2], [3, 5], [6, 6], [8, 24], [25, 40], [33, 47]] {
        same(suite, [1, 16, size[0], size[1]], 16, 3);
    }
    same(suite, [2, 3, 13, 14], 16, 3);
    same(suite, [3, 16, 5, 7], 20, 3);
    attributes(suite);
    depthwise(suite);
    transposed(suite);
}

/// A convolution with a square kernel that keeps the picture's size (if the kernel is odd).
fn same(suite: &mut Suite, input: [usize; 4], outputs: usize, side: usize) {
    let name = format!("conv2d: {side}x{side}, {} to {outputs} channels", input[1]);
    suite.add(name, input, |net, random| {
        let conv = conv(random, [outputs, input[1], side, side]);
        net.conv2d(conv, net.input())
    });
}

fn attributes(suite: &mut Suite) {
    let mut with = |name: &str, input: [usize; 4], weight: [usize; 4], change: &dyn Fn(&mut Conv2d)| {
        suite.add(format!("conv2d: {name}"), input, |net, random| {
            let mut conv = conv(random, weight);
            change(&mut conv);
            net.conv2d(conv, net.input())
        });
    };
    with("no bias", [1, 16, 9, 8], [16, 16, 3, 3], &|conv| conv.bias = None);
    with("stride 2", [1, 16, 9, 12], [32, 16, 3, 3], &|conv| conv.stride = [2, 2]);
    with("stride 2 of 3 channels", [1, 3, 10, 11], [16, 3, 3, 3], &|conv| conv.stride = [2, 2]);
    with("stride 2x1, 1x1", [1, 16, 9, 8], [16, 16, 1, 1], &|conv| conv.stride = [2, 1]);
    with("stride 4 of 7x7", [1, 3, 23, 22], [24, 3, 7, 7], &|conv| conv.stride = [4, 4]);
    with("stride 3 beyond the kernel", [1, 4, 11, 10], [4, 4, 2, 2], &|conv| conv.stride = [3, 3]);
    with("dilation 2", [1, 16, 9, 8], [16, 16, 3, 3], &|conv| {
        (conv.dilation, conv.padding) = ([2, 2], [2; 4]);
    });
    with("dilation 3x1", [2, 5, 11, 8], [7, 5, 3, 3], &|conv| {
        (conv.dilation, conv.padding) = ([3, 1], [3, 1, 3, 1]);
    });
    with("dilation and stride 2", [1, 8, 12, 13], [8, 8, 3, 3], &|conv| {
        (conv.dilation, conv.stride, conv.padding) = ([2, 2], [2, 2], [2; 4]);
    });
    with("no padding", [1, 16, 9, 8], [16, 16, 3, 3], &|conv| conv.padding = [0; 4]);
    with("no padding, one pixel", [1, 16, 3, 3], [16, 16, 3, 3], &|conv| conv.padding = [0; 4]);
    with("no padding of 5x5", [1, 8, 9, 12], [16, 8, 5, 5], &|conv| conv.padding = [0; 4]);
    with("asymmetrical padding", [1, 16, 9, 8], [16, 16, 3, 3], &|conv| conv.padding = [0, 2, 1, 0]);
    with("padding on one side", [1, 3, 9, 8], [16, 3, 2, 2], &|conv| conv.padding = [0, 0, 1, 1]);
    with("padding beyond the kernel", [1, 16, 5, 4], [16, 16, 3, 3], &|conv| conv.padding = [4, 3, 2, 5]);
    with("padded 1x1", [1, 16, 5, 4], [16, 16, 1, 1], &|conv| conv.padding = [1; 4]);
    with("kernel 1x5", [1, 16, 9, 8], [16, 16, 1, 5], &|_| ());
    with("kernel 5x1", [1, 16, 9, 8], [16, 16, 5, 1], &|_| ());
    with("kernel 3x7 stride 1x2", [1, 6, 9, 16], [10, 6, 3, 7], &|conv| conv.stride = [1, 2]);
    with("2 groups", [1, 32, 9, 8], [48, 16, 3, 3], &|conv| conv.groups = 2);
    with("3 groups of 1x1", [2, 48, 5, 7], [48, 16, 1, 1], &|conv| conv.groups = 3);
    with("5 small groups", [1, 15, 9, 8], [10, 3, 3, 3], &|conv| conv.groups = 5);
    with("groups, stride 2", [1, 32, 9, 8], [32, 8, 3, 3], &|conv| (conv.groups, conv.stride) = (4, [2, 2]));
}

fn depthwise(suite: &mut Suite) {
    for (channels, side) in [(16, 3), (48, 5), (3, 3), (65, 7), (1, 5), (16, 13), (17, 1), (32, 31)] {
        let name = format!("conv2d: depthwise {side}x{side}, {channels} channels");
        suite.add(name, [1, channels, 15, 18], |net, random| {
            let conv = Conv2d { groups: channels, ..conv(random, [channels, 1, side, side]) };
            net.conv2d(conv, net.input())
        });
    }
    suite.add("conv2d: depthwise, stride 2, dilation 2", [2, 16, 15, 18], |net, random| {
        let spread = Conv2d { stride: [2, 2], dilation: [2, 2], ..conv(random, [16, 1, 3, 3]) };
        net.conv2d(Conv2d { groups: 16, ..spread }, net.input())
    });
    suite.add("conv2d: depthwise, two outputs each", [1, 8, 9, 10], |net, random| {
        net.conv2d(Conv2d { groups: 8, ..conv(random, [16, 1, 3, 3]) }, net.input())
    });
}

fn transposed(suite: &mut Suite) {
    let mut with =
        |name: &str, input: [usize; 4], weight: [usize; 4], change: &dyn Fn(&mut ConvTranspose2d)| {
            suite.add(format!("conv_transpose2d: {name}"), input, |net, random| {
                let mut op = ConvTranspose2d {
                    weight: random.weight(weight).into(),
                    bias: None,
                    stride: [2, 2],
                    padding: [0; 4],
                    output_padding: [0, 0],
                    dilation: [1, 1],
                    groups: 1,
                };
                change(&mut op);
                op.bias = Some(Arc::new(random.tensor([op.outputs()])));
                net.apply(op, &[net.input()])
            });
        };
    with("2x2, stride 2", [1, 16, 5, 7], [16, 8, 2, 2], &|_| ());
    with("4x4, stride 2", [1, 16, 5, 7], [16, 3, 4, 4], &|op| op.padding = [1; 4]);
    with("3x3, stride 2, output padding", [2, 5, 5, 7], [5, 17, 3, 3], &|op| {
        (op.padding, op.output_padding) = ([1; 4], [1, 1]);
    });
    with("9x9, stride 4", [1, 16, 5, 6], [16, 1, 9, 9], &|op| {
        (op.stride, op.padding, op.output_padding) = ([4, 4], [4; 4], [3, 3]);
    });
    with("stride 1", [1, 16, 5, 7], [16, 16, 3, 3], &|op| (op.stride, op.padding) = ([1, 1], [1; 4]));
    with("stride 3x1, asymmetrical", [1, 4, 5, 7], [4, 6, 3, 2], &|op| {
        (op.stride, op.padding) = ([3, 1], [1, 0, 2, 1]);
    });
    with("dilation 2", [1, 4, 5, 7], [4, 6, 3, 3], &|op| op.dilation = [2, 2]);
    with("groups", [1, 12, 5, 7], [12, 2, 4, 4], &|op| (op.groups, op.padding) = (3, [1; 4]));
    with("depthwise", [1, 16, 5, 7], [16, 1, 4, 4], &|op| (op.groups, op.padding) = (16, [1; 4]));
    with("a gap between pixels", [1, 3, 4, 3], [3, 3, 1, 1], &|op| op.stride = [3, 2]);
}

/// A convolution with random weights and biases that pads half a kernel on every side.
pub(super) fn conv(random: &mut Random, weight: [usize; 4]) -> Conv2d {
    Conv2d::same(random.weight(weight), Some(Arc::new(random.tensor([weight[0]]))))
}
