//! What the plan fuses with a convolution gives the reference's answer, on every level and in every precision: what is concatenated
//! is read where its parts are, pictures that are enlarged are convolved in four parts, and what follows is done while results are in
//! registers.

use amplio_cpu::{Cpu, Level, Tiles};
use amplio_graph::ops::{Conv2d, Slice, Unary};
use amplio_graph::plan::FusedPlan;
use amplio_graph::{Builder, Device, Precision, Shape, Tensor, Value, reference};
use amplio_testkit::random::Random;
use amplio_testkit::tolerance::difference;

/// The precisions, the tiles, and the largest error, relative to the largest magnitude of the reference's result.
const TOLERANCES: [(Precision, Tiles, f32); 5] = [
    (Precision::Strict, Tiles::Six, 1e-5),
    (Precision::Full, Tiles::Six, 2e-5),
    (Precision::Exact, Tiles::Six, 1e-3),
    (Precision::Exact, Tiles::Four, 1e-3),
    (Precision::Fast, Tiles::Six, 3e-3),
];

/// A convolution of `side` by `side` taps and random weights.
fn conv(net: &mut Builder, seed: u64, side: usize, [inputs, outputs]: [usize; 2], x: Value) -> Value {
    let mut random = Random::new(seed);
    let weight = random.tensor([outputs, inputs, side, side]);
    let size = ((side * side * inputs) as f32).sqrt();
    let weight = Tensor::from_fn(weight.shape().clone(), |at| weight.at(at) / size);
    net.conv2d(Conv2d::same(weight, Some(random.tensor([outputs]).into())), x)
}

/// Checks the network of so many channels that `end` writes.
fn check(channels: usize, end: impl Fn(&mut Builder, Value) -> Value) {
    let mut net = Builder::new(channels);
    let input = net.input();
    let end = end(&mut net, input);
    let graph = net.finish(end).expect("a network");
    for [pictures, height, width] in [[1, 13, 22], [2, 8, 16], [2, 5, 7], [1, 1, 1]] {
        let picture = Random::new(7).tensor([pictures, channels, height, width]);
        let expected = reference::run(&graph, &picture).expect("a result");
        let plan = FusedPlan::new(&graph, picture.shape()).expect("a plan");
        for level in Level::available() {
            let device = Cpu::new(3, level).expect("threads");
            for (precision, tiles, tolerance) in TOLERANCES {
                let device = device.clone().with_tiles(tiles);
                let got = device.compile(&plan, precision).and_then(|mut program| program.run(&picture));
                let error = difference(&got.expect("a result"), &expected).relative();
                assert!(
                    error <= tolerance,
                    "{height}x{width} on {level}, {precision}, tiles of {tiles}: {error}"
                );
            }
        }
    }
}

#[test]
fn pointwise_convolutions_mix_parts_of_any_size() {
    for outputs in [1, 3, 16, 40, 100] {
        check(20, |net, input| {
            let wide = conv(net, 1, 3, [20, 48], input);
            let small = conv(net, 2, 3, [48, 7], wide);
            let slice = net.apply(Slice { axis: 1, start: 3, end: 40, step: 1 }, &[wide]);
            let all = net.concat(&[small, input, wide, slice]);
            let mixed = conv(net, 3, 1, [112, outputs], all);
            let mixed = net.unary(Unary::LeakyRelu(0.2), mixed);
            let other = conv(net, 4, 1, [112, outputs], all);
            net.add(mixed, other)
        });
    }
}

#[test]
fn convolutions_of_many_taps_read_parts_of_whole_vectors() {
    for outputs in [3, 32, 70] {
        check(20, |net, input| {
            let mut parts = vec![conv(net, 1, 3, [20, 32], input)];
            for seed in 2..5 {
                let all = net.concat(&parts);
                let next = conv(net, seed, 3, [16 * parts.len() + 16, 16], all);
                parts.push(net.unary(Unary::LeakyRelu(0.2), next));
            }
            let all = net.concat(&parts);
            let dense = conv(net, 5, 3, [80, outputs], all);
            let large = conv(net, 6, 5, [80, outputs], all);
            net.add(dense, large)
        });
    }
}

#[test]
fn parts_that_fill_no_vectors_are_put_together() {
    check(20, |net, input| {
        let part = conv(net, 1, 3, [20, 24], input);
        let all = net.concat(&[input, part]);
        conv(net, 2, 3, [44, 32], all)
    });
}

#[test]
fn residuals_are_added() {
    for outputs in [32, 40] {
        check(20, |net, input| {
            let start = conv(net, 1, 3, [20, outputs], input);
            let x = conv(net, 2, 3, [outputs, outputs], start);
            let y = conv(net, 3, 3, [outputs, outputs], x);
            let y = net.scale(y, 0.2);
            let y = net.add(y, x);
            let y = net.scale(y, 0.3);
            let x = net.add(start, y);
            let y = conv(net, 4, 3, [outputs, outputs], x);
            net.add(y, x)
        });
    }
}

#[test]
fn gates_are_applied() {
    for swapped in [false, true] {
        check(20, |net, input| {
            let x = conv(net, 1, 3, [20, 48], input);
            let y = conv(net, 2, 3, [48, 48], x);
            let y = net.unary(Unary::Silu, y);
            let y = conv(net, 3, 3, [48, 48], y);
            let gate = net.unary(Unary::Sigmoid, y);
            let half = net.constant(Tensor::from_fn(Shape::new([1, 1, 1, 1]), |_| -0.5));
            let gate = net.add(gate, half);
            let sum = net.add(y, x);
            if swapped { net.mul(gate, sum) } else { net.mul(sum, gate) }
        });
    }
}

/// A convolution of the input, enlarged, and the input.
fn enlarged(net: &mut Builder, outputs: usize, input: Value) -> [Value; 2] {
    let larger = net.nearest(2, input);
    [conv(net, 1, 3, [32, outputs], larger), larger]
}

#[test]
fn enlarged_pictures_are_activated() {
    check(32, |net, input| {
        let [y, _] = enlarged(net, 40, input);
        net.unary(Unary::LeakyRelu(0.2), y)
    });
}

#[test]
fn enlarged_pictures_are_read_twice() {
    check(32, |net, input| {
        let [y, larger] = enlarged(net, 40, input);
        let other = conv(net, 2, 3, [32, 40], larger);
        let y = net.unary(Unary::Silu, y);
        net.add(y, other)
    });
    check(32, |net, input| {
        let [y, larger] = enlarged(net, 40, input);
        let y = conv(net, 3, 1, [40, 32], y);
        net.mul(y, larger)
    });
}

#[test]
fn enlarged_pictures_are_operands() {
    check(32, |net, input| {
        let [y, larger] = enlarged(net, 32, input);
        net.mul(y, larger)
    });
}
