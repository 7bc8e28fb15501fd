//! The server as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Folder, note};

/// A running server; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it answers, without a slash at the end.
    pub(crate) url: String,
}

impl Server {
    /// Starts one whose data are in `folder`, with these arguments and variables of the environment beside the usual ones.
    pub(crate) fn start(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplio"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--threads", "2", "--rate", "0", "--quiet"]);
        command.args(arguments).arg("--data").arg(folder.path("data")).envs(variables.iter().copied());
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

/// Runs curl in a folder; what it prints.
pub(crate) fn curl(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    let ran = command.args(["-sS"]).args(arguments).current_dir(folder.path("")).output().expect("curl");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text")
}

/// Runs a program of `tests/clients` in the environment that `tools/clients/setup` makes; it ends well if the client got what it wanted.
pub(crate) fn python(program: &str, arguments: &[&str]) {
    let venv = amplio_testkit::golden::weights().join("clients");
    if !venv.join("requirements.txt").exists() {
        return note(&format!(
            "skipped: no clients in {}; tools/clients/setup installs them",
            venv.display()
        ));
    }
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(program);
    let mut python = Command::new(venv.join("bin/python"));
    // Some leave files where they are run.
    let ran = python.arg("-B").arg(program).args(arguments).current_dir(&venv).output().expect("python");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stdout));
}
