//! How a network runs on the CPU: the [`Device`](amplio_graph::Device) number 0, and the oracle of every other one.
//!
//! Pictures lie in memory as pixels of channels (NHWC), and other tensors as vectors along their last axis, so that a
//! kernel's innermost loop runs over channels. Each kernel is one file, written once for every instruction set. A step of
//! the plan is cut into runs of whole rows of pixels; threads take runs as they become free, and each run computes its
//! kernel and then, while the row is in the cache, its epilogue. Each number is summed in one fixed order, so that the
//! result depends neither on the number of threads nor on where a row was cut.
//!
//! # Layout
//!
//! - [`Cpu`]: the device: instruction set and threads.
//! - [`Tiles`]: how large the tiles of convolutions are, which differs between CPUs of the same instruction set.
//! - [`Peak`]: what this machine can do at most, measured.
//! - `compiler`: what kernels need to compile, and the weights that have been packed.
//! - `program`: the executable: buffers, and the steps in order.
//! - `layout`: how tensors lie in memory.
//! - `step`: one step: its kernel over runs of rows, its epilogue, its store.
//! - `kernels/`: one kernel per file.
//! - `epilogue`, `elementwise`: what happens to a row after its kernel; `pixel_map`: where its operands lie.

mod compiler;
mod device;
mod elementwise;
mod epilogue;
mod kernels;
mod layout;
mod peak;
mod pixel_map;
mod program;
mod shuffle;
mod step;
mod tiles;

pub use amplio_simd::Level;
pub use device::Cpu;
pub use peak::Peak;
pub use tiles::Tiles;
