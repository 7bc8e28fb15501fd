//! The server, asked by clients that nobody here wrote: curl, and Python programs in an environment that `tools/clients/setup`
//! makes.
#![cfg(all(unix, feature = "serve"))]

mod common;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use amplio::media::images;
use common::Folder;

/// A server that speaks every API, until it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Folder, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplio"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--model", "anime", "--threads", "2", "--quiet"]);
        command.args(more).arg("--data").arg(folder.path("data"));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("standard output")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        Self { url: format!("http://{address}"), child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then the test has failed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program of `tests/clients` with the server's URL and more; it ends well if the client got what it wanted.
fn python(program: &str, server: &Server, more: &[&str]) {
    let venv = amplio_testkit::golden::weights().join("clients");
    if !venv.join("requirements.txt").exists() {
        eprintln!("skipped: no clients in {}; tools/clients/setup installs them", venv.display());
        return;
    }
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(program);
    let mut command = Command::new(venv.join("bin/python"));
    let ran = command.arg("-B").arg(program).arg(&server.url).args(more).output().expect("python");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stdout));
}

/// Runs curl in a folder; what it prints.
fn curl(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    let ran = command.args(["-sS"]).args(arguments).current_dir(folder.path("")).output().expect("curl");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text")
}

fn size(folder: &Folder, name: &str) -> (&'static str, u32, u32) {
    let bytes = std::fs::read(folder.path(name)).expect("a file");
    let (format, header) = images::read_header(&bytes).expect("a picture");
    (format.name, header.width, header.height)
}

#[test]
fn requests_as_the_sample_of_the_fastapi_server() {
    let folder = Folder::new();
    python("fastapi.py", &Server::start(&folder, &[]), &[]);
}

#[test]
fn requests_as_the_clients_of_the_aws_sample() {
    let folder = Folder::new();
    let place = format!("file://{}/", folder.path("bucket").display());
    python("aws_sample.py", &Server::start(&folder, &["--storage", &place]), &["bucket"]);
}

#[test]
fn webuiapi_for_a1111() {
    let folder = Folder::new();
    python("a1111.py", &Server::start(&folder, &[]), &[]);
}

#[test]
fn webuiapi_with_a_password() {
    let folder = Folder::new();
    let key = folder.run(["serve", "--new-key", "ann"]);
    let text = String::from_utf8(key.out).expect("text");
    let (key, line) = text.trim().split_once('\n').expect("a key and its line");
    folder.write("keys", line.as_bytes());
    let keys = folder.path("keys").display().to_string();
    python("a1111.py", &Server::start(&folder, &["--keys", &keys]), &[key]);
}

#[test]
fn curl_as_in_the_guides_of_model_compose() {
    let folder = Folder::new();
    folder.rgb("small.png");
    let server = Server::start(&folder, &[]);
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
    let server = Server::start(&folder, &[]);
    let path = format!("{}/v1/upscale?scale=2", server.url);
    curl(&folder, &["--data-binary", "@small.png", &path, "-o", "larger.png"]);
    assert_eq!(size(&folder, "larger.png"), ("png", 48, 32));
    curl(&folder, &["-F", "image=@small.png", "-F", "format=webp", &path, "-o", "larger.webp"]);
    assert_eq!(size(&folder, "larger.webp"), ("webp", 48, 32));
    assert_eq!(curl(&folder, &[&server.url]), "{\"Hello\":\"World\"}");
}
