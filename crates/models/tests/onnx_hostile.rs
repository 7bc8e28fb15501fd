//! ONNX files that are cut off, damaged or made to do harm: errors that say what is wrong and where, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use amplio_models::formats::{Input, onnx};
use amplio_models::{Limits, Model, Result};
use amplio_testkit::golden::{cases, root};
use amplio_testkit::random::Random;

/// Damaged copies of each file.
const COPIES: u64 = 40;

fn read(bytes: &[u8], path: Option<&Path>, limits: &Limits) -> Result<()> {
    (onnx::FORMAT.read)(&Input { bytes, path, limits }).map(|_| ())
}

fn operators() -> Vec<PathBuf> {
    let files = fs::read_dir(root().join("onnx/ops")).expect("a folder").flatten();
    let mut files: Vec<_> = files.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "onnx"));
    files.sort();
    files
}

fn case(name: &str) -> Vec<u8> {
    fs::read(root().join(format!("onnx/{name}"))).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn refused(bytes: &[u8], path: Option<&Path>) -> String {
    read(bytes, path, &Limits::default()).expect_err("is refused").to_string()
}

#[test]
fn a_cut_off_file_is_an_error() {
    let limits = Limits::default();
    let networks = cases("onnx/networks").into_iter().map(|case| case.file("model.onnx"));
    let small = networks.filter(|path| fs::metadata(path).is_ok_and(|data| data.len() < 24_000));
    for path in operators().into_iter().chain(small.take(2)) {
        let bytes = fs::read(&path).expect("a file");
        for end in 0..bytes.len() {
            let result = read(&bytes[..end], None, &limits);
            assert!(result.is_err(), "{}: {end} of {} bytes", path.display(), bytes.len());
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let limits = Limits::default();
    let networks = cases("onnx/networks").into_iter().map(|case| case.file("model.onnx"));
    for path in operators().into_iter().chain(networks) {
        let bytes = fs::read(&path).expect("a file");
        let copies = if bytes.len() < 24_000 { COPIES } else { 3 };
        for seed in 0..copies {
            let _ = Model::from_bytes("damaged", &damaged(&bytes, seed));
            let _ = read(&damaged(&bytes, seed), None, &limits);
        }
    }
}

/// A copy with a few bytes changed, removed or repeated.
fn damaged(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut copy = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(copy.len().max(1));
        match random.below(5) {
            0 => copy[at] = random.bits() as u8,
            1 => copy[at] = random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            2 => copy[at] ^= 1 << random.below(8),
            3 => copy.insert(at, random.pick(&[0, 0x80, 0xff])),
            _ => {
                copy.remove(at);
            }
        }
    }
    copy
}

#[test]
fn limits_are_kept() {
    let bytes = case("networks/compact/model.onnx");
    for limits in [
        Limits { tensors: 2, ..Limits::default() },
        Limits { layers: 2, ..Limits::default() },
        Limits { elements: 100, ..Limits::default() },
    ] {
        let error = read(&bytes, None, &limits).expect_err("too large").to_string();
        assert!(error.contains("limit"), "{error}");
    }
}

/// A message's field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut field = vec![number << 3 | 2];
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    [&field[..], &[length as u8], bytes].concat()
}

/// A file of these nodes, each with its operator, its domain, what it reads and what it makes.
fn file(opset: u8, nodes: &[(&str, &str, &[&str], &str)]) -> Vec<u8> {
    file_with(opset, nodes, &[])
}

/// The same with tensors.
fn file_with(opset: u8, nodes: &[(&str, &str, &[&str], &str)], tensors: &[Vec<u8>]) -> Vec<u8> {
    let mut graph: Vec<u8> = tensors.iter().flat_map(|tensor| field(5, tensor)).collect();
    for (op, domain, inputs, output) in nodes {
        let inputs = inputs.iter().flat_map(|name| field(1, name.as_bytes()));
        let rest =
            [field(2, output.as_bytes()), field(4, op.as_bytes()), field(7, domain.as_bytes())].concat();
        graph.extend(field(1, &inputs.chain(rest).collect::<Vec<_>>()));
    }
    let dims: Vec<u8> = [1, 3, 0, 0].into_iter().flat_map(|size| field(1, &[0x08, size])).collect();
    let shape = field(2, &field(1, &field(2, &dims)));
    graph.extend(field(11, &[field(1, b"x"), shape].concat()));
    graph.extend(field(12, &field(1, b"y")));
    [vec![0x08, 8], field(7, &graph), field(8, &[0x10, opset])].concat()
}

#[test]
fn refusals_say_what_and_where() {
    for (opset, nodes, words) in [
        (17, &[("LSTM", "", &["x"][..], "y")][..], &["node y (LSTM of opset 17)", "known are", "Conv"][..]),
        (17, &[("QLinearConv", "", &["x"], "y")], &["node y (QLinearConv of opset 17)", "int8", "f16"]),
        (17, &[("Relu", "com.example", &["x"], "y")], &["node y (Relu", "com.example"]),
        (9, &[("Relu", "", &["x"], "y")], &["version 9", "11 to 21"]),
        (17, &[("Relu", "", &["z"], "y")], &["node y", "reads z"]),
        (17, &[("Relu", "", &["x"], "z")], &["no node makes the output y"]),
        (17, &[("Relu", "", &[], "y")], &["node y", "no input 0"]),
        (17, &[("Shape", "", &["x"], "y")], &["does not depend on the picture"]),
        (17, &[("Conv", "", &["x", "x"], "y")], &["node y", "input 1", "computes"]),
        (17, &[("Equal", "", &["x", "x"], "y")], &["node y", "depend on pixels"]),
        (17, &[("DepthToSpace", "", &["x"], "y")], &["node y", "blocks of 0"]),
    ] {
        let error = refused(&file(opset, nodes), None);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let recursive: Vec<u8> = (0..200).fold(Vec::new(), |inner, _| field(7, &inner));
    refused(&recursive, None);
}

/// A list of whole numbers under this name.
fn whole(name: &str, numbers: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [vec![0x08, numbers.len() as u8, 0x10, 7], field(8, name.as_bytes()), field(9, &bytes)].concat()
}

#[test]
fn a_constant_of_a_few_bytes_does_not_become_a_large_one() {
    let one = [vec![0x10, 1], field(8, b"one"), field(9, &1.0_f32.to_le_bytes())].concat();
    let shape = whole("shape", &[1, 1, 1, 1]);
    let square = ("Reshape", "", &["one", "shape"][..], "square");
    let add = ("Add", "", &["x", "large"][..], "y");
    for (large, numbers) in [
        (("Expand", "", &["one", "numbers"][..], "large"), &[1 << 20, 1 << 20][..]),
        (("Pad", "", &["square", "numbers"], "large"), &[0, 0, 100_000, 100_000, 0, 0, 100_000, 100_000]),
    ] {
        let tensors = [one.clone(), shape.clone(), whole("numbers", numbers)];
        let error = refused(&file_with(17, &[square, large, add], &tensors), None);
        assert!(error.contains(large.0) && error.contains("limit"), "{error}");
    }
}

/// A model whose only weight lies in another file, at this place.
fn external(location: &str, entries: &[(&str, &str)]) -> Vec<u8> {
    let entry =
        |key: &str, value: &str| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let places: Vec<u8> = entries.iter().flat_map(|(key, value)| entry(key, value)).collect();
    let tensor = [
        vec![0x08, 3, 0x08, 1, 0x08, 1, 0x10, 1],
        field(8, b"s"),
        entry("location", location),
        places,
        vec![14 << 3, 1],
    ];
    file_with(17, &[("Mul", "", &["x", "s"], "y")], &[tensor.concat()])
}

#[test]
fn numbers_lie_in_the_folder_of_the_model_or_nowhere() {
    let outside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnx-external");
    let folder = outside.join("model");
    fs::create_dir_all(folder.join("below")).expect("a folder");
    let numbers: Vec<u8> = [9.0_f32, 1.0, 2.0, 3.0].into_iter().flat_map(f32::to_le_bytes).collect();
    for file in [outside.join("x.data"), folder.join("x.data"), folder.join("below/x.data")] {
        fs::write(file, &numbers).expect("writes");
    }
    let path = folder.join("x.onnx");
    let limits = Limits::default();
    for (location, entries) in [
        ("x.data", &[("offset", "4"), ("length", "12")][..]),
        ("below/x.data", &[]),
        ("./x.data", &[("offset", "0")]),
    ] {
        read(&external(location, entries), Some(&path), &limits)
            .unwrap_or_else(|e| panic!("{location}: {e}"));
    }
    let whole = outside.join("x.data").display().to_string();
    for (location, entries, word) in [
        ("../x.data", &[][..], "not in the folder"),
        (&whole, &[], "not in the folder"),
        ("below/../../x.data", &[], "not in the folder"),
        ("", &[], "not in the folder"),
        ("missing.data", &[], "missing.data"),
        ("below", &[], "no file"),
        ("x.data", &[("offset", "8")], "16 bytes"),
        ("x.data", &[("offset", "18446744073709551615")], "16 bytes"),
        ("x.data", &[("length", "16")], "12 are needed"),
        ("x.data", &[("offset", "-4")], "offset"),
    ] {
        let error = refused(&external(location, entries), Some(&path));
        assert!(error.contains(word), "{location}: {error}");
    }
    assert!(refused(&external("x.data", &[]), None).contains("without a path"));
    #[cfg(unix)]
    {
        let link = folder.join("link.data");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(outside.join("x.data"), &link).expect("a link");
        assert!(refused(&external("link.data", &[]), Some(&path)).contains("not in the folder"));
    }
}
