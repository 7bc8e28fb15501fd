//! Networks give what the public reference implementations give: every golden model, on every instruction set.
#![expect(clippy::print_stdout, reason = "the figures are wanted with --nocapture")]

use amplio::cpu::{Cpu, Level};
use amplio::graph::plan::FusedPlan;
use amplio::graph::{Device, ImageShape, Precision, Tensor};
use amplio::models::Model;
use amplio_testkit::golden::{self, Case};

/// The largest difference, relative to the largest magnitude of the reference's output.
const TOLERANCE: f32 = 1e-4;

fn model(case: &Case) -> Model {
    let names = ["model.safetensors", "model.param", "model.param.bin", "model.onnx"];
    let file =
        names.into_iter().find(|name| case.has(name)).unwrap_or_else(|| panic!("{}: no model", case.name));
    Model::load(&case.file(file)).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

fn run(device: &Cpu, precision: Precision, model: &Model, input: &Tensor) -> Tensor {
    let ImageShape { height, width, .. } = input.shape().as_image("golden").expect("a picture");
    let plan = FusedPlan::new(&model.graph_for([height, width]), input.shape()).expect("a plan");
    device.compile(&plan, precision).and_then(|mut compiled| compiled.run(input)).expect("a result")
}

fn error(got: &Tensor, expected: &Tensor) -> f32 {
    assert_eq!(got.shape(), expected.shape());
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
    let difference = largest(&mut got.data().iter().zip(expected.data()).map(|(a, b)| (a - b).abs()));
    difference / largest(&mut expected.data().iter().map(|v| v.abs()))
}

#[test]
fn every_golden_model_on_every_instruction_set() {
    let levels = [Level::Scalar, Level::Neon, Level::Avx2, Level::Avx512]
        .into_iter()
        .filter(|level| level.is_available());
    let devices: Vec<Cpu> = levels.map(|level| Cpu::new(2, level).expect("threads")).collect();
    let cases: Vec<Case> = ["archs", "ncnn", "onnx/networks"]
        .into_iter()
        .flat_map(golden::cases)
        .filter(|c| c.has("output.npy"))
        .collect();
    assert!(cases.len() > 90, "only {} golden models", cases.len());
    for case in cases {
        let (model, input, expected) = (model(&case), case.input(), case.output());
        for (device, precision) in
            devices.iter().flat_map(|device| [(device, Precision::Strict), (device, Precision::Full)])
        {
            let error = error(&run(device, precision, &model, &input), &expected);
            println!("{:<36} {:<22} {precision:<7} {error:.1e}", case.name, device.name());
            assert!(error <= TOLERANCE, "{} on {}, {precision}: {error}", case.name, device.name());
        }
    }
}
