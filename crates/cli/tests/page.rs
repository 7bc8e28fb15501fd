//! The web page in a real browser: `tools/test-page` drops files, watches, compares, cancels, reloads.
#![cfg(all(unix, feature = "serve"))]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::server::Server;
use common::{Folder, note};

#[test]
fn people_can_use_the_page() {
    let found = Command::new("chromedriver").arg("--version").stdout(Stdio::null()).status();
    if found.is_err() {
        note("skipped: there is no chromedriver; on Debian: apt-get install chromium-driver");
        return;
    }
    let folder = Folder::new();
    let server = Server::start(&folder, &["--model", "anime"], &[]);
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/test-page");
    let ran = Command::new(tool).arg(&server.url).output().expect("python3");
    let said = [ran.stdout, ran.stderr].concat();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&said));
}
