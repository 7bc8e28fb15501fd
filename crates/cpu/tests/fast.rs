//! Exact and fast precision are near the reference, and compute in full what their halves and integers cannot carry.

use std::cell::Cell;
use std::ops::ControlFlow;

use amplio_cpu::{Cpu, Level, Tiles};
use amplio_graph::ops::{Conv2d, Unary};
use amplio_graph::plan::FusedPlan;
use amplio_graph::{Builder, Device, Error, Graph, Precision, Shape, Tensor, Value, reference};
use amplio_testkit::conformance::cases;
use amplio_testkit::random::Random;
use amplio_testkit::tolerance::difference;

/// The precisions with fewer bits, and the largest error, relative to the largest magnitude of the reference's result.
const NEAR: [(Precision, f32); 2] = [(Precision::Exact, 5e-4), (Precision::Fast, 3e-3)];

fn run(device: &Cpu, precision: Precision, graph: &Graph, picture: &Tensor) -> Tensor {
    let plan = FusedPlan::new(graph, picture.shape()).expect("a plan");
    device.compile(&plan, precision).expect("a program").run(picture).expect("a result")
}

#[test]
fn they_are_near_the_reference_on_every_instruction_set() {
    for level in Level::available() {
        let device = Cpu::new(2, level).expect("threads");
        let devices = [&device, &device.clone().with_tiles(Tiles::Four)];
        for case in cases() {
            let picture = case.picture(1);
            let expected = reference::run(&case.graph, &picture).expect("a result");
            for (device, (precision, near)) in devices.into_iter().flat_map(|d| NEAR.map(|near| (d, near))) {
                let got = run(device, precision, &case.graph, &picture);
                let error = difference(&got, &expected).relative();
                let tiles = device.tiles();
                assert!(error <= near, "{} on {level}, {precision}, tiles of {tiles}: {error}", case.name);
            }
        }
    }
}

/// As many convolutions as exact precision does not round behind, which change nothing.
fn begun(net: &mut Builder) -> Value {
    let weight = Tensor::from_fn(Shape::new([32, 32, 1, 1]), |at| f32::from(u8::from(at[0] == at[1])));
    (0..16).fold(net.input(), |x, _| net.conv2d(Conv2d::same(weight.clone(), None), x))
}

/// Two convolutions of 32 channels with an activation between them, whose numbers are about `size` large.
fn network(size: f32) -> Graph {
    let (random, mut net) = (Cell::new(1), Builder::new(32));
    let conv = |scale: f32| {
        random.set(random.get() + 1);
        let weight = Random::new(random.get()).tensor([32, 32, 3, 3]);
        Conv2d::same(Tensor::from_fn(weight.shape().clone(), |at| weight.at(at) * scale), None)
    };
    let x = begun(&mut net);
    let x = net.conv2d(conv(size), x);
    let x = net.unary(Unary::LeakyRelu(0.2), x);
    let x = net.conv2d(conv(1.0 / size), x);
    net.finish(x).expect("a network")
}

/// A convolution of 3x3 taps.
fn conv(seed: u64, outputs: usize) -> Conv2d {
    let weight = Random::new(seed).tensor([outputs, 32, 3, 3]);
    Conv2d::same(Tensor::from_fn(weight.shape().clone(), |at| weight.at(at) / 17.0), None)
}

#[test]
fn what_is_added_behind_a_shuffle_may_be_what_convolutions_read_too() {
    let mut net = Builder::new(32);
    let x = begun(&mut net);
    let x = net.conv2d(conv(1, 32), x);
    let y = net.conv2d(conv(2, 8), x);
    let y = net.pixel_unshuffle(2, y);
    let y = net.conv2d(conv(3, 128), y);
    let y = net.pixel_shuffle(2, y);
    let y = net.add(y, x);
    let output = net.conv2d(conv(4, 32), y);
    let graph = net.finish(output).expect("a network");
    let picture = Random::new(9).tensor([1, 32, 22, 30]);
    let expected = reference::run(&graph, &picture).expect("a result");
    for level in Level::available() {
        for (precision, near) in NEAR {
            let got = run(&Cpu::new(2, level).expect("threads"), precision, &graph, &picture);
            let error = difference(&got, &expected).relative();
            assert!(error <= near, "{level}, {precision}: {error}");
        }
    }
}

#[test]
fn what_goes_past_many_blocks_is_not_rounded_again_and_again() {
    let mut net = Builder::new(32);
    let mut x = begun(&mut net);
    for block in 0..20 {
        let began = x;
        for part in 0..2 {
            let y = net.conv2d(conv(2 * block + part, 32), x);
            let y = net.scale(y, 0.2);
            x = net.add(y, x);
        }
        let y = net.scale(x, 0.2);
        x = net.add(y, began);
    }
    let graph = net.finish(x).expect("a network");
    let picture = Random::new(9).tensor([1, 32, 21, 30]);
    for level in Level::available() {
        let device = Cpu::new(2, level).expect("threads");
        let [exact, full] =
            [Precision::Exact, Precision::Full].map(|how| run(&device, how, &graph, &picture));
        let error = difference(&exact, &full).relative();
        // Rounded again and again it would be 3e-3.
        assert!(error <= 1e-3, "{level}: {error}");
    }
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.data().iter().map(|x| x.to_bits()).collect()
}

