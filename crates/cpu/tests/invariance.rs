//! What must not change a bit of a result: the number of threads, and where a picture was cut, if the pieces lie on the
//! device's grid and overlap by the receptive field and the blocks that are rounded together.

use amplio_cpu::{Cpu, Level, Tiles};
use amplio_graph::plan::FusedPlan;
use amplio_graph::receptive::footprint;
use amplio_graph::{Device, Graph, Op, Precision, Shape, Tensor};
use amplio_testkit::conformance::cases;
use amplio_testkit::random::Random;
use amplio_testkit::tolerance::compare;

fn run(device: &Cpu, precision: Precision, graph: &Graph, picture: &Tensor) -> Tensor {
    let plan = FusedPlan::new(graph, picture.shape()).expect("a plan");
    device.compile(&plan, precision).expect("a program").run(picture).expect("a result")
}

fn cpu(threads: usize, level: Level) -> Cpu {
    Cpu::new(threads, level).expect("threads")
}

#[test]
fn threads() {
    same_bits_on_any_threads(Precision::Strict, Tiles::Six);
    same_bits_on_any_threads(Precision::Full, Tiles::Six);
    same_bits_on_any_threads(Precision::Exact, Tiles::Six);
    same_bits_on_any_threads(Precision::Exact, Tiles::Four);
    same_bits_on_any_threads(Precision::Fast, Tiles::Six);
}

#[test]
fn cuts_in_strict_precision() {
    same_bits_wherever_cut(Precision::Strict, Tiles::Six);
}

#[test]
fn cuts_in_full_precision() {
    same_bits_wherever_cut(Precision::Full, Tiles::Six);
}

#[test]
fn cuts_in_exact_precision() {
    same_bits_wherever_cut(Precision::Exact, Tiles::Six);
    same_bits_wherever_cut(Precision::Exact, Tiles::Four);
}

#[test]
fn cuts_in_fast_precision() {
    same_bits_wherever_cut(Precision::Fast, Tiles::Six);
}

fn same_bits_on_any_threads(precision: Precision, tiles: Tiles) {
    let [one, many @ ..] = &[1, 2, 4, 7].map(|threads| cpu(threads, Level::best()).with_tiles(tiles));
    for case in cases() {
        let expected = run(one, precision, &case.graph, &case.picture(1));
        for device in many {
            let got = run(device, precision, &case.graph, &case.picture(1));
            assert_eq!(bits(&got), bits(&expected), "{} on {}, {precision}", case.name, device.name());
        }
    }
}

fn same_bits_wherever_cut(precision: Precision, tiles: Tiles) {
    let device = cpu(2, Level::best()).with_tiles(tiles);
    let alignment = device.alignment(precision);
    let mut cuts = 0;
    for case in
        cases().iter().filter(|case| case.graph.nodes().all(|(_, node)| node.op().is_none_or(is_local)))
    {
        let footprint = footprint(&case.graph, &case.input).expect("the case's own size");
        let Some(radius) = footprint.radius().filter(|&radius| radius * alignment <= 128) else { continue };
        let [batch, channels] = [case.input[0], case.input[1]];
        let sides = footprint.multiple.map(|multiple| {
            let grid = multiple * alignment;
            (grid, (radius * alignment).next_multiple_of(grid), 7_usize.next_multiple_of(grid))
        });
        let [(top, above, height), (left, before, width)] = sides;
        let whole = Shape::image(batch, channels, 2 * (top + above) + height, 2 * (left + before) + width);
        let picture = Random::new(1).tensor(whole.to_vec());
        let shape = Shape::image(batch, channels, 2 * above + height, 2 * before + width);
        // Some cases, with weights as large as the picture, take no other size.
        if case.graph.shapes(&whole).is_err() || case.graph.shapes(&shape).is_err() {
            continue;
        }
        let expected = run(&device, precision, &case.graph, &picture);
        let got = run(&device, precision, &case.graph, &window(&picture, [top, left], &shape));
        let scaled = |size: usize, axis: usize| size * footprint.scale[axis].up / footprint.scale[axis].down;
        // Networks without padding give less than that, and begin elsewhere.
        if got.shape()[2..] != [scaled(shape[2], 0), scaled(shape[3], 1)] {
            continue;
        }
        let inner = Shape::image(got.shape()[0], got.shape()[1], scaled(height, 0), scaled(width, 1));
        let got = window(&got, [scaled(above, 0), scaled(before, 1)], &inner);
        let expected = window(&expected, [scaled(top + above, 0), scaled(left + before, 1)], &inner);
        assert_eq!(bits(&got), bits(&expected), "{} in {whole}", case.name);
        cuts += 1;
    }
    assert!(cuts > 50, "{cuts} cases were cut");
}

#[test]
fn instruction_sets_agree() {
    let scalar = cpu(1, Level::Scalar);
    for level in Level::available() {
        let device = cpu(1, level);
        for case in cases() {
            let [got, expected] =
                [&device, &scalar].map(|cpu| run(cpu, Precision::Full, &case.graph, &case.picture(1)));
            let same = compare(&got, &expected, 2.0 * case.tolerance());
            assert!(same.is_ok(), "{} on {}: {same:?}", case.name, device.name());
        }
    }
}

/// Whether the operation sums in the same order wherever a pixel lies.
fn is_local(op: &Op) -> bool {
    match op {
        Op::Resize(resize) => resize.nearest_factor().is_some(),
        Op::Binary(_)
        | Op::Concat(_)
        | Op::Conv2d(_)
        | Op::ConvTranspose2d(_)
        | Op::PixelShuffle(_)
        | Op::PixelUnshuffle(_)
        | Op::Pool(_)
        | Op::Prelu(_)
        | Op::Slice(_)
        | Op::Unary(_) => true,
        _ => false,
    }
}

/// The part of a picture that begins at a place and has this shape.
fn window(picture: &Tensor, [top, left]: [usize; 2], shape: &Shape) -> Tensor {
    Tensor::from_fn(shape.clone(), |at| picture.at(&[at[0], at[1], top + at[2], left + at[3]]))
}

/// The bits of a tensor, with one zero instead of two.
fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.data().iter().map(|x| (x + 0.0).to_bits()).collect()
}
