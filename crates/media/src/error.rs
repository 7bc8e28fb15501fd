//! What can go wrong, by who must act.

use std::path::{Path, PathBuf};

/// The result of every fallible function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, by who must act: the machine, the file, this crate, or the caller's limits.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("{}{source}", path.as_ref().map(|p| format!("{}: ", p.display())).unwrap_or_default())]
    Io {
        /// The file, where it is known; this crate works on bytes and sinks and leaves it empty.
        path: Option<PathBuf>,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The bytes break the rules of their format.
    #[error("broken {format} file: {what}")]
    Malformed {
        /// The name of the format, as in [`Format::name`](crate::images::Format::name).
        format: &'static str,
        /// Which rule, where and how.
        what: String,
    },
    /// The file or the request is fine, but this crate cannot do it.
    #[error("{what}")]
    Unsupported {
        /// What exactly, and a way around it where there is one.
        what: String,
    },
    /// The picture is larger than a format or the caller's limits allow.
    #[error("{what} (limit: {limit})")]
    Limit {
        /// What is too large.
        what: String,
        /// The largest allowed value, in the unit that `what` names.
        limit: u64,
    },
    /// Something is wrong with one of many files.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// Another program could not do its part.
    #[error("{program}: {what}")]
    Program {
        /// Which program.
        program: &'static str,
        /// What it said, or what became of it.
        what: String,
    },
    /// The caller broke the contract of a function: a wrong number of samples, missing rows.
    #[error("{what}")]
    Misuse {
        /// Which contract, with the numbers.
        what: String,
    },
}

impl Error {
    /// A [`Error::Malformed`] with any displayable reason.
    pub(crate) fn malformed(format: &'static str, what: impl ToString) -> Self {
        Error::Malformed { format, what: what.to_string() }
    }

    /// A [`Error::Unsupported`].
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Error::Unsupported { what: what.into() }
    }

    /// What makes an error that of one of many files.
    pub(crate) fn of(path: &Path) -> impl Fn(Error) -> Error {
        |error| Error::File { path: path.to_owned(), error: Box::new(error) }
    }

    /// A [`Error::Program`].
    pub(crate) fn program(program: &'static str, what: impl Into<String>) -> Self {
        Error::Program { program, what: what.into() }
    }

    /// A [`Error::Misuse`].
    pub(crate) fn misuse(what: impl Into<String>) -> Self {
        Error::Misuse { what: what.into() }
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Error::Io { path: None, source }
    }
}