/// The signs of the factors with which each number of a tile is made of its 6 pixels along an axis: where the pixels have them, that
/// number is as large as it can be.
const SIGNS: [[f32; 6]; 4] = [
    [1.0, 0.0, -1.0, 0.0, 1.0, 0.0],
    [0.0, -1.0, -1.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, -1.0, -1.0, 1.0, 0.0],
    [0.0, 1.0, 0.0, -1.0, 0.0, 1.0],
];

#[test]
fn no_sum_wraps_where_numbers_are_as_large_as_they_can_be() {
    let (inputs, mut net) = (192, Builder::new(192));
    // All inputs pull in the same direction.
    let taps = Random::new(5).tensor([16, 1, 3, 3]);
    let weight = Tensor::from_fn(Shape::new([16, inputs, 3, 3]), |at| taps.at(&[at[0], 0, at[2], at[3]]));
    let input = net.input();
    let output = net.conv2d(Conv2d::same(weight, None), input);
    let graph = net.finish(output).expect("a network");
    let devices: Vec<Cpu> =
        Level::available().into_iter().map(|level| Cpu::new(2, level).expect("threads")).collect();
    // The second tile along an axis reads the pixels from 3 on.
    let sign = |signs: [f32; 6], at: usize| if (3..9).contains(&at) { signs[at - 3] } else { 0.0 };
    for (rows, columns) in SIGNS.into_iter().flat_map(|rows| SIGNS.map(|columns| (rows, columns))) {
        let picture =
            Tensor::from_fn(Shape::image(1, inputs, 12, 12), |at| sign(rows, at[2]) * sign(columns, at[3]));
        let expected = reference::run(&graph, &picture).expect("a result");
        for (device, (precision, near)) in
            devices.iter().flat_map(|device| NEAR.map(|precision| (device, precision)))
        {
            let got = run(device, precision, &graph, &picture);
            let error = difference(&got, &expected).relative();
            // A sum of integers that wraps is off by more than it can be. What rounding gives adds up here, as all inputs have the same
            // weights.
            let near = if precision == Precision::Fast { 0.05 } else { near };
            assert!(error <= near, "{rows:?}, {columns:?} on {}, {precision}: {error}", device.name());
        }
    }
}

#[test]
fn numbers_too_large_for_halves_are_computed_in_full() {
    let picture = Random::new(9).tensor([1, 32, 21, 30]);
    for level in Level::available() {
        let device = Cpu::new(2, level).expect("threads");
        let of = |how, size| bits(&run(&device, how, &network(size), &picture));
        for (precision, _) in NEAR {
            assert!(of(precision, 1e5) == of(Precision::Full, 1e5), "{precision} on {level}");
            let same = of(precision, 1.0) == of(Precision::Full, 1.0);
            assert_eq!(same, level == Level::Scalar, "numbers of usual size in {precision} on {level}");
        }
    }
}

/// A network of two convolutions of which the first makes one channel `value` everywhere, and the second weighs that with 1/100000.
fn with_even_channel(value: f32) -> Graph {
    let (channel, mut net) = (5, Builder::new(32));
    let mut first = conv(1, 32);
    let weight = Tensor::from_fn(first.weight.shape().clone(), |at| {
        if at[0] == channel { 0.0 } else { first.weight.at(at) }
    });
    let bias = Tensor::from_fn(Shape::new([32]), |at| if at[0] == channel { value } else { 0.0 });
    first = Conv2d::same(weight, Some(bias.into()));
    let second = conv(2, 32);
    let weight = Tensor::from_fn(second.weight.shape().clone(), |at| {
        if at[1] == channel { 1e-5 } else { second.weight.at(at) }
    });
    let x = begun(&mut net);
    let x = net.conv2d(first, x);
    let output = net.conv2d(Conv2d::same(weight, None), x);
    net.finish(output).expect("a network")
}

/// Runs a network with fewer bits on every instruction set and gives each result to `assert`, beside that of full precision.
fn beside_full(graph: &Graph, assert: impl Fn(&Tensor, &Tensor, &str)) {
    let picture = Random::new(9).tensor([1, 32, 21, 30]);
    for level in Level::available() {
        let device = Cpu::new(2, level).expect("threads");
        for device in [&device, &device.clone().with_tiles(Tiles::Four)] {
            let full = run(device, Precision::Full, graph, &picture);
            for (precision, _) in NEAR {
                let got = run(device, precision, graph, &picture);
                assert(&got, &full, &format!("{precision} on {level}, tiles of {}", device.tiles()));
            }
        }
    }
}

/// For each number whether it is infinite or none.
fn not_finite(tensor: &Tensor) -> Vec<bool> {
    tensor.data().iter().map(|x| !x.is_finite()).collect()
}

