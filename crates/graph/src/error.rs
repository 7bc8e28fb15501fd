use crate::Shape;

/// Why a graph cannot be built, planned or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The inputs of an operation do not fit it or each other.
    #[error("{op}: {what}")]
    Shape {
        /// Name of the primitive.
        op: &'static str,
        /// What does not fit, with the shapes.
        what: String,
    },
    /// An operation of a graph failed; says where in the network it stands.
    #[error("at {name}: {source}")]
    Node {
        /// The path of the layer in the network, for example `body.3.conv`.
        name: String,
        /// What is wrong there.
        source: Box<Error>,
    },
    /// A network was given an input that it cannot take.
    #[error("the network takes {expected}, and was given {given}")]
    Input {
        /// What it takes.
        expected: String,
        /// The shape it was given.
        given: Shape,
    },
    /// The device or the planner cannot do this.
    #[error("not supported: {what}")]
    Unsupported {
        /// What cannot be done.
        what: String,
    },
    /// The watcher of a run broke it off.
    #[error("stopped")]
    Stopped,
    /// There is not enough memory for a buffer of this size.
    #[error("not enough memory for {bytes} bytes")]
    OutOfMemory {
        /// The size of the buffer that could not be had.
        bytes: usize,
    },
}

impl Error {
    /// A shape error of the primitive `op`.
    pub fn shape(op: &'static str, what: impl Into<String>) -> Self {
        Self::Shape { op, what: what.into() }
    }

    /// This error, said of the node called `name`.
    pub fn at(self, name: &str) -> Self {
        Self::Node { name: name.to_owned(), source: Box::new(self) }
    }

    /// Whether less memory (a smaller tile) could make the same work succeed.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::OutOfMemory { .. } => true,
            Self::Node { source, .. } => source.is_out_of_memory(),
            _ => false,
        }
    }
}
