//! Layers without learned numbers, against what NCNN answers; `layers/make.py` writes the cases.

use std::fs;
use std::path::Path;

use amplio_graph::reference;
use amplio_models::{Limits, formats::ncnn};
use amplio_testkit::{npy, tolerance};

/// NCNN's exponentials and powers are approximate.
const TOLERANCE: f32 = 1e-4;

#[test]
fn layers_do_what_they_do_in_ncnn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layers");
    let input = npy::read(&folder.join("input.npy"));
    let files = fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path());
    let lists: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "param")).collect();
    assert!(!lists.is_empty(), "no cases in {}", folder.display());
    for path in lists {
        let fail = |what: &dyn std::fmt::Display| -> ! { panic!("{}: {what}", path.display()) };
        let param = fs::read(&path).unwrap_or_else(|e| fail(&e));
        let (graph, _) = ncnn::read(&param, &[], &Limits::default()).unwrap_or_else(|e| fail(&e));
        let output = reference::run(&graph, &input).unwrap_or_else(|e| fail(&e));
        let expected = npy::read(&path.with_extension("npy"));
        tolerance::compare(&output, &expected, TOLERANCE).unwrap_or_else(|what| fail(&what));
    }
}
