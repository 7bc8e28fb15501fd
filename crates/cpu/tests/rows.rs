//! Results whose rows are made as they are wanted are those that are made at once.

use std::ops::{ControlFlow, Range};

use amplio_cpu::{Cpu, Level};
use amplio_graph::ops::Conv2d;
use amplio_graph::plan::FusedPlan;
use amplio_graph::{Builder, Device, Error, Executable, Graph, Pixels, Precision, Shape, Tensor};
use amplio_testkit::conformance::cases;
use amplio_testkit::random::Random;

fn compiled(graph: &Graph, input: &Pixels, precision: Precision) -> Box<dyn Executable> {
    let device = Cpu::new(2, Level::best()).expect("threads");
    let plan = FusedPlan::new(graph, &input.shape()).expect("a plan");
    device.compile(&plan, precision).expect("a program")
}

fn at_once(graph: &Graph, input: &Pixels, precision: Precision) -> Tensor {
    compiled(graph, input, precision).run(&input.to_tensor()).expect("a result")
}

/// The numbers of some rows, and how many times rows had to be asked for.
fn asked(executable: &mut dyn Executable, mut rows: Range<usize>) -> (Vec<f32>, usize) {
    let (mut data, mut times) = (Vec::new(), 0);
    while !rows.is_empty() {
        let some = executable.rows(rows.clone()).expect("rows");
        assert!((1..=rows.len()).contains(&some.height()));
        data.extend_from_slice(some.data());
        (rows.start, times) = (rows.start + some.height(), times + 1);
    }
    (data, times)
}

fn begin(executable: &mut dyn Executable, input: &Pixels, rows: Range<usize>) {
    let given = executable.begin(input, rows, &mut |_, _| ControlFlow::Continue(())).expect("a beginning");
    assert!(given.is_none(), "the device has memory of its own");
}

/// A convolution whose channels become blocks of 4x4 pixels.
fn network() -> Graph {
    let weight = Random::new(7).tensor([48, 16, 3, 3]);
    let mut net = Builder::new(16);
    let x = net.conv2d(Conv2d::same(weight, None), net.input());
    let x = net.pixel_shuffle(4, x);
    net.finish(x).expect("a network")
}

/// A picture whose result is made in more than one go.
fn wide(last: f32) -> Pixels<'static> {
    let (height, width) = (40, 1500);
    let mut picture = Random::new(3).tensor([1, 16, height, width]);
    *picture.data_mut().last_mut().expect("a number") = last;
    Pixels::from_tensor(&picture).expect("a picture")
}

/// Checks every network that makes pictures, in every precision: `check` is given its name, a program, a picture, and what another program
/// makes of that at once.
fn everywhere(mut check: impl FnMut(&str, &mut dyn Executable, &Pixels, &Pixels)) {
    for case in cases() {
        let Ok(input) = Pixels::from_tensor(&case.picture(1)) else { continue };
        for precision in [Precision::Strict, Precision::Full, Precision::Exact, Precision::Fast] {
            let Ok(expected) = Pixels::from_tensor(&at_once(&case.graph, &input, precision)) else {
                continue;
            };
            let mut executable = compiled(&case.graph, &input, precision);
            check(&format!("{} in {precision}", case.name), &mut *executable, &input, &expected);
        }
    }
}

#[test]
fn every_network_gives_the_same_rows() {
    everywhere(|name, executable, input, expected| {
        let height = expected.height();
        begin(executable, input, 0..height);
        for rows in [0..height, height / 2..height, 0..1, height - 1..height] {
            let (got, _) = asked(executable, rows.clone());
            assert!(got == expected.rows(rows.clone()).data(), "{name}, {rows:?}");
        }
    });
}

#[test]
fn some_rows_are_those_of_the_whole() {
    everywhere(|name, executable, input, expected| {
        let height = expected.height();
        for rows in [height / 3..(2 * height).div_ceil(3), 0..1, height - 1..height] {
            begin(executable, input, rows.clone());
            let (got, _) = asked(executable, rows.clone());
            assert!(got == expected.rows(rows.clone()).data(), "{name}, {rows:?}");
            assert!(executable.rows(rows.start..rows.end + 1).is_err(), "{name}: more than were begun");
        }
    });
}

