//! Files that are cut off, damaged or made to do harm: errors, and nothing else.

use amplio_graph::Tensor;
use amplio_models::formats::{ncnn, safetensors};
use amplio_models::{DType, Limits, Model, Weights};
use amplio_testkit::golden::cases;
use amplio_testkit::random::Random;

/// Files above this size take too long to be cut at every byte.
const SMALL: usize = 24_000;
/// Damaged copies of each file.
const COPIES: u64 = 150;

fn files(below: &str, name: &str) -> Vec<(String, Vec<u8>)> {
    let with_file = cases(below).into_iter().filter(|case| case.has(name));
    with_file.map(|case| (case.name.clone(), std::fs::read(case.file(name)).expect("a file"))).collect()
}

fn pairs() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let read = |name: &str| {
        files("ncnn", name).into_iter().map(|(case, param)| {
            let bin = cases("ncnn").into_iter().find(|c| c.name == case).expect("the case").file("model.bin");
            (case, param, std::fs::read(bin).expect("numbers"))
        })
    };
    read("model.param").chain(read("model.param.bin")).collect()
}

#[test]
fn a_cut_off_safetensors_file_is_an_error() {
    let small = files("archs", "model.safetensors").into_iter().filter(|(_, bytes)| bytes.len() < SMALL);
    for (name, bytes) in small.take(4) {
        for end in 0..bytes.len() {
            assert!(
                Model::from_bytes("cut", &bytes[..end]).is_err(),
                "{name}: {end} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn a_cut_off_ncnn_file_is_an_error() {
    let limits = Limits::default();
    let read = |param: &[u8], bin: &[u8]| Model::from_ncnn("cut", param, bin, &limits);
    for (name, param, bin) in pairs().into_iter().filter(|(_, _, bin)| bin.len() < SMALL && !bin.is_empty()) {
        if read(&param, &bin).is_err() {
            continue;
        }
        for end in (0..bin.len()).step_by(7).chain([bin.len() - 1]) {
            assert!(read(&param, &bin[..end]).is_err(), "{name}: {end} of {} bytes of numbers", bin.len());
        }
        assert!(read(&param, &[&bin[..], &[0; 4]].concat()).is_err(), "{name}: too many numbers");
        let text = param.starts_with(b"7767517");
        // In text, the last attributes may be missing.
        let last_line = param.trim_ascii_end().iter().rposition(|b| *b == b'\n').unwrap_or(0);
        for end in 0..param.len() {
            let result = read(&param[..end], &bin);
            assert!(
                result.is_err() || (text && end > last_line),
                "{name}: {end} of {} bytes of layers",
                param.len()
            );
        }
    }
}

#[test]
fn damaged_safetensors_files_never_panic() {
    for (name, bytes) in
        files("archs", "model.safetensors").into_iter().filter(|(_, bytes)| bytes.len() < 4 * SMALL)
    {
        let header = 8 + u64::from_le_bytes(*bytes.first_chunk().expect("a length")) as usize;
        for seed in 0..COPIES {
            let damaged = damaged(&bytes, header, seed);
            let _ = Model::from_bytes(&name, &damaged);
        }
    }
}

#[test]
fn damaged_ncnn_files_never_panic() {
    let limits = Limits::default();
    for (name, param, bin) in pairs() {
        for seed in 0..COPIES {
            let _ = Model::from_ncnn(&name, &damaged(&param, param.len(), seed), &bin, &limits);
            let _ = Model::from_ncnn(&name, &param, &damaged(&bin, bin.len(), seed), &limits);
        }
    }
}

/// A copy with a few of the first `end` bytes changed, removed or repeated.
fn damaged(bytes: &[u8], end: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut copy = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(end.min(copy.len()).max(1));
        match random.below(5) {
            0 => copy[at] = random.bits() as u8,
            1 => copy[at] = random.pick(b"0123456789-,=.e \n"),
            2 => copy[at] ^= 1 << random.below(8),
            3 => copy.insert(at, random.pick(b"0123456789-")),
            _ => {
                copy.remove(at);
            }
        }
    }
    copy
}

fn header(json: &str, data: usize) -> Vec<u8> {
    let mut file = (json.len() as u64).to_le_bytes().to_vec();
    file.extend(json.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

#[test]
fn headers_that_promise_too_much_are_errors() {
    let tensor = |shape: &str, from: u64, to: u64| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let one = |tensor: String| format!(r#"{{"a":{tensor}}}"#);
    let huge = u64::MAX.to_le_bytes().to_vec();
    let terabytes = header(&one(tensor("[1099511627776]", 0, 4_398_046_511_104)), 8);
    let beyond = header(&one(tensor("[4]", 0, 16)), 8);
    let overflow = header(&one(tensor("[4294967296,4294967296,4294967296]", 0, 16)), 16);
    let empty_but_wide = header(&one(tensor("[0,1099511627776]", 0, 0)), 0);
    let both = format!(r#"{{"a":{},"b":{}}}"#, tensor("[2]", 0, 8), tensor("[2]", 4, 12));
    let twice = format!(r#"{{"a":{},"a":{}}}"#, tensor("[1]", 0, 4), tensor("[1]", 4, 8));
    let gap = format!(r#"{{"a":{},"b":{}}}"#, tensor("[1]", 0, 4), tensor("[1]", 8, 12));
    let backwards = one(tensor("[1]", 4, 0));
    for (what, file) in [
        ("a huge header", huge),
        ("terabytes", terabytes),
        ("beyond the end", beyond),
        ("overflow", overflow),
        ("empty but wide", empty_but_wide),
        ("shared places", header(&both, 12)),
        ("a name twice", header(&twice, 8)),
        ("a gap", header(&gap, 12)),
        ("backwards", header(&backwards, 4)),
        ("nothing", Vec::new()),
    ] {
        assert!(safetensors::read(&file, &Limits::default()).is_err(), "{what}");
    }
}

#[test]
fn limits_are_kept() {
    let bytes = files("archs/compact", "model.safetensors").remove(0).1;
    for limits in [
        Limits { file_bytes: 100, ..Limits::default() },
        Limits { tensors: 2, ..Limits::default() },
        Limits { elements: 100, ..Limits::default() },
    ] {
        let error = safetensors::read(&bytes, &limits).expect_err("too large").to_string();
        assert!(error.contains("limit"), "{error}");
    }
    let (_, param, bin) = pairs().remove(0);
    for limits in [Limits { layers: 2, ..Limits::default() }, Limits { elements: 100, ..Limits::default() }] {
        let error = ncnn::read(&param, &bin, &limits).expect_err("too large").to_string();
        assert!(error.contains("limit"), "{error}");
    }
}

#[test]
fn refusals_say_what_and_where() {
    let layers = |body: &str| {
        let count = body.lines().count() + 1;
        format!("7767517\n{count} {count}\nInput in 0 1 in 2=3\n{body}\n")
    };
    for (body, words) in [
        ("LSTM memory 1 1 in out 0=3", ["layer memory (LSTM)", "Convolution"]),
        ("Convolution c 1 1 in out 0=8 1=3 6=216", ["layer c (Convolution)", "cut off"]),
        ("Convolution c 1 1 in out 0=8 1=3 6=217", ["layer c", "217 weights"]),
        ("Interp i 1 1 in out 0=1 1=1e9 2=1e9", ["layer i", "times as large"]),
        ("ReLU r 1 1 nothing out", ["layer r", "nothing"]),
        ("ReLU r 1 1 in a\nReLU s 1 1 in b", ["several outputs", "a, b"]),
        ("PixelShuffle p 1 1 in out 0=2", ["layer p", "3 channels"]),
        ("Interp i 1 1 in out 0=1 1=0.5 2=0.5", ["times as many", "6720"]),
    ] {
        let error = Model::from_ncnn("x", layers(body).as_bytes(), &[], &Limits::default())
            .expect_err(body)
            .to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let inputs = "7767517\n3 3\nInput a 0 1 a\nInput b 0 1 b\nBinaryOp c 2 1 a b c\n";
    let error = Model::from_ncnn("x", inputs.as_bytes(), &[], &Limits::default())
        .expect_err("two inputs")
        .to_string();
    assert!(error.contains("2 inputs a, b"), "{error}");
}

#[test]
fn what_is_no_model_is_called_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        Model::load(&path).expect_err(name).to_string()
    };
    for (name, bytes, words) in [
        ("a.pth", &b"<!DOCTYPE html><html>"[..], "a web page"),
        (
            "a.safetensors",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n",
            "a pointer of Git LFS",
        ),
        ("b.pth", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture"),
        ("a.onnx", b"Not found\n", "text in place of a model"),
        ("c.pth", b"", "an empty file"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0", "a 7z archive; unpack it"),
        ("a.param", b"0 0\n", "text"),
        ("config.json", b"{}", "text"),
    ] {
        let error = refused(name, bytes);
        assert!(error.contains(words), "{name}: {error}");
    }
    let error = Model::load(folder.path()).expect_err("a folder").to_string();
    assert!(error.contains("a folder; name a file in it"), "{error}");
    let whole = header(r#"{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}"#, 4);
    let error = refused("whole.safetensors", &whole);
    assert!(error.contains("whole numbers"), "{error}");
}

#[test]
fn unknown_weights_are_named_from_all_over_the_file() {
    let paths: Vec<String> =
        ["a", "z"].iter().flat_map(|part| (0..20).map(move |i| format!("{part}.{i:02}.weight"))).collect();
    let mut weights = Weights::new();
    for path in &paths {
        weights.insert(path, Tensor::scalar(0.0), DType::F32);
    }
    let bytes = safetensors::write(&weights).expect("writes");
    let error = Model::from_bytes("unknown", &bytes).expect_err("unknown").to_string();
    assert!(error.contains("a.00.weight") && error.contains("z."), "{error}");
}
