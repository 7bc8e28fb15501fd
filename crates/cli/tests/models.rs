//! Models of lists and links: found, fetched, checked, removed.

mod common;

use amplio_testkit::golden;
use amplio_testkit::http::{Reply, Request, Server};
use common::{Folder, Ran, ended};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A folder, and a host with a list of models and a model.
struct Net {
    folder: Folder,
    server: Server,
}

/// A small network that makes pictures four times larger.
fn model() -> Vec<u8> {
    std::fs::read(golden::root().join("archs/esrgan/new-x4/model.safetensors")).expect("a golden case")
}

impl Net {
    /// The model is at `/model.safetensors`; `change` may change what is answered.
    fn new(change: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(model(), change)
    }

    /// The same with another file for the model.
    fn with(bytes: Vec<u8>, change: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) -> Self {
        let answer = move |request: &Request| match request.path.as_str() {
            "/models.json" => Reply::whole(list(request, &bytes).to_string().as_bytes()),
            path if path.ends_with("model.safetensors") => {
                change(request, Reply::file(&bytes, "\"one\"", request))
            }
            _ => Reply::status(404),
        };
        Self { folder: Folder::new(), server: Server::start(answer) }
    }

    fn start(&self, arguments: &[&str]) -> std::process::Child {
        let (list, hub) = (self.server.url("/models.json"), self.server.url(""));
        let variables = [
            ("AMPLIO_OFFLINE", "0"),
            ("AMPLIO_LIST", &list),
            ("HF_ENDPOINT", &hub),
            ("NO_PROXY", "*"),
            ("HF_TOKEN", ""),
        ];
        self.folder.start_with(&variables, arguments)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.start(arguments))
    }

    /// How often the model was asked for.
    fn fetched(&self) -> usize {
        self.server
            .requests()
            .iter()
            .filter(|it| it.method == "GET" && it.path.ends_with("model.safetensors"))
            .count()
    }
}

fn list(request: &Request, bytes: &[u8]) -> Value {
    let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = |name: &str, licence: &str, architecture: &str, url: &str| {
        json!({
            "name": name, "author": "somebody", "license": licence, "tags": ["photo"], "description": "For tests.",
            "architecture": architecture, "scale": 4,
            "resources": [{ "type": "safetensors", "size": bytes.len(), "sha256": sha256, "urls": [url] }],
        })
    };
    let url = format!("http://{}/model.safetensors", request.header("host"));
    json!({
        "4x-test": entry("4x Test", "CC-BY-NC-SA-4.0", "esrgan", &url),
        "4x-other": entry("4x Other", "MIT", "no-such-architecture", &url),
        "4x-shared": entry("4x Shared", "MIT", "esrgan", "https://mega.nz/file/x#y"),
    })
}

#[test]
fn a_model_is_fetched_on_first_use() {
    let net = Net::new(|_, reply| reply);
    net.folder.rgb("a.png");
    // A name says nothing before there is a list; using one does not fetch it.
    net.run(&["a.png", "--model", "4x-test"]).failed(3, "amplio models search");
    assert!(net.server.requests().is_empty());
    let found = net.run(&["models", "search", "TESTS", "--scale", "4"]).succeeded();
    assert!(found.text().contains("4x-test") && !found.text().contains("4x-other"), "{}", found.text());
    assert!(found.text().contains("mega.nz (browser)") && found.err.contains("--all"), "{found:?}");

    let first = net.run(&["a.png", "--model", "4x-test", "-o", "b.png"]).succeeded();
    for said in ["fetching 4x Test from 127.0.0.1", "KiB", "CC-BY-NC-SA-4.0: not for commercial use"] {
        assert!(first.err.contains(said), "{}", first.err);
    }
    assert_eq!(net.folder.read("b.png").width, 96);
    let second = net.run(&["a.png", "--model", "4X Test", "-o", "c.png"]).succeeded();
    assert!(!second.err.contains("fetching") && net.fetched() == 1, "{}", second.err);
    // In the cache it is found without the net, and the scripts that ask for quiet get it.
    net.folder.run(["a.png", "--model", "4x-test", "-o", "d.png"]).succeeded();
    net.folder.run(["models", "remove", "4x-test"]).succeeded();
    net.folder.run(["a.png", "--model", "4x-test", "-o", "e.png"]).failed(3, "offline");
    net.run(&["a.png", "--model", "4x-test", "-o", "e.png", "--offline"]).failed(3, "offline");
    let quiet = net.run(&["a.png", "--model", "4x-test", "-o", "e.png", "--quiet"]).succeeded();
    assert_eq!((quiet.err.as_str(), net.fetched()), ("", 2));
}

