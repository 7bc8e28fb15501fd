//! The formats of model files. Each is a file with one constant and an entry in [`FORMATS`].

mod mistaken;
pub mod ncnn;
mod net;
mod numbers;
pub mod onnx;
pub(crate) mod packed;
pub mod pth;
pub mod safetensors;

use std::path::Path;

use amplio_graph::Graph;

use crate::{Limits, Result, Weights};

pub(crate) use mistaken::Mistaken;

/// A format of model files.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name, as messages say it.
    pub name: &'static str,
    /// What names of its files end in, without the dot.
    pub extensions: &'static [&'static str],
    /// Whether a file that begins with these bytes has this format.
    pub probe: fn(&[u8]) -> bool,
    /// Reads a file.
    pub read: fn(&Input<'_>) -> Result<Contents>,
    /// The names of the files beside a file that hold parts of its model; `None` if its files name no others.
    pub beside: Option<Beside>,
}

/// Tells the names of files beside a file.
pub type Beside = fn(&Input<'_>) -> Result<Vec<String>>;

/// What a format reads.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The file's bytes.
    pub bytes: &'a [u8],
    /// Where the file lies, if it is one. Formats that spread a model over several files find the others beside it.
    pub path: Option<&'a Path>,
    /// How large the model may be.
    pub limits: &'a Limits,
}

/// What a model file holds.
#[derive(Clone, Debug)]
pub enum Contents {
    /// Tensors by path; an architecture knows what they are for.
    Weights(Weights),
    /// The network itself.
    Graph {
        /// The network, as the file has it.
        graph: Graph,
        /// How most of its numbers are stored.
        dtype: crate::DType,
        /// Height and width of pictures must be multiples of this, for a reason that the graph does not tell; 1 if there is
        /// none.
        multiple: usize,
    },
}

/// All formats.
pub const FORMATS: &[Format] =
    &[safetensors::FORMAT, safetensors::sharded::FORMAT, pth::FORMAT, ncnn::FORMAT, onnx::FORMAT];

/// The format of a file: the one whose probe knows the first bytes, or else the one that the name's ending belongs to.
pub fn detect(bytes: &[u8], path: Option<&Path>) -> Option<&'static Format> {
    let extension = path.and_then(Path::extension).and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let named = |format: &&Format| extension.as_deref().is_some_and(|e| format.extensions.contains(&e));
    FORMATS.iter().find(|format| (format.probe)(bytes)).or_else(|| FORMATS.iter().find(named))
}
