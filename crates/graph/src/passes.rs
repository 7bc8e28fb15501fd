//! Rewrites of a graph that keep its meaning and make it cheaper. They know no picture size and no device.

mod fold;

pub use fold::fold;
