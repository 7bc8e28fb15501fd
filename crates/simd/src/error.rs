//! What can go wrong: memory, and regions that do not fit together.

use crate::Region;

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system has no memory for a buffer of this size.
    #[error("out of memory: cannot allocate {elements} floats")]
    OutOfMemory {
        /// The number of floats asked for.
        elements: usize,
    },

    /// A region names a buffer that does not exist, does not lie within its buffer, or has more channels than its stride.
    #[error("{region} does not fit buffer {buffer} of {len} elements")]
    OutOfBounds {
        /// The index of the buffer.
        buffer: usize,
        /// Its length; 0 when there is no such buffer.
        len: usize,
        /// The region asked for.
        region: Region,
    },

    /// A region to be written shares elements, or cannot be shown not to share elements, with another one.
    #[error("in buffer {buffer}, the written {write} may overlap {other}")]
    Overlap {
        /// The index of the buffer that holds both.
        buffer: usize,
        /// The region to be written.
        write: Region,
        /// The other region, read or written.
        other: Region,
    },

    /// No instruction set has this name.
    #[error(
        "unknown instruction set {name:?}; known are scalar, neon, avx2, avx2-vnni, avx512 and avx512-vnni"
    )]
    UnknownLevel {
        /// The name given.
        name: String,
    },
}