#[test]
fn the_cache_can_be_looked_at_checked_and_emptied() {
    let net = Net::new(|_, reply| reply);
    let pulled = net.run(&["models", "pull", "4x-test", "photo"]).succeeded();
    assert!(pulled.text().contains("4x-test.safetensors") && pulled.text().contains("photo is built in"));
    let all: Value =
        serde_json::from_str(net.folder.run(["models", "--json"]).succeeded().text()).expect("JSON");
    let kept = all.as_array().expect("a list").last().expect("a model");
    assert_eq!((kept["name"].as_str(), kept["state"].as_str()), (Some("4x-test"), Some("in the cache")));
    let listed = net.folder.run(["models", "list"]).succeeded();
    assert!(listed.text().contains("realesr-general-x4v3") && listed.text().contains("4x-test"));
    let info = net.folder.run(["models", "info", "4x-test"]).succeeded();
    assert!(
        info.text().contains("not for commercial use") && info.text().contains("in the cache: "),
        "{}",
        info.text()
    );

    assert!(net.folder.run(["models", "verify"]).succeeded().text().contains("as it was fetched"));
    let path = kept["path"].as_str().expect("a path");
    let mut bytes = std::fs::read(path).expect("a file");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(path, bytes).expect("a file");
    net.folder.run(["models", "verify", "4x Test"]).failed(1, "SHA-256");
    std::fs::write(path, b"cut off").expect("a file");
    net.folder.run(["models", "verify"]).failed(1, "4x-test.safetensors has 7 bytes");
    assert!(net.folder.run(["models", "list"]).succeeded().text().contains("damaged"));
    std::fs::remove_file(path).expect("a file");
    net.folder.run(["models", "verify"]).failed(1, "4x-test.safetensors is missing");
    net.folder.run(["models", "remove", "--all"]).succeeded();
    assert!(
        !net.folder.files().iter().any(|file| file.starts_with("models/files")),
        "{:?}",
        net.folder.files()
    );
    net.folder.run(["models", "remove", "4x-test"]).failed(1, "4x-test");
}

#[test]
fn hubs_and_links_are_models_too() {
    let net = Net::new(|_, reply| reply);
    net.folder.rgb("a.png");
    let hub = net.run(&["a.png", "-o", "b.png", "--model", "hf:a/b/model.safetensors@v1"]).succeeded();
    assert!(
        hub.err.contains("hf:a/b/model.safetensors@v1") && hub.err.contains("licence not known"),
        "{}",
        hub.err
    );
    let sha256: String = Sha256::digest(model()).iter().map(|byte| format!("{byte:02x}")).collect();
    let link = net.server.url(&format!("/model.safetensors#sha256={sha256}"));
    net.run(&["models", "pull", &link]).succeeded();
    let wrong = net.server.url(&format!("/other/model.safetensors#sha256={}", "0".repeat(64)));
    net.run(&["models", "pull", &wrong]).failed(1, "SHA-256");
    net.folder.run(["models", "remove", "hf:a/b/model.safetensors@v1"]).succeeded();
}

#[test]
fn what_cannot_be_had_is_said() {
    let net = Net::new(|_, reply| reply);
    net.folder.rgb("a.png");
    for (name, what) in [
        ("4x-shared", "https://mega.nz/file/x#y"),
        ("4x-other", "no-such-architecture"),
        ("4x-tes", "4x-test"),
        ("unheard-of", "amplio models search"),
        ("http://example.invalid/a.pth", "https"),
        ("https://drive.google.com/file/d/x/view", "browser"),
        ("hf:a/b", "hf:owner/repo/file"),
    ] {
        net.run(&["models", "pull", name]).failed(1, what);
        net.run(&["a.png", "--model", name, "-o", "b.png"]).failed(3, what);
    }
    let missing = net.server.url("/missing.pth");
    net.run(&["a.png", "--model", &missing]).failed(3, "404");
    assert!(!net.folder.files().iter().any(|file| file.starts_with("models/files") || file == "b.png"));
    let info = net.run(&["models", "info", "4x-shared", "RealESRGAN_x4plus"]).succeeded();
    assert!(
        info.text().contains("needs a browser") && info.text().contains("BSD-3-Clause"),
        "{}",
        info.text()
    );
}

#[test]
fn two_processes_fetch_once() {
    let net = Net::new(|_, reply| {
        // Long enough for the second one to find the first one at it.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        reply
    });
    let link = net.server.url("/model.safetensors");
    let both = [net.start(&["models", "pull", &link]), net.start(&["models", "pull", &link])];
    let both = both.map(|child| ended(child).succeeded());
    assert_eq!(net.fetched(), 1);
    assert!(both.iter().any(|ran| ran.err.contains("waiting for it")), "{both:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_what_has_arrived() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::os::unix::process::ExitStatusExt;

    // Long enough for an interrupt to come before its end.
    let mut bytes = model();
    bytes.resize(4 << 20, 0);
    let net = Net::with(bytes, |request, reply| {
        let rest = std::time::Duration::from_millis(if request.from() == 0 { 100 } else { 0 });
        Reply { rest, ..reply }
    });
    let link = net.server.url("/model.safetensors");
    let mut child = net.start(&["models", "pull", &link]);
    let part = || net.folder.files().into_iter().find(|file| file.ends_with(".part"));
    let bytes =
        || part().map_or(0, |file| std::fs::metadata(net.folder.path(&file)).map_or(0, |file| file.len()));
    while bytes() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // Not SIGINT: what is started in the background of a script is deaf to it.
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("a signal");
    assert_eq!(child.wait().expect("an end").signal(), Some(Signal::SIGTERM as i32));
    assert!(bytes() > 0);
    net.run(&["models", "pull", &link]).succeeded();
    let requests = net.server.requests();
    let begins: Vec<_> = requests.iter().filter(|it| it.method == "GET").map(Request::from).collect();
    assert!(matches!(begins[..], [0, from] if from > 0), "{begins:?}");
}
