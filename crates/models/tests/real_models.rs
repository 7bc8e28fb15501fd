//! Real-ESRGAN's networks and SPAN as `tools/fetch-weights` fetches them, and the built-in models that are made of two of them.

use std::path::PathBuf;

use amplio_graph::{Op, Shape};
use amplio_models::builtin::{self, BUILTIN};
use amplio_models::{Conversion, DType, Model, convert};

/// Files, the built-in models that they are, and what must be found in them.
const REAL: [(&str, Option<&str>, &str, usize); 5] = [
    ("realesrgan-x4fast", Some("realesr-general-x4v3"), "compact", 1_213_296),
    ("realesr-animevideov3-x4", Some("realesr-animevideov3"), "compact", 621_424),
    ("realesrgan-x4plus-anime", None, "esrgan", 4_467_779),
    ("realesrgan-x4plus", None, "esrgan", 16_697_987),
    ("spanx4_ch48", None, "span", 426_291),
];

/// The folder of the files, if they have been fetched.
#[expect(clippy::print_stderr, reason = "who runs the tests should know what has not been tested")]
fn cache() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let folder = variable("AMPLIO_TEST_CACHE").or_else(|| Some(caches?.join("amplio-test")))?;
    let there = REAL.iter().all(|(name, ..)| folder.join(name).with_extension("param").is_file());
    if !there {
        eprintln!("skipped: no real models in {}; tools/fetch-weights fetches them", folder.display());
    }
    there.then_some(folder)
}

#[test]
fn every_fetched_ncnn_model_is_a_network_for_pictures() {
    let Some(folder) = cache() else { return };
    let files = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    for path in files.filter(|path| path.extension().is_some_and(|end| end == "param")) {
        let model = Model::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let (info, name) = (model.info(), path.file_stem().expect("a name").to_string_lossy().to_lowercase());
        assert_eq!(Some(info.scale), scale_in(&name), "{name}");
        assert_eq!((info.input_channels, info.output_channels), (3, 3), "{name}");
        // What takes one size takes all that are so many pixels larger.
        for steps in 0..6 {
            let side = info.minimum_size.next_multiple_of(info.size_multiple) + steps * info.size_multiple;
            let shape = Shape::image(1, 3, side, side + info.size_multiple);
            let shapes = model.graph().shapes(&shape).unwrap_or_else(|error| panic!("{name}: {error}"));
            let output = &shapes[model.graph().output().index()];
            assert_eq!(output[2..], [side * info.scale, (side + info.size_multiple) * info.scale], "{name}");
        }
    }
}

/// The scale that the name of a file says: `up2x`, `-x4`, `spanx2_`, `2x…`, `…4x`.
fn scale_in(name: &str) -> Option<usize> {
    let says = |form: usize, scale: &usize| match form {
        0 => name.contains(&format!("up{scale}x")),
        1 => name.contains(&format!("-x{scale}")) || name.contains(&format!("x{scale}_")),
        _ => name.starts_with(&format!("{scale}x")) || name.ends_with(&format!("{scale}x")),
    };
    (0..3).find_map(|form| (1..=4).find(|scale| says(form, scale)))
}

fn conversion(dtype: DType) -> Conversion {
    Conversion { dtype, licence: None, source: None }
}

#[test]
fn layers_and_their_conversions_are_the_same_networks() {
    let Some(folder) = cache() else { return };
    for (name, _, architecture, parameters) in REAL {
        let layers = Model::load(&folder.join(name).with_extension("param")).expect("loads");
        let info = layers.info();
        assert_eq!(
            (info.scale, info.input_channels, info.output_channels, info.size_multiple),
            (4, 3, 3, 1),
            "{name}"
        );
        assert_eq!((info.parameters, info.dtype), (parameters, DType::F16), "{name}");
        assert_eq!(layers.recognise().expect("known").0.name, architecture, "{name}");
        // The convolutions of the file are halves, so that no bit may change.
        let file = convert(&layers, &conversion(DType::F16)).expect("converts");
        let weights = Model::from_bytes(name, &file).expect("loads");
        assert_eq!((weights.info().scale, weights.info().parameters), (4, parameters), "{name}");
        assert_eq!(weights.info().radius, info.radius, "{name}");
        assert_eq!(numbers(&weights), numbers(&layers), "{name}");
    }
}

/// All learned numbers under the paths of the architecture.
fn numbers(model: &Model) -> Vec<(String, Shape, Vec<u32>)> {
    let weights = model.weights().expect("weights");
    let bits = |data: &[f32]| data.iter().map(|v| v.to_bits()).collect();
    weights
        .iter()
        .map(|(path, w)| (path.to_owned(), w.tensor.shape().clone(), bits(w.tensor.data())))
        .collect()
}

#[test]
fn the_built_in_files_are_conversions() {
    let Some(folder) = cache() else { return };
    for (name, built_in, ..) in REAL {
        let Some(built_in) = built_in else { continue };
        let built_in = builtin::find(built_in).expect("built in");
        let layers = Model::load(&folder.join(name).with_extension("bin")).expect("loads");
        let conversion = Conversion {
            licence: Some(built_in.licence.to_owned()),
            source: Some(built_in.source.to_owned()),
            ..conversion(DType::F16)
        };
        assert!(
            convert(&layers, &conversion).expect("converts") == built_in.bytes(),
            "{name}: made in another way"
        );
    }
}

#[test]
fn built_in_models_are_what_they_are_called() {
    for built_in in BUILTIN {
        let model = built_in.load().expect("loads");
        let info = model.info();
        assert_eq!(
            (&*info.name, info.architecture, info.scale),
            (built_in.name, Some("compact"), built_in.scale)
        );
        assert_eq!(info.licence.as_deref(), Some(built_in.licence));
        assert_eq!(info.source.as_deref(), Some(built_in.source));
        assert_eq!(info.minimum_size, 1);
        let convolutions =
            model.graph().nodes().filter(|(_, node)| matches!(node.op(), Some(Op::Conv2d(_)))).count();
        // The shuffle at the end counts as a part of a pixel more, since its small pixels see all of a large one.
        let radius = info.radius.expect("a window");
        assert!((convolutions..=convolutions + 1).contains(&radius), "each convolution sees a pixel farther");
        for name in built_in.aliases.iter().chain([&built_in.name]) {
            assert_eq!(builtin::find(&name.to_uppercase()).expect("known").name, built_in.name);
        }
    }
    assert!(builtin::find("nothing").expect_err("unknown").to_string().contains(BUILTIN[0].name));
}
