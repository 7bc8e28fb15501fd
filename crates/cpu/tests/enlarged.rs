//! Convolutions of pictures that are twice as large, which are computed in four parts, give the reference's answer.

use amplio_cpu::{Cpu, Level};
use amplio_graph::ops::{Conv2d, Unary};
use amplio_graph::plan::FusedPlan;
use amplio_graph::{Builder, Device, Graph, Precision, Tensor, Value, reference};
use amplio_testkit::random::Random;
use amplio_testkit::tolerance::difference;

/// The largest errors, relative to the largest magnitude of the reference's result.
const TOLERANCES: [(Precision, f32); 2] = [(Precision::Full, 2e-5), (Precision::Fast, 3e-3)];

fn conv(seed: u64, outputs: usize) -> Conv2d {
    let mut random = Random::new(seed);
    let weight = random.tensor([outputs, 32, 3, 3]);
    let weight = Tensor::from_fn(weight.shape().clone(), |at| weight.at(at) / 17.0);
    Conv2d::same(weight, Some(random.tensor([outputs]).into()))
}

/// A network of 32 channels that ends in what `end` makes of a convolution of its enlarged input.
fn network(end: impl Fn(&mut Builder, Value, Value) -> Value) -> Graph {
    let mut net = Builder::new(32);
    let input = net.input();
    let larger = net.nearest(2, input);
    let y = net.conv2d(conv(1, 40), larger);
    let end = end(&mut net, y, larger);
    net.finish(end).expect("a network")
}

fn check(graph: &Graph) {
    for size in [[1, 32, 13, 22], [2, 32, 5, 7], [1, 32, 1, 1]] {
        let picture = Random::new(7).tensor(size);
        let expected = reference::run(graph, &picture).expect("a result");
        let plan = FusedPlan::new(graph, picture.shape()).expect("a plan");
        for level in Level::available() {
            let device = Cpu::new(3, level).expect("threads");
            for (precision, tolerance) in TOLERANCES {
                let got = device.compile(&plan, precision).and_then(|mut program| program.run(&picture));
                let error = difference(&got.expect("a result"), &expected).relative();
                assert!(error <= tolerance, "{size:?} on {level}, {precision}: {error}");
            }
        }
    }
}

#[test]
fn with_an_activation() {
    check(&network(|net, y, _| net.unary(Unary::LeakyRelu(0.2), y)));
}

#[test]
fn with_what_is_added_and_read_as_large_pixels_too() {
    check(&network(|net, y, larger| {
        let other = net.conv2d(conv(2, 40), larger);
        let y = net.unary(Unary::Silu, y);
        net.add(y, other)
    }));
    check(&network(|net, y, larger| {
        let y = net.conv2d(Conv2d::same(Random::new(3).tensor([32, 40, 1, 1]), None), y);
        net.mul(y, larger)
    }));
}

#[test]
fn with_an_enlarged_operand() {
    let mut net = Builder::new(32);
    let input = net.input();
    let larger = net.nearest(2, input);
    let y = net.conv2d(conv(1, 32), larger);
    let y = net.mul(y, larger);
    check(&net.finish(y).expect("a network"));
}
