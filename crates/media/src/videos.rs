//! Video frames: pixel formats, colour, and the way from a frame to a picture and back.
//!
//! A [`Frame`] holds the samples of one frame as raw video has them; its [`Format`] says how they lie, its
//! [`Colour`] what they mean.

mod colour;
mod difference;
mod format;
mod formats;
mod frame;
mod from_image;
mod matrix;
mod samples;
mod siting;
mod to_image;

pub use colour::{Colour, Location, Matrix, Range, Tag};
pub use format::{Component, Format, Model};
pub use formats::FORMATS;
pub use frame::Frame;
pub use from_image::from_image;
pub use to_image::to_image;
