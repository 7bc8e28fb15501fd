//! The server, asked by clients that nobody here wrote: curl, and Python programs in an environment that `tools/clients/setup`
//! makes.
#![cfg(all(unix, feature = "serve"))]

mod common;

use amplio::media::images;
use common::Folder;
use common::server::{Server, curl};

/// A server that speaks every API.
fn server(folder: &Folder, more: &[&str]) -> Server {
    Server::start(folder, &[&["--model", "anime"], more].concat(), &[])
}

/// Runs a program of `tests/clients` with the server's URL and more.
fn python(program: &str, server: &Server, more: &[&str]) {
    common::server::python(program, &[&[server.url.as_str()], more].concat());
}

fn size(folder: &Folder, name: &str) -> (&'static str, u32, u32) {
    let bytes = std::fs::read(folder.path(name)).expect("a file");
    let (format, header) = images::read_header(&bytes).expect("a picture");
    (format.name, header.width, header.height)
}

#[test]
fn requests_as_the_sample_of_the_fastapi_server() {
    let folder = Folder::new();
    python("fastapi.py", &server(&folder, &[]), &[]);
}

#[test]
fn requests_as_the_clients_of_the_aws_sample() {
    let folder = Folder::new();
    let place = format!("file://{}/", folder.path("bucket").display());
    python("aws_sample.py", &server(&folder, &["--storage", &place]), &["bucket"]);
}

#[test]
fn a_client_of_tus() {
    let folder = Folder::new();
    python("tus.py", &server(&folder, &[]), &[]);
}

/// schemathesis asks everything that the document of the interface allows, and what it does not.
#[test]
fn the_document_of_the_interface_is_true() {
    let folder = Folder::new();
    let server = server(&folder, &[]);
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                  response_schema_conformance";
    let document = format!("{}/openapi.json", server.url);
    let fixed = ["--max-examples", "20", "--seed", "1", "--generation-deterministic", "--checks", checks];
    // Not in sequences of requests: it takes the job that stores a video for a key of the shelf.
    let phases = ["--phases", "examples,coverage,fuzzing"];
    common::server::python("document.py", &[&["run", &document][..], &fixed, &phases].concat());
}

#[test]
fn webuiapi_for_a1111() {
    let folder = Folder::new();
    python("a1111.py", &server(&folder, &[]), &[]);
}

#[test]
fn webuiapi_with_a_password() {
    let folder = Folder::new();
    let key = folder.run(["serve", "--new-key", "ann"]);
    let text = String::from_utf8(key.out).expect("text");
    let (key, line) = text.trim().split_once('\n').expect("a key and its line");
    folder.write("keys", line.as_bytes());
    let keys = folder.path("keys").display().to_string();
    python("a1111.py", &server(&folder, &["--keys", &keys]), &[key]);
}

#[test]
fn curl_as_in_the_guides_of_model_compose() {
    let folder = Folder::new();
    folder.rgb("small.png");
    let server = server(&folder, &[]);
    let runs = format!("{}/api/workflows/runs", server.url);
    for (name, form) in [
        ("a.png", &["-F", "image=@small.png"][..]),
        ("b.png", &["-F", "image=@small.png", "-F", "input={\"image\": \"@image\"}"]),
        ("c.png", &["-F", "input[image]=@small.png"]),
    ] {
        let arguments = [&["-X", "POST", &runs, "-o", name, "-F", "output_only=true"], form].concat();
        curl(&folder, &arguments);
        assert_eq!(size(&folder, name), ("png", 96, 64), "{form:?}");
    }
    let task =
        curl(&folder, &["-X", "POST", &runs, "-F", "image=@small.png", "-F", "wait_for_completion=false"]);
    let task: serde_json::Value = serde_json::from_str(&task).expect("JSON");
    let path = format!("{}/api/tasks/{}", server.url, task["task_id"].as_str().expect("an id"));
    loop {
        let task: serde_json::Value = serde_json::from_str(&curl(&folder, &[&path])).expect("JSON");
        match task["status"].as_str().expect("a status") {
            "pending" | "processing" => std::thread::sleep(std::time::Duration::from_millis(50)),
            status => break assert_eq!(status, "completed"),
        }
    }
    curl(&folder, &[&format!("{path}?output_only=true"), "-o", "d.png"]);
    assert_eq!(size(&folder, "d.png"), ("png", 96, 64));
}

#[test]
fn curl_as_in_our_own_guide() {
    let folder = Folder::new();
    folder.rgb("small.png");
    let server = server(&folder, &[]);
    let path = format!("{}/v1/upscale?scale=2", server.url);
    curl(&folder, &["--data-binary", "@small.png", &path, "-o", "larger.png"]);
    assert_eq!(size(&folder, "larger.png"), ("png", 48, 32));
    curl(&folder, &["-F", "image=@small.png", "-F", "format=webp", &path, "-o", "larger.webp"]);
    assert_eq!(size(&folder, "larger.webp"), ("webp", 48, 32));
    assert_eq!(curl(&folder, &[&server.url]), "{\"Hello\":\"World\"}");
}
