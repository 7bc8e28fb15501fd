use std::path::{Path, PathBuf};

/// The result of anything in this crate's interface that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting makes no sense.
    #[error("{name}: {what}")]
    Setting {
        /// The setting.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// A file or the network refused.
    #[error("{what}: {source}")]
    Io {
        /// The file or the address.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database refused.
    #[error("the database: {0}")]
    Database(#[from] rusqlite::Error),
    /// Another server works in the data folder.
    #[error("{}: another server works in this folder", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The certificate or its key cannot be used.
    #[error("TLS: {what}")]
    Tls {
        /// What is wrong.
        what: String,
    },
    /// The model or the CPU cannot be used.
    #[error(transparent)]
    Engine(#[from] amplio::Error),
}

impl Error {
    pub(crate) fn setting(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), what: what.into() }
    }

    /// For `map_err`: an error about a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let what = path.display().to_string();
        move |source| Self::Io { what, source }
    }
}
