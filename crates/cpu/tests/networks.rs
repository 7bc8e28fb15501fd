//! The golden networks of every architecture, as models that people load: the device's answer is PyTorch's.

use amplio_cpu::{Cpu, Level, Method};
use amplio_graph::Device;
use amplio_graph::plan::FusedPlan;
use amplio_models::Model;
use amplio_testkit::golden::cases;
use amplio_testkit::tolerance::compare;

/// Sums in single precision, one after the other, through all layers.
const TOLERANCE: f32 = 1e-4;

#[test]
fn every_architecture_answers_as_its_authors_have_it() {
    let device = Cpu::new(2, Level::best()).expect("threads").with(Method::Direct);
    let mut answered = 0;
    for case in cases("archs") {
        let model =
            Model::load(&case.file("model.safetensors")).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let picture = case.input();
        // Pictures of other sizes are made larger first, which is not the device's work.
        let multiple = model.info().size_multiple;
        if picture.shape().iter().skip(2).any(|side| !side.is_multiple_of(multiple)) {
            continue;
        }
        let plan =
            FusedPlan::new(model.graph(), picture.shape()).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let mut program = device.compile(&plan).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let output = program.run(&picture).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        compare(&output, &case.output(), TOLERANCE).unwrap_or_else(|what| panic!("{}: {what}", case.name));
        answered += 1;
    }
    assert!(answered > 0);
}
