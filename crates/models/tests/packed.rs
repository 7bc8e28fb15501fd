//! Models inside zip archives.

use std::io::{Cursor, Write};

use amplio_models::{Limits, Model};
use amplio_testkit::golden::root;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An archive of these entries, compressed or as they are.
fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("an entry");
        zip.write_all(bytes).expect("writes");
    }
    zip.finish().expect("an archive").into_inner()
}

fn deflated(entries: &[(&str, &[u8])]) -> Vec<u8> {
    archive(entries, CompressionMethod::Deflated)
}

fn file(path: &str) -> Vec<u8> {
    std::fs::read(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn load(bytes: &[u8]) -> Result<Model, String> {
    Model::from_bytes("packed", bytes).map_err(|error| error.to_string())
}

const SAFETENSORS: &str = "archs/compact/x2-odd-features/model.safetensors";

#[test]
fn the_only_model_of_an_archive_is_loaded() {
    let (safetensors, pth) = (file(SAFETENSORS), file("pth/zipped/model.pth"));
    let onnx = file("onnx/networks/compact/model.onnx");
    let [param, bin] = ["param", "bin"].map(|end| file(&format!("ncnn/compact-x2-odd-f16/model.{end}")));
    for (entries, format) in [
        (&[("a/readme.txt", &b"hello"[..]), ("a/x.safetensors", &safetensors)][..], "safetensors"),
        (&[("X.PTH", &pth), ("__MACOSX/X.PTH", b"?"), ("a/._X.PTH", b"?"), ("x.json", b"{}")], "pth"),
        (&[("x.onnx", &onnx)], "onnx"),
        (&[("x.param", &param), ("x.bin", &bin)], "ncnn"),
        (&[("../../x.safetensors", &safetensors)], "safetensors"),
    ] {
        for method in [CompressionMethod::Deflated, CompressionMethod::Stored] {
            let model = load(&archive(entries, method)).unwrap_or_else(|e| panic!("{format}: {e}"));
            assert_eq!((model.info().format, model.info().scale), (format, 2), "{method}");
        }
    }
}

#[test]
fn what_is_not_one_model_is_refused() {
    let bytes = file(SAFETENSORS);
    let param = file("ncnn/compact-x2-odd-f16/model.param");
    let inner = deflated(&[("x.safetensors", &bytes)]);
    for (entries, word) in [
        (&[("a.safetensors", &bytes[..]), ("b.pth", &bytes)][..], "a.safetensors, b.pth; unpack it"),
        (&[("x.param", &param)], "unpack it"),
        (&[("readme.txt", b"hello")], "data.pkl"),
        (&[("x.pth", b"hello")], "entry x.pth"),
        (&[("x.pth", &inner)], "entry x.pth"),
        (&[("x\u{7}.pth", b"hello")], "entry x.pth"),
    ] {
        let error = load(&deflated(entries)).expect_err("is refused");
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn damaged_archives_are_errors() {
    let whole = deflated(&[("x.safetensors", &file(SAFETENSORS))]);
    load(&whole).expect("loads");
    for end in (0..whole.len()).step_by(7).chain(whole.len() - 60..whole.len()) {
        load(&whole[..end]).expect_err("is cut off");
    }
    for at in (40..whole.len()).step_by(101) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        // The checksum does not cover names and dates.
        let _ = load(&damaged);
    }
    let middle = whole.len() / 2;
    let mut damaged = whole.clone();
    damaged[middle] ^= 0x10;
    load(&damaged).expect_err("it is not what was packed");
}

#[test]
fn what_would_become_too_much_is_refused() {
    let zeros = vec![0; 1 << 20];
    let bomb = deflated(&[("x.safetensors", &zeros)]);
    assert!(bomb.len() < 4096);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.zip");
    std::fs::write(&path, &bomb).expect("writes");
    let limits = Limits { file_bytes: 1 << 19, ..Limits::default() };
    let error = Model::load_within(&path, &limits).expect_err("too large").to_string();
    assert!(error.contains("limit") && error.contains("x.safetensors"), "{error}");
}
