//! What a network is, to amplio: a graph of about 25 primitives over tensors of `f32`.
//!
//! Model files and architectures are *lowered* into the primitives; devices run them. Nothing here does input or
//! output, knows a file format, or knows a device.
//!
//! # Layout
//!
//! - [`Tensor`], [`Shape`]: values and their dimensions; [`Pixels`]: a picture as it is stored.
//! - [`ops`]: the closed set of primitives, one file each: attributes, shape rule, reach, reference.
//! - [`Builder`] writes a [`Graph`]; [`Graph::shapes`] says what each value's shape is for an input size.
//! - [`mod@reference`]: runs a graph with the slow, readable implementation of each primitive. Every device is measured
//!   against it.
//! - [`receptive`]: how far an output pixel sees, from which tiles get their halo.
//! - [`passes`]: rewrites of a graph that keep its meaning (folding).
//! - [`plan`]: the fused plan for one input size: a short list of steps with epilogues, over views of buffers.
//! - [`Device`], [`Executable`]: what runs a plan.

mod builder;
mod device;
mod error;
mod graph;
pub mod ops;
pub mod passes;
mod pixels;
pub mod plan;
pub mod receptive;
pub mod reference;
mod shape;
mod tensor;

pub use builder::Builder;
pub use device::{Device, Executable, Precision, StepWatcher};
pub use error::Error;
pub use graph::{Graph, Node, Value};
pub use ops::Op;
pub use pixels::Pixels;
pub use shape::{ImageShape, Shape};
pub use tensor::Tensor;

/// The result of anything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;