#[test]
fn large_results_are_made_in_parts() {
    let (graph, input) = (network(), wide(0.5));
    for precision in [Precision::Strict, Precision::Exact, Precision::Fast] {
        let expected = Pixels::from_tensor(&at_once(&graph, &input, precision)).expect("a picture");
        let mut executable = compiled(&graph, &input, precision);
        for _ in 0..2 {
            begin(&mut *executable, &input, 0..160);
            let (got, times) = asked(&mut *executable, 0..160);
            assert!(times > 1, "at once, in {precision}");
            assert!(got == expected.data(), "{precision}");
        }
        let whole = executable.run_pixels(&input, &mut |_, _| ControlFlow::Continue(())).expect("a result");
        assert!(whole == expected, "after rows, in {precision}");
    }
}

#[test]
fn what_the_last_step_cannot_carry_is_computed_in_full() {
    let graph = network();
    let (input, sound) = (wide(f32::INFINITY), wide(0.5));
    let [carried, full] = [(&sound, Precision::Fast), (&input, Precision::Full)].map(|(input, precision)| {
        Pixels::from_tensor(&at_once(&graph, input, precision)).expect("a picture")
    });
    let mut executable = compiled(&graph, &input, Precision::Fast);
    begin(&mut *executable, &input, 0..160);
    // Only the last rows see the number, which is in the last one.
    let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
    let mut at = 0;
    while at < 160 {
        executable.trim();
        let some = executable.rows(at..160).expect("rows");
        let (rows, is_last) = (at..at + some.height(), at + some.height() == 160);
        let expected = if is_last { &full } else { &carried };
        assert!(at > 0 || !is_last, "at once");
        assert!(bits(some.data()) == bits(expected.rows(rows.clone()).data()), "{rows:?}");
        at = rows.end;
    }
    // The next picture is none of its business.
    begin(&mut *executable, &sound, 0..160);
    assert!(asked(&mut *executable, 0..160).0 == carried.data());
}

#[test]
fn what_is_trimmed_still_gives_its_rows_and_runs_again() {
    everywhere(|name, executable, input, expected| {
        executable.trim();
        for _ in 0..2 {
            begin(executable, input, 0..expected.height());
            executable.trim();
            let (got, _) = asked(executable, 0..expected.height());
            assert!(got == expected.data(), "{name}");
        }
    });
}

#[test]
fn a_run_that_was_stopped_has_no_rows() {
    let mut net = Builder::new(16);
    let conv = || Conv2d::same(Random::new(7).tensor([16, 16, 3, 3]), None);
    let first = net.conv2d(conv(), net.input());
    let second = net.conv2d(conv(), first);
    let graph = net.finish(second).expect("a network");
    let mut executable = compiled(&graph, &wide(0.5), Precision::Fast);
    for last in [0.5, f32::INFINITY] {
        begin(&mut *executable, &wide(last), 0..40);
        executable.rows(0..40).expect("rows");
        let stopped = executable.begin(&wide(0.5), 0..40, &mut |_, _| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(Error::Stopped)));
        assert!(executable.rows(0..40).is_err(), "those of the picture before, which ended with {last}");
    }
}

#[test]
fn rows_that_are_not_there_are_an_error() {
    let (graph, input) =
        (network(), Pixels::from_tensor(&Tensor::zeros(Shape::image(1, 16, 8, 8))).expect("a picture"));
    let mut executable = compiled(&graph, &input, Precision::Fast);
    assert!(executable.rows(0..8).is_err(), "nothing was begun");
    begin(&mut *executable, &input, 0..32);
    assert!(executable.rows(30..40).is_err(), "there are 32 rows");
    assert_eq!(executable.rows(30..32).expect("rows").height(), 2);
}
