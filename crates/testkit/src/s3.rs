//! A real S3 server, in which buckets are folders; `tools/s3-server` installs it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::golden;

/// Who may use it.
const ACCESS: (&str, &str) = ("who", "secret");

/// A running server. It ends with this.
pub struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    /// The program.
    pub fn program() -> PathBuf {
        golden::weights().join("s3s-fs/bin/s3s-fs")
    }

    /// Starts a server whose buckets are the folders in `folder`; `None` if it is not installed.
    pub fn start(folder: &Path) -> Option<Self> {
        let program = Self::program();
        if !program.exists() {
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--access-key", ACCESS.0, "--secret-key", ACCESS.1]).arg(folder);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, port })
    }

    /// The variables of the environment by which everyone's tools reach it.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS.0.into()),
            ("AWS_SECRET_ACCESS_KEY", ACCESS.1.into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
        ]
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
