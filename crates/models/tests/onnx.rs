//! ONNX files, against what onnxruntime makes of them; `tools/golden` writes the cases.

use std::path::{Path, PathBuf};

use amplio_graph::{Op, Shape, reference};
use amplio_models::formats::{Contents, Input, onnx};
use amplio_models::{Limits, Model, Result};
use amplio_testkit::golden::{cases, root};
use amplio_testkit::{npy, tolerance};

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

/// The files of a few operators each.
fn operator_cases() -> Vec<PathBuf> {
    let folder = root().join("onnx/ops");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = files.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "onnx"));
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    files
}

fn read(path: &Path) -> Result<Contents> {
    let bytes = std::fs::read(path).expect("a file");
    (onnx::FORMAT.read)(&Input { bytes: &bytes, path: Some(path), limits: &Limits::default() })
}

#[test]
fn operators_do_what_they_do_in_onnxruntime() {
    let picture = npy::read(&root().join("onnx/ops/input.npy"));
    for path in operator_cases() {
        let fail = |what: &dyn std::fmt::Display| -> ! { panic!("{}: {what}", path.display()) };
        let contents = read(&path).unwrap_or_else(|e| fail(&e));
        let Contents::Graph { graph, .. } = contents else { fail(&"no graph") };
        let output = reference::run(&graph, &picture).unwrap_or_else(|e| fail(&e));
        let expected = npy::read(&path.with_extension("npy"));
        tolerance::compare(&output, &expected, TOLERANCE).unwrap_or_else(|what| fail(&what));
    }
}

#[test]
fn every_operator_is_in_a_case() {
    let files: Vec<Vec<u8>> =
        operator_cases().iter().map(|path| std::fs::read(path).expect("a file")).collect();
    for (name, _) in onnx::operators() {
        // Field 4 of a node: its tag, the length, the name.
        let field = [&[0x22, name.len() as u8], name.as_bytes()].concat();
        let there = files.iter().any(|file| file.windows(field.len()).any(|window| window == field));
        assert!(there, "no case has {name}");
    }
}

#[test]
fn the_documented_operators_are_those_that_are_known() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/onnx.md");
    let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let (_, list) = page.split_once("## Operators").expect("the list");
    let (pixels, sizes) = list.split_once("On sizes").expect("two lists");
    for (text, only_sizes) in [(pixels, false), (sizes, true)] {
        let listed: Vec<_> = text.split('`').skip(1).step_by(2).collect();
        let known = onnx::operators().filter(|(_, only)| *only == only_sizes);
        assert_eq!(listed, known.map(|(name, _)| name).collect::<Vec<_>>());
    }
}

/// The primitives of a case's network, folded, by name.
fn primitives(name: &str) -> Vec<String> {
    let path = root().join(format!("onnx/networks/{name}/model.onnx"));
    let model = Model::load(&path).unwrap_or_else(|e| panic!("{e}"));
    let ops = model.graph().nodes().filter_map(|(_, node)| node.op());
    ops.map(|op| match op {
        Op::Unary(function) => format!("{function:?}"),
        _ => op.name().to_owned(),
    })
    .collect()
}

#[test]
fn what_exporters_take_apart_is_put_together() {
    for (name, primitive, parts) in [
        ("fused-dynamo", "pixel_shuffle", "reshape"),
        ("plksr", "Mish", "Tanh"),
        ("mosr", "layer_norm", "reduce"),
        ("mosr", "Mish", "Softplus"),
        ("swinir", "Gelu", "Erf"),
        ("swinir", "shift_mask", "gather"),
        ("esrgan-unshuffle", "pixel_unshuffle", "reshape"),
    ] {
        let primitives = primitives(name);
        assert!(
            primitives.iter().any(|known| known == primitive),
            "{name}: no {primitive} in {primitives:?}"
        );
        assert!(!primitives.iter().any(|known| known == parts), "{name}: {parts} is left in {primitives:?}");
    }
}
