//! Rewrites of a graph that keep its meaning and make it cheaper. They know no picture size and no device.

mod fill;
mod fold;
mod split;

pub use fill::{filled, fills};
pub use fold::fold;
pub use split::{bridges, split};
