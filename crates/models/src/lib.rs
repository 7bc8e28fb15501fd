//! Where networks come from: model files, architectures, and the models that are built in.
//!
//! Nothing here runs a network to make a picture larger; [`Model`] ends with an [`amplio_graph::Graph`].
//!
//! # Layout
//!
//! - [`Model`]: a network from a file, with [`ModelInfo`], what is known about it.
//! - [`builtin`]: the models that need no file.
//! - [`formats`]: model files, one format each: safetensors and PyTorch's files hold weights, NCNN and ONNX hold weights and
//!   layers.
//! - [`Weights`]: learned tensors by path.
//! - [`archs`]: architectures, one file each: what network a set of weights is.
//! - [`convert`]: a model as a safetensors file.
//! - [`blend`]: the network between two others.
//! - [`catalogue`]: models that lie elsewhere, and how people name them; [`cache`]: the folder in which they are kept;
//!   `fetch` (feature `download`): how they get there; [`Digest`]: how they are known to be the right ones.
//! - [`Limits`]: how large a model may be.

pub mod archs;
mod blend;
pub mod builtin;
pub mod cache;
pub mod catalogue;
mod convert;
mod digest;
mod error;
#[cfg(feature = "download")]
pub mod fetch;
pub mod formats;
mod info;
mod limits;
mod model;
mod unwrap;
mod weights;

pub use blend::blend;
pub use convert::{Conversion, convert};
pub use digest::Digest;
pub use error::Error;
pub use info::ModelInfo;
pub use limits::Limits;
pub use model::Model;
pub use weights::{DType, Scope, Weight, Weights};

/// The result of anything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;
