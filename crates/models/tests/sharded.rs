//! Safetensors in several files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use amplio_models::formats::safetensors;
use amplio_models::{Limits, Model, Weights};
use amplio_testkit::golden::cases;
use serde_json::json;

/// Writes the weights of a golden case as two files with an index; the second file holds one tensor more than the index says.
fn split(folder: &Path, weights: &Weights) {
    let mut parts = [Weights::new(), Weights::new()];
    let mut index = BTreeMap::new();
    for (i, (path, weight)) in weights.iter().enumerate() {
        parts[i % 2].insert(path, weight.tensor.clone(), weight.dtype);
        index.insert(path, format!("part-{}.safetensors", i % 2));
    }
    let (_, first) = weights.iter().next().expect("a tensor");
    parts[1].insert("unlisted", first.tensor.clone(), first.dtype);
    for (i, part) in parts.iter().enumerate() {
        fs::write(folder.join(format!("part-{i}.safetensors")), safetensors::write(part).expect("writes"))
            .expect("a file");
    }
    write_index(folder, &index);
}

fn write_index(folder: &Path, index: &BTreeMap<&str, String>) {
    let text = json!({ "metadata": { "total_size": 0 }, "weight_map": index }).to_string();
    fs::write(folder.join("model.safetensors.index.json"), text).expect("a file");
}

#[test]
fn parts_are_put_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let case = cases("archs/compact").remove(0);
    let whole = Model::load(&case.file("model.safetensors")).expect("loads");
    split(folder.path(), &whole.weights().expect("weights"));
    let index = folder.path().join("model.safetensors.index.json");
    let model = Model::load(&index).expect("loads");
    assert_eq!(model.weights().expect("weights"), whole.weights().expect("weights"));
    assert_eq!((&*model.info().name, model.info().format), ("model", "sharded safetensors"));

    let bytes = fs::metadata(folder.path().join("part-0.safetensors")).expect("a file").len() as usize;
    let limits = Limits { file_bytes: bytes + 100, ..Limits::default() };
    assert!(Model::load_within(&index, &limits).expect_err("too large").to_string().contains("limit"));
    assert!(Model::from_bytes("x", &fs::read(&index).expect("a file")).is_err());
    fs::remove_file(folder.path().join("part-1.safetensors")).expect("removes");
    assert!(Model::load(&index).expect_err("a part is missing").to_string().contains("part-1.safetensors"));
}

#[test]
fn an_index_that_lies_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let case = cases("archs/compact").remove(0);
    let whole = Model::load(&case.file("model.safetensors")).expect("loads");
    split(folder.path(), &whole.weights().expect("weights"));
    let index = folder.path().join("model.safetensors.index.json");
    for (file, words) in [
        ("/part-0.safetensors", "beside the index"),
        ("../part-0.safetensors", "beside the index"),
        ("below/part-0.safetensors", "beside the index"),
        ("..", "beside the index"),
        ("", "beside the index"),
        ("part-0.safetensors", "no tensor nothing"),
        ("part-2.safetensors", "part-2"),
    ] {
        write_index(folder.path(), &BTreeMap::from([("nothing", file.to_owned())]));
        let error = Model::load(&index).expect_err(file).to_string();
        assert!(error.contains(words), "{file}: {error}");
    }
    fs::write(folder.path().join("part-3.bin"), b"PK\x03\x04").expect("a file");
    write_index(folder.path(), &BTreeMap::from([("nothing", "part-3.bin".to_owned())]));
    let error = Model::load(&index).expect_err("another format").to_string();
    assert!(error.contains("part-3.bin") && error.contains("another format than safetensors"), "{error}");
    for text in ["{\"weight_map\"", "{\"weight_map\":{}}", "{\"weight_map\":3}", "{}"] {
        fs::write(&index, text).expect("a file");
        assert!(Model::load(&index).is_err(), "{text}");
    }
}
