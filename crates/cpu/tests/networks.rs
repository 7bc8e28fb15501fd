//! The golden networks of every architecture, as models that people load: the device's answer is PyTorch's.
#![expect(clippy::print_stdout, reason = "the figures are wanted with --nocapture")]

use amplio_cpu::{Cpu, Level};
use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, Precision};
use amplio_models::Model;
use amplio_testkit::golden::{cases, weights};
use amplio_testkit::tolerance::difference;

/// The precisions, and the largest error, relative to the largest magnitude of PyTorch's answer.
///
/// Full: sums one after the other, through all layers. Exact: what layers hand to each other is rounded. Fast: the most is that of
/// SPAN's `x2-grey`, which has too few channels for integers but passes through floats of 16 bits; with integers it is 1.6e-3, of
/// MoSR's `x4-dys`.
const TOLERANCES: [(Precision, f32); 4] =
    [(Precision::Strict, 1e-4), (Precision::Full, 1e-4), (Precision::Exact, 4e-3), (Precision::Fast, 4e-3)];

#[test]
fn every_architecture_answers_as_its_authors_have_it() {
    let devices: Vec<Cpu> =
        Level::available().into_iter().map(|level| Cpu::new(2, level).expect("threads")).collect();
    let ways = || {
        devices
            .iter()
            .flat_map(|device| TOLERANCES.map(|(precision, tolerance)| (device, precision, tolerance)))
    };
    let mut answered = 0;
    for case in cases("archs") {
        let model =
            Model::load(&case.file("model.safetensors")).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let picture = case.input();
        let graph = model.graph_for([picture.shape()[2], picture.shape()[3]]);
        let plan = FusedPlan::new(&graph, picture.shape()).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for (device, precision, tolerance) in ways() {
            let way = format!("{} on {}, {precision}", case.name, device.name());
            let output = device.compile(&plan, precision).and_then(|mut program| program.run(&picture));
            let output = output.unwrap_or_else(|e| panic!("{way}: {e}"));
            let error = difference(&output, &case.output()).relative();
            println!("{:<32} {:<24} {precision:<7} {error:.1e}", case.name, device.name());
            assert!(error <= tolerance, "{way}: {error}");
        }
        answered += 1;
    }
    assert!(answered > 0);
}

#[test]
fn fetched_models_answer_as_their_own_programs() {
    let device = Cpu::new(2, Level::best()).expect("threads");
    for case in cases("fetched") {
        let file = weights().join(case.expect["weights"].as_str().expect("a file"));
        if !file.is_file() {
            println!("skipped: no {}; tools/fetch-weights fetches it", file.display());
            continue;
        }
        let model = Model::load(&file).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.info().scale as f64, case.number("scale"), "{}", case.name);
        let picture = case.input();
        let plan = FusedPlan::new(model.graph(), picture.shape()).expect("a plan");
        let output = device.compile(&plan, Precision::Full).and_then(|mut program| program.run(&picture));
        let error = difference(&output.expect("an answer"), &case.output()).relative();
        println!("{:<44} {error:.1e}", case.name);
        assert!(error <= 1e-4, "{}: {error}", case.name);
    }
}
