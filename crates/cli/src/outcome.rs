//! How a command ends.

use std::io;
use std::process::ExitCode;

/// How a command ended; the exit code tells it to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    SomeFailed,
    WrongUsage,
    NoModel,
    Interrupted,
}

/// Errors that end a command in their own way; all others are [`Outcome::SomeFailed`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was typed makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The model cannot be had.
    #[error("{0}")]
    Model(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> anyhow::Error {
        Self::Usage(what.into()).into()
    }
}

impl Outcome {
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref() {
            Some(Failure::Usage(_)) => return Self::WrongUsage,
            Some(Failure::Model(_)) => return Self::NoModel,
            Some(Failure::Interrupted) => return Self::Interrupted,
            None => {}
        }
        // Who reads from us has seen enough: `amplio models | head -1`.
        let closed = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
        if error.downcast_ref().is_some_and(closed) { Self::Done } else { Self::SomeFailed }
    }

    /// The exit code; those of the help's footer.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::WrongUsage => 2,
            Self::NoModel => 3,
            // What shells report for a command that SIGINT has ended.
            Self::Interrupted => 130,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        outcome.code().into()
    }
}
