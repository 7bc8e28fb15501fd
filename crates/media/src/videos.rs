//! Videos in and out, every frame at its exact time, every stream kept.
//!
//! A [`Frame`] holds the samples of one frame as raw video has them; its [`Format`] says how they lie, its [`Colour`] what
//! they mean. The programs `ffmpeg` and `ffprobe` decode, encode and mux; frames and packets travel through pipes, so
//! nothing is dumped to disk and memory is bounded whatever the length.

pub mod nut;

mod colour;
mod format;
mod formats;
mod frame;
mod time;

pub use colour::{Colour, Location, Matrix, Range, Tag};
pub use format::{Component, Format, Model};
pub use formats::FORMATS;
pub use frame::Frame;
pub use time::Ratio;
