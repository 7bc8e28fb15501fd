//! How much a program may use.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How much each started program may use; more ends it. It needs the program `prlimit` of util-linux, which every Linux has,
/// and does nothing elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restraint {
    /// Bytes of address space.
    pub memory: u64,
    /// Time of all cores together.
    pub cpu: Duration,
    /// Bytes of a file that it writes.
    pub file: u64,
}

impl Restraint {
    /// Whether it can be had here.
    pub(super) fn is_available() -> bool {
        let mut command = Command::new("prlimit");
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// A command of a program that is held back.
    pub(super) fn command(&self, program: &Path) -> Command {
        let Self { memory, cpu, file } = self;
        let mut command = Command::new("prlimit");
        command.args([
            format!("--as={memory}"),
            format!("--cpu={}", cpu.as_secs().max(1)),
            format!("--fsize={file}"),
            "--core=0".into(),
            "--".into(),
        ]);
        // Address space that is only set aside for threads counts too.
        command.arg(OsStr::new(program)).env("MALLOC_ARENA_MAX", "2");
        command
    }
}
