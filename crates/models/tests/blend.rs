//! Networks between two others.

use amplio_graph::Tensor;
use amplio_models::{DType, Model, Weights, blend, formats::safetensors};
use amplio_testkit::golden::cases;

/// The golden model of a case, and one whose numbers are so many times as large.
fn pair(case: &str, factor: f32) -> [Model; 2] {
    let case = cases("archs").into_iter().find(|found| found.name == case).expect("a case");
    let first = Model::load(&case.file("model.safetensors")).expect("loads");
    let mut second = Weights::new();
    for (path, weight) in first.weights().expect("weights").iter() {
        let scaled = Tensor::from_fn(weight.tensor.shape().clone(), |at| weight.tensor.at(at) * factor);
        second.insert(path, scaled, DType::F32);
    }
    let second = safetensors::write(&second).expect("writes");
    [first, Model::from_bytes("second", &second).expect("loads")]
}

fn numbers(model: &Model) -> Vec<f32> {
    let weights = model.weights().expect("weights");
    weights.iter().flat_map(|(_, weight)| weight.tensor.data().to_vec()).collect()
}

#[test]
fn numbers_lie_between() {
    let [first, second] = pair("archs/compact/x2", 3.0);
    for (ratio, factor) in [(0.0, 1.0), (0.25, 1.5), (0.5, 2.0), (1.0, 3.0)] {
        let blended = blend(&first, &second, ratio).expect("blends");
        assert_eq!(blended.info().architecture, Some("compact"));
        assert_eq!(blended.info().hyper, first.info().hyper);
        let expected: Vec<f32> = numbers(&first).iter().map(|v| v * factor).collect();
        for (got, expected) in numbers(&blended).into_iter().zip(expected) {
            assert!((got - expected).abs() <= 1e-6 * expected.abs(), "{ratio}: {got} is not {expected}");
        }
    }
    assert_eq!(numbers(&blend(&first, &second, 0.0).expect("blends")), numbers(&first));
    assert_eq!(numbers(&blend(&first, &second, 1.0).expect("blends")), numbers(&second));
}

#[test]
fn what_does_not_fit_is_named() {
    let load = |case: &str| pair(case, 1.0).into_iter().next().expect("a model");
    let first = load("archs/compact/x2-f16");
    for (other, ratio, words) in [
        ("archs/compact/x2", 0.5, ["only", "tensor"]),
        ("archs/compact/x2-tiny-picture", 0.5, ["shapes", "body.0"]),
        ("archs/esrgan/new-x2", 0.5, ["compact", "esrgan"]),
        ("archs/compact/x2-f16", 1.5, ["ratio", "1.5"]),
        ("archs/compact/x2-f16", f64::NAN, ["ratio", "NaN"]),
    ] {
        let error = blend(&first, &load(other), ratio).expect_err(other).to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}
