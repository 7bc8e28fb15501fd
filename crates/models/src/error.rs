use std::io;
use std::path::{Path, PathBuf};

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The contents break the rules of their format.
    #[error("not a sound {format} file: {what}")]
    Malformed {
        /// Name of the format.
        format: &'static str,
        /// What is wrong, and where.
        what: String,
    },
    /// The contents ask for something that amplio does not do.
    #[error("not supported: {what}")]
    Unsupported {
        /// What cannot be done, and what can.
        what: String,
    },
    /// The contents are larger than they may be.
    #[error("{what}: more than the limit of {limit}")]
    Limit {
        /// What is too large.
        what: String,
        /// The most that is allowed.
        limit: u64,
    },
    /// Something that was asked for, or that must be there, is missing.
    #[error("{what}")]
    NotFound {
        /// What is missing.
        what: String,
    },
    /// A host did not send what was asked for.
    #[error("{from}: {what}")]
    Download {
        /// The host, or the link.
        from: String,
        /// Why not.
        what: String,
    },
    /// Something is not here, and the net is not to be used.
    #[error("{what} is not in the cache, and amplio is offline")]
    Offline {
        /// What is not here.
        what: String,
    },
    /// The links of a model lead to pages that programs cannot pass.
    #[error("{name} lies behind a page that needs a browser: download it from {page} and name the file")]
    Browser {
        /// The model.
        name: String,
        /// The page to open.
        page: String,
    },
    /// Another process is at it.
    #[error("{what} is in use by another process")]
    Busy {
        /// What is in use.
        what: String,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
    /// The parts of the network do not fit each other.
    #[error(transparent)]
    Graph(#[from] amplio_graph::Error),
    /// An error in a part of something larger: a file, a layer.
    #[error("{place}: {source}")]
    In {
        /// The file or the layer.
        place: String,
        /// What is wrong there.
        source: Box<Error>,
    },
}

impl Error {
    /// This error, said of a file or of a layer.
    pub(crate) fn within(self, place: impl Into<String>) -> Self {
        Self::In { place: place.into(), source: Box::new(self) }
    }

    /// This error, said of the file at `path`.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Io { .. } => self,
            _ => self.within(path.display().to_string()),
        }
    }

    /// The error itself, without the places that it was found in.
    pub fn root(&self) -> &Self {
        match self {
            Self::In { source, .. } => source.root(),
            _ => self,
        }
    }

    /// This failure of the file system at `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn malformed(format: &'static str, what: impl Into<String>) -> Self {
        Self::Malformed { format, what: what.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(crate) fn limit(what: impl Into<String>, limit: usize) -> Self {
        Self::Limit { what: what.into(), limit: limit as u64 }
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }
}
