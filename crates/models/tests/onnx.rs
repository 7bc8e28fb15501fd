//! ONNX files, against what onnxruntime makes of them; `tools/golden` writes the cases.

use amplio_graph::{Shape, reference};
use amplio_models::Model;
use amplio_testkit::golden::cases;
use amplio_testkit::tolerance;

/// onnxruntime sums in `f32`.
const TOLERANCE: f32 = 1e-4;

#[test]
fn networks_answer_right() {
    for case in cases("onnx/networks") {
        let model = Model::load(&case.file("model.onnx")).unwrap_or_else(|e| panic!("{e}"));
        let info = model.info();
        assert_eq!(info.scale as f64, case.number("scale"), "{}", case.name);
        assert_eq!(info.input_channels as f64, case.number("channels"), "{}", case.name);
        assert_eq!(info.output_channels as f64, case.number("channels"), "{}", case.name);
        assert_eq!(info.size_multiple as f64, case.number("multiple"), "{}", case.name);
        let output =
            reference::run(model.graph(), &case.input()).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        tolerance::compare(&output, &case.output(), TOLERANCE)
            .unwrap_or_else(|what| panic!("{}: {what}", case.name));
        for factor in 1..4 {
            let side = (info.minimum_size * factor).next_multiple_of(info.size_multiple);
            let shape = Shape::image(1, info.input_channels, side, side + info.size_multiple);
            assert!(model.graph().shapes(&shape).is_ok(), "{}: {shape}", case.name);
        }
    }
}
