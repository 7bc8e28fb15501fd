//! The golden cases: what PyTorch, spandrel and NCNN make of the same files.

use amplio_graph::{Shape, reference};
use amplio_models::Model;
use amplio_models::archs::ARCHITECTURES;
use amplio_testkit::golden::{Case, cases, weights};
use amplio_testkit::tolerance;
use serde_json::Value;

/// The reference's sums are exact, the golden ones too: what remains is the rounding of stored activations.
const TOLERANCE: f32 = 1e-4;

#[test]
fn architectures_are_recognised_and_answer_right() {
    for case in cases("archs") {
        let model =
            Model::load(&case.file("model.safetensors")).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let info = model.info();
        assert_eq!(info.architecture, case.expect["architecture"].as_str(), "{}", case.name);
        let expected = case.expect["parameters"].as_object().expect("parameters");
        for (name, expected) in expected {
            let found = info.hyper.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            assert_eq!(found, Some(plain(expected)), "{}: {name}", case.name);
        }
        assert_eq!(info.hyper.len(), expected.len(), "{}: {:?}", case.name, info.hyper);
        check(&case, &model);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "who runs the tests should know what has not been tested")]
fn models_of_the_community_answer_right() {
    for case in cases("community") {
        let file = weights().join(case.expect["weights"].as_str().expect("a file"));
        if !file.is_file() {
            eprintln!("skipped: no {}; tools/fetch-weights fetches it", file.display());
            continue;
        }
        let model = Model::load(&file).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        assert_eq!(model.info().architecture, case.expect["architecture"].as_str(), "{}", case.name);
        check(&case, &model);
    }
}

#[test]
fn ncnn_models_answer_right() {
    for case in cases("ncnn") {
        let name = if case.has("model.param") { "model.param" } else { "model.param.bin" };
        match (Model::load(&case.file(name)), case.expect["refused"].as_str()) {
            (Ok(model), None) => {
                check(&case, &model);
                let by_numbers =
                    Model::load(&case.file("model.bin")).unwrap_or_else(|e| panic!("{}: {e}", case.name));
                assert_eq!(by_numbers.info().parameters, model.info().parameters, "{}", case.name);
            }
            (Err(error), Some(reason)) => {
                assert!(error.to_string().contains(reason), "{}: {error}", case.name)
            }
            (Ok(_), Some(reason)) => panic!("{}: was loaded in spite of {reason}", case.name),
            (Err(error), None) => panic!("{}: {error}", case.name),
        }
    }
}

#[test]
fn ncnn_layers_become_weights_of_the_same_network() {
    let mut converted = 0;
    for case in cases("ncnn").iter().filter(|case| case.has("output.npy") && case.has("model.param")) {
        let model = Model::load(&case.file("model.param")).expect("loads");
        // Without slopes, or with a step behind the network, it is not what its architecture publishes.
        let differs = ["relu", "shrinking", "plus"].iter().any(|word| case.name.contains(word));
        let weights = model.weights();
        assert_eq!(weights.is_err(), differs, "{}: {weights:?}", case.name);
        // Only what could have been recognised is said not to be it.
        let names = weights.err().map(|error| error.to_string());
        assert!(names.is_none_or(|it| it.contains("no compact or esrgan or span network")), "{}", case.name);
        let Ok((architecture, _)) = model.recognise() else { continue };
        assert_eq!(Some(architecture.name), case.expect["network"].as_str(), "{}", case.name);
        let conversion = amplio_models::Conversion { dtype: model.info().dtype, licence: None, source: None };
        let file = amplio_models::convert(&model, &conversion).expect("converts");
        check(case, &Model::from_bytes("converted", &file).expect("loads"));
        converted += 1;
    }
    assert!(converted > 0);
}

#[test]
fn exported_onnx_files_are_the_same_networks() {
    let all = cases("archs");
    for export in cases("onnx/archs") {
        let name = export.expect["case"].as_str().expect("a case");
        let case = all.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"));
        let model =
            Model::load(&export.file("model.onnx")).unwrap_or_else(|e| panic!("{}: {e}", export.name));
        check(case, &model);
    }
}

fn check(case: &Case, model: &Model) {
    let info = model.info();
    assert_eq!(info.scale as f64, case.number("scale"), "{}", case.name);
    assert_eq!(info.input_channels as f64, case.number("in_channels"), "{}", case.name);
    assert_eq!(info.output_channels as f64, case.number("out_channels"), "{}", case.name);
    let picture = case.input();
    let shape = picture.shape().as_image("picture").expect("a picture");
    let graph = model.graph_for([shape.height, shape.width]);
    let output = reference::run(&graph, &picture).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    tolerance::compare(&output, &case.output(), TOLERANCE)
        .unwrap_or_else(|what| panic!("{}: {what}", case.name));
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn a_flag_counts_as_a_tensor_and_as_a_note() {
    let case =
        cases("archs/real-cugan").into_iter().find(|case| case.name.ends_with("x2-pro")).expect("a case");
    let model = Model::load(&case.file("model.safetensors")).expect("loads");
    let (architecture, weights) = model.recognise().expect("known");
    let mut weights = weights.renamed(|path| (path != "pro").then(|| path.to_owned()));
    for (note, pro) in [(None, "false"), (Some("1"), "true")] {
        weights.metadata_mut().extend(note.map(|note| ("pro".to_owned(), note.to_owned())));
        let built = (architecture.build)(&weights).expect("a network");
        assert!(built.hyper.contains(&("pro", pro.to_owned())), "{note:?}: {:?}", built.hyper);
    }
}

#[test]
fn every_size_above_the_minimum_is_taken() {
    for case in cases("archs") {
        let model = Model::load(&case.file("model.safetensors")).expect("loads");
        let info = model.info();
        for factor in 1..4 {
            let side = (info.minimum_size * factor).next_multiple_of(info.size_multiple);
            let shape = Shape::image(1, info.input_channels, side, side + info.size_multiple);
            assert!(model.graph().shapes(&shape).is_ok(), "{}: {shape}", case.name);
        }
    }
}

#[test]
fn each_model_is_of_one_architecture_in_whatever_order_they_are_asked() {
    for case in cases("archs") {
        let model = Model::load(&case.file("model.safetensors")).expect("loads");
        let weights = model.weights().expect("weights");
        let accepting = ARCHITECTURES.iter().filter(|architecture| (architecture.detect)(&weights));
        let names: Vec<_> = accepting.map(|architecture| Some(architecture.name)).collect();
        assert_eq!(names, [case.expect["architecture"].as_str()], "{}", case.name);
    }
}