#[test]
fn a_channel_that_is_too_large_everywhere_is_computed_in_full() {
    for value in [1e5, -1e5] {
        beside_full(&with_even_channel(value), |got, full, how| {
            assert!(bits(got) == bits(full), "a channel of {value} in {how}");
        });
    }
    for value in [f32::INFINITY, f32::NAN] {
        beside_full(&with_even_channel(value), |got, full, how| {
            assert!(not_finite(got) == not_finite(full), "a channel of {value} in {how}");
        });
    }
}

#[test]
fn weights_that_are_no_numbers_make_no_numbers() {
    for (value, side) in [(f32::NAN, 1), (f32::INFINITY, 1), (f32::NAN, 3), (f32::INFINITY, 3)] {
        let random = Random::new(3).tensor([32, 32, side, side]);
        let broken = |at: &[usize]| if *at == [7, 5, 0, 0] { value } else { random.at(at) };
        let mut net = Builder::new(32);
        let x = begun(&mut net);
        let weight = Tensor::from_fn(random.shape().clone(), broken);
        let output = net.conv2d(Conv2d::same(weight, None), x);
        beside_full(&net.finish(output).expect("a network"), |got, full, how| {
            assert!(not_finite(got).contains(&true), "{value} among {side}x{side} weights in {how}");
            assert!(not_finite(full).contains(&true), "{value} among {side}x{side} weights in full");
        });
    }
}

/// The plan of a network of many convolutions, a picture, and one of numbers that only full precision carries through them.
fn with_large_picture() -> (FusedPlan, Tensor, Tensor) {
    let mut net = Builder::new(32);
    let x = begun(&mut net);
    let output = (1..5).fold(x, |x, seed| net.conv2d(conv(seed, 32), x));
    let graph = net.finish(output).expect("a network");
    let picture = Random::new(9).tensor([1, 32, 21, 30]);
    let large = Tensor::from_fn(picture.shape().clone(), |at| picture.at(at) * 1e9);
    (FusedPlan::new(&graph, picture.shape()).expect("a plan"), picture, large)
}

#[test]
fn a_run_that_was_stopped_is_forgotten() {
    let (plan, picture, large) = with_large_picture();
    for (precision, _) in NEAR {
        let device = Cpu::new(2, Level::best()).expect("threads");
        let mut program = device.compile(&plan, precision).expect("a program");
        let before = program.run(&picture).expect("a result");
        for last in 0..plan.steps.len() {
            let stopped = program.run_watched(&large, &mut |step, _| {
                if step == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert!(matches!(stopped, Err(Error::Stopped)), "step {last} in {precision}");
            let after = program.run(&picture).expect("a result");
            assert!(bits(&after) == bits(&before), "step {last} in {precision}");
        }
    }
}

#[test]
fn a_run_ends_with_the_step_that_cannot_carry_a_number() {
    let (plan, _, large) = with_large_picture();
    for level in Level::available() {
        for (precision, _) in NEAR {
            let device = Cpu::new(2, level).expect("threads");
            let mut program = device.compile(&plan, precision).expect("a program");
            let mut told = Vec::new();
            let watched = program.run_watched(&large, &mut |step, _| {
                told.push(step);
                ControlFlow::Continue(())
            });
            watched.expect("a result");
            let (in_vain, full) = told.split_at(told.len() - plan.steps.len());
            assert!(full.iter().copied().eq(0..plan.steps.len()), "{precision} on {level}: {full:?}");
            assert!(in_vain.iter().copied().eq(0..in_vain.len()), "{precision} on {level}: {in_vain:?}");
            assert!(in_vain.len() < plan.steps.len(), "all steps in {precision} on {level}");
            assert_eq!(in_vain.is_empty(), level == Level::Scalar, "{precision} on {level}");
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let (graph, picture) = (network(1.0), Random::new(9).tensor([1, 32, 45, 30]));
    for (precision, _) in NEAR {
        let of = |threads| {
            bits(&run(&Cpu::new(threads, Level::best()).expect("threads"), precision, &graph, &picture))
        };
        let one = of(1);
        assert!([2, 4, 7].into_iter().all(|threads| of(threads) == one), "{precision}");
    }
}

#[test]
fn what_is_no_number_is_carried_to_where_it_belongs_and_forgotten() {
    let (graph, device) = (network(1.0), Cpu::new(2, Level::best()).expect("threads"));
    let picture = Random::new(9).tensor([1, 32, 21, 30]);
    let broken = |value: f32| {
        let at = [0, 3, 10, 15];
        Tensor::from_fn(picture.shape().clone(), |i| if *i == at { value } else { picture.at(i) })
    };
    let plan = FusedPlan::new(&graph, &Shape::image(1, 32, 21, 30)).expect("a plan");
    for (precision, _) in NEAR {
        let mut program = device.compile(&plan, precision).expect("a program");
        let before = program.run(&picture).expect("a result");
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let got = program.run(&broken(value)).expect("a result");
            let full = run(&device, Precision::Full, &graph, &broken(value));
            let count = |tensor: &Tensor| tensor.data().iter().filter(|x| !x.is_finite()).count();
            assert_eq!(count(&got), count(&full), "{value} in {precision}");
            assert!(count(&got) > 0, "{value} in {precision}");
        }
        assert_eq!(bits(&program.run(&picture).expect("a result")), bits(&before), "{precision}");
    }
}
