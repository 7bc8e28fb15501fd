//! Models whose file names others, and models inside archives.

use std::io::{Cursor, Write};

use amplio_models::catalogue::{Download, Reference};
use amplio_models::{Digest, Model};
use amplio_testkit::golden::root;
use amplio_testkit::http::{Reply, Server};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::setting::{Cache, known, unknown};

const TAG: &str = "\"one\"";

fn file(path: &str) -> Vec<u8> {
    std::fs::read(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn external(name: &str) -> Vec<u8> {
    file(&format!("onnx/networks/compact-external/{name}"))
}

/// A hub with an ONNX file, and beside it what is answered for its numbers.
fn hub(numbers: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    let network = external("model.onnx");
    Server::start(move |request| match request.path.as_str() {
        "/a/b/resolve/v1/c/x.onnx" => Reply::file(&network, TAG, request),
        "/a/b/resolve/v1/c/model.data" => numbers(),
        _ => Reply::status(404),
    })
}

fn download(hub: &str) -> Download {
    let reference = Reference::parse("hf:a/b/c/x.onnx@v1").expect("a reference");
    Download::of(&reference, hub).expect("a file").expect("no name")
}

fn with_digest(reply: Reply, bytes: &[u8]) -> Reply {
    reply.with("X-Linked-Etag", &format!("\"{}\"", Digest::of(bytes)))
}

#[test]
fn numbers_beside_a_network_come_with_it() {
    let mut cache = Cache::new();
    let server = hub(|| with_digest(Reply::whole(&external("model.data")), &external("model.data")));
    cache.settings.hub = server.url("");
    let download = download(&cache.settings.hub);
    cache.pulls(&download, &external("model.onnx"));
    let stored = cache.fetcher().cached(&download).expect("in the cache");
    assert_eq!(stored.record.as_ref().map(|record| record.files.len()), Some(2));
    let model = Model::load(&stored.path().expect("a file")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(model.info().scale, 2);
    let asked = server.requests().len();
    cache.pulls(&download, &external("model.onnx"));
    assert_eq!(server.requests().len(), asked, "nothing is fetched twice");
}

#[test]
fn numbers_that_are_not_right_make_no_model() {
    for (reply, what) in [
        (with_digest(Reply::whole(b"other"), b"right"), "SHA-256"),
        (Reply::status(404), "404"),
        (Reply::whole(b"<html>Sign in</html>"), "web page"),
    ] {
        let mut cache = Cache::new();
        let server = hub(move || reply.clone());
        cache.settings.hub = server.url("");
        cache.refuses(&download(&cache.settings.hub), what);
        assert!(cache.fetcher().cache().list().expect("a list").iter().all(|it| it.record.is_none()));
    }
}

#[test]
fn an_index_brings_its_parts() {
    let cache = Cache::new();
    let weights = file("archs/compact/x2-odd-features/model.safetensors");
    let names = safetensors::SafeTensors::deserialize(&weights).expect("sound");
    let map: serde_json::Map<_, _> =
        names.names().into_iter().map(|name| (name.to_owned(), "all-1.safetensors".into())).collect();
    let index = serde_json::json!({ "weight_map": map }).to_string().into_bytes();
    let sent = index.clone();
    let server = Server::start(move |request| match request.path.as_str() {
        "/x.safetensors.index.json" => Reply::file(&sent, TAG, request),
        "/all-1.safetensors" => Reply::whole(&weights),
        _ => Reply::status(404),
    });
    let reference = Reference::parse(&server.url("/x.safetensors.index.json")).expect("a reference");
    let download = Download::of(&reference, "").expect("a file").expect("no name");
    cache.pulls(&download, &index);
    let path = cache.fetcher().cached(&download).and_then(|stored| stored.path()).expect("a file");
    assert_eq!(Model::load(&path).unwrap_or_else(|e| panic!("{e}")).info().scale, 2);
}

fn archive(names: &[&str]) -> Vec<u8> {
    let weights = file("archs/compact/x2-odd-features/model.safetensors");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(&weights).expect("writes");
    }
    zip.finish().expect("an archive").into_inner()
}

#[test]
fn an_archive_of_one_model_is_that_model() {
    let (cache, bytes) = (Cache::new(), archive(&["readme.txt", "../x.safetensors"]));
    let body = bytes.clone();
    let server = Server::start(move |request| Reply::file(&body, TAG, request));
    let download = known(&[server.url("/a.zip")], &bytes);
    cache.pulls(&download, &bytes);
    let path = cache.fetcher().cached(&download).and_then(|stored| stored.path()).expect("a file");
    assert_eq!(Model::load(&path).unwrap_or_else(|e| panic!("{e}")).info().scale, 2);
}

#[test]
fn an_archive_of_several_models_is_refused() {
    let bytes = archive(&["x.safetensors", "y.safetensors"]);
    let server = Server::start(move |request| Reply::file(&bytes, TAG, request));
    let cache = Cache::new();
    cache.refuses(&unknown(&[server.url("/a.zip")]), "x.safetensors, y.safetensors; unpack it");
    assert_eq!(cache.leftovers().len(), 0);
}
