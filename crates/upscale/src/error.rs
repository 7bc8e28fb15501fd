/// Why a picture could not be made larger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading, converting or writing the picture failed.
    #[error(transparent)]
    Media(#[from] amplio_media::Error),
    /// Loading the model failed.
    #[error(transparent)]
    Model(#[from] amplio_models::Error),
    /// Running the network failed.
    #[error("the network: {0}")]
    Network(#[source] amplio_graph::Error),
    /// The request cannot be met.
    #[error("{what}")]
    Request {
        /// What does not fit.
        what: String,
    },
    /// The result would have more pixels than it may have.
    #[error("the result would have {width}x{height} pixels; at most {most} are allowed")]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// How many it may have.
        most: u64,
    },
    /// The network made numbers that are no colours.
    #[error("the network gave {what} at pixel {x}, {y} of its result; nothing was written")]
    NotFinite {
        /// The number: NaN or an infinity.
        what: f32,
        /// Column in the network's result.
        x: usize,
        /// Row in the network's result.
        y: usize,
    },
    /// The network turned a picture black.
    #[error("the network gave a black picture from one that is not black; nothing was written")]
    Black,
    /// Not even the smallest tile fits in memory.
    #[error("not enough memory, even for a tile of {side} x {side} pixels")]
    OutOfMemory {
        /// The side of the tile.
        side: usize,
    },
    /// One part of the work failed: a page, or an entry of an archive.
    #[error("{part}: {source}")]
    Part {
        /// Which.
        part: String,
        /// Why.
        source: Box<Error>,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
}

impl From<amplio_graph::Error> for Error {
    fn from(error: amplio_graph::Error) -> Self {
        match error {
            amplio_graph::Error::Stopped => Self::Stopped,
            error => Self::Network(error),
        }
    }
}

impl Error {
    pub(crate) fn request(what: impl Into<String>) -> Self {
        Self::Request { what: what.into() }
    }

    /// The same, of a part of the work.
    pub(crate) fn of(self, part: impl Into<String>) -> Self {
        match self {
            Self::Stopped => Self::Stopped,
            error => Self::Part { part: part.into(), source: Box::new(error) },
        }
    }
}
