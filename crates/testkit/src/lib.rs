//! How amplio is tested. Only tests depend on this crate; its functions panic where a test should fail.
//!
//! # Layout
//!
//! - [`tolerance`]: whether two tensors agree, and where they do not.
//! - [`random`]: reproducible numbers, tensors and choices.
//! - [`conformance`]: graphs that every device must run as the reference does: [`conformance::check`].
//! - [`Interpreter`]: a slow device that runs plans step by step with the reference's arithmetic; it tests the planner.
//! - [`golden`]: the cases under `testdata/golden`, found by walking; [`npy`] reads and writes their arrays.
//! - [`http`]: a small server that misbehaves as it is told; [`s3`]: a real one for buckets.

pub mod conformance;
pub mod golden;
pub mod http;
mod interpreter;
pub mod npy;
pub mod random;
pub mod s3;
pub mod tolerance;

pub use interpreter::Interpreter;
