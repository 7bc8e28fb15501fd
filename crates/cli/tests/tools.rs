//! The commands around the main one.

mod common;

use amplio_testkit::{golden, npy, tolerance};
use common::Folder;

#[test]
fn help_is_what_it_was() {
    let snapshots = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let folder = Folder::new();
    let models =
        ["models list", "models search", "models info", "models pull", "models remove", "models verify"];
    for command in [
        "",
        "info",
        "models",
        "convert",
        "blend",
        "compare",
        "bench",
        "serve",
        "tensor",
        "plan",
        "shard",
        "assemble",
        "doctor",
        "completions",
        "man",
    ]
    .into_iter()
    .chain(models)
    {
        let arguments: Vec<&str> =
            command.split(' ').chain(["--help"]).filter(|word| !word.is_empty()).collect();
        let text = folder.run(arguments).succeeded().text().to_owned();
        let name = if command.is_empty() { "amplio".to_owned() } else { command.replace(' ', "-") };
        let file = snapshots.join(name).with_extension("txt");
        if std::env::var_os("AMPLIO_BLESS").is_some() {
            std::fs::create_dir_all(&snapshots).expect("a folder");
            std::fs::write(&file, &text).expect("a file");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, expected, "help of {command:?} changed; AMPLIO_BLESS=1 takes it over");
    }
}

#[test]
fn a_network_runs_once_on_an_array() {
    let folder = Folder::new();
    let case = golden::root().join("archs/esrgan/new-x4");
    let file = |name: &str| case.join(name).to_str().expect("text").to_owned();
    for extra in [None, Some("--reference")] {
        let arguments = ["tensor", &file("model.safetensors"), &file("input.npy"), "out.npy"];
        folder.run(arguments.into_iter().chain(extra)).succeeded();
        let (got, expected) = (npy::read(&folder.path("out.npy")), npy::read(&case.join("output.npy")));
        tolerance::compare(&got, &expected, 1e-4).expect("the reference's answer");
        std::fs::remove_file(folder.path("out.npy")).expect("written");
    }
    let ran = folder.run(["tensor", &file("model.safetensors"), &file("model.safetensors"), "out.npy"]);
    assert_ne!(ran.code, 0);
    assert!(folder.files().is_empty());
}

#[test]
fn a_blend_lies_between_two_models() {
    let folder = Folder::new();
    let model =
        |case: &str| golden::root().join(case).join("model.safetensors").to_str().expect("text").to_owned();
    let [first, second] = ["archs/compact/x4-odd-size", "archs/compact/x4-params"].map(model);
    folder.rgb("a.png");
    let blended =
        folder.run(["blend", &first, &second, "m.safetensors", "--ratio", "0.25", "--dtype", "f32"]);
    blended.succeeded();
    folder.run(["a.png", "--model", "m.safetensors", "-o", "b.png"]).succeeded();
    let denoised = ["--denoise", "0.75", "--denoise-with", &second];
    folder.run(["a.png", "--model", &first, "-o", "c.png"].into_iter().chain(denoised)).succeeded();
    folder.run(["a.png", "--model", &first, "-o", "d.png"]).succeeded();
    assert_eq!(folder.read("b.png").samples, folder.read("c.png").samples);
    assert_ne!(folder.read("b.png").samples, folder.read("d.png").samples);
}

#[test]
fn a_converted_model_is_the_same_model() {
    let folder = Folder::new();
    let model = golden::root().join("ncnn/compact-x4-f16/model.param");
    let model = model.to_str().expect("text");
    let source = "https://example.org/compact";
    folder.run(["convert", model, "small.safetensors", "--dtype", "f16", "--source", source]).succeeded();
    let info = folder.run(["info", "--json", "small.safetensors"]).succeeded();
    let info: serde_json::Value =
        serde_json::from_str(info.text().lines().next().expect("a line")).expect("an object");
    assert_eq!(info["architecture"], "compact", "{info}");
    assert_eq!(info["scale"], 4, "{info}");
    assert!(info["source"] == source && info["licence"].is_null(), "{info}");
    folder.rgb("a.png");
    folder.run(["a.png", "--model", model, "-o", "b.png"]).succeeded();
    folder.run(["a.png", "--model", "small.safetensors", "-o", "c.png"]).succeeded();
    assert_eq!(folder.read("b.png").samples, folder.read("c.png").samples);
}

#[test]
fn bench_takes_the_sizes_that_pictures_may_have() {
    let folder = Folder::new();
    let model = golden::root().join("archs/drunet/grey/model.safetensors");
    let model = model.to_str().expect("text");
    folder.run(["bench", "--model", model, "--size", "37x41", "--rounds", "1"]).succeeded();
    folder.run(["bench", "--size", "100000x100000"]).failed(1, "not enough memory");
}

#[test]
fn the_tools_answer() {
    let folder = Folder::new();
    folder.rgb("a.png");
    assert!(folder.run(["models"]).succeeded().text().contains("realesr-general-x4v3"));
    assert!(folder.run(["doctor"]).succeeded().text().contains("png"));
    assert!(folder.run(["info", "a.png"]).succeeded().text().contains("24 x 16"));
    assert!(folder.run(["completions", "bash"]).succeeded().text().contains("amplio"));
    assert!(folder.run(["man"]).succeeded().text().contains(".TH"));
    let bench = folder.run(["bench", "--size", "16x16", "--rounds", "1", "--json"]).succeeded();
    let bench: serde_json::Value =
        serde_json::from_str(bench.text().lines().next().expect("a line")).expect("an object");
    assert!(bench["minimum_ms"].as_f64().is_some(), "{bench}");
    folder
        .run(["compare", "a.png", "--models", "photo,anime", "--region", "2,2,12,10", "-o", "sheet.png"])
        .succeeded();
    assert!(folder.read("sheet.png").width > 3 * 48);
    folder
        .run(["compare", "a.png", "--models", "photo", "--region", "20,2,12,10", "-o", "x.png"])
        .failed(2, "region");
}
