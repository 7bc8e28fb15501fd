//! Connections that nobody else reads.
#![cfg(all(unix, feature = "serve"))]

mod common;

use std::process::{Command, Stdio};

use common::Folder;
use common::server::{Server, curl};

#[test]
fn a_certificate_is_shown_and_wrong_ones_are_refused() {
    let folder = Folder::new();
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]);
    let made = openssl.current_dir(folder.path("")).stderr(Stdio::null()).status();
    assert!(made.expect("openssl").success());
    let [cert, key] =
        ["cert.pem", "key.pem"].map(|name| folder.path(name).to_str().expect("text").to_owned());
    // The names that other servers give to the same.
    let server = Server::start(&folder, &[], &[("SSL_CERT", &cert), ("SSL_KEY", &key)]);
    let url = server.url.replace("http://", "https://");
    assert_eq!(curl(&folder, &["--cacert", "cert.pem", &format!("{url}/healthz")]), "ok\n");
    folder.run(["serve", "--check", "--tls-cert", &key, "--tls-key", &cert]).failed(2, "no certificate");
}
