//! Videos in and out, every frame at its exact time, every stream kept.
//!
//! A [`Frame`] holds the samples of one frame as raw video has them; its [`Format`] says how they lie, its [`Colour`] what
//! they mean; [`to_image`] and [`from_image`] lead to pictures and back. The programs `ffmpeg` and `ffprobe` decode, encode
//! and mux; frames and packets travel through pipes, so nothing is dumped to disk and memory is bounded whatever the length.
//!
//! # Layout
//!
//! - [`Tools`]: the programs, found and started safely (`process`); [`Probe`]: what is in a file.
//! - [`Decoder`]: frames with their times, from anywhere in a file; [`Slides`]: those of animations and of numbered pictures;
//!   [`Encoder`]: frames to the packets of a segment.
//! - [`Work`]: finished segments in a folder, so that work goes on after any interruption; [`Mux`]: segments and all other
//!   streams as one file; [`Container`]: the kinds of files.
//! - [`nut`]: the container in which frames and packets travel.

pub mod nut;

mod codecs;
mod colour;
mod containers;
mod cover;
mod decode;
mod difference;
mod encode;
mod ending;
mod format;
mod formats;
mod frame;
mod from_image;
mod matrix;
mod mux;
mod probe;
mod process;
mod rates;
mod restraint;
mod samples;
mod segments;
mod siting;
mod slides;
mod time;
mod to_image;
mod tools;
mod trial;
mod work;

pub use codecs::{Made, Wish};
pub use colour::{Colour, Location, Matrix, Range, Tag};
pub use containers::{CONTAINERS, Container, is_transport_stream, is_video, is_video_name};
pub use decode::{Decode, Decoder, Mark, OnError, Repeated};
pub use encode::{Encode, Encoder};
pub use ending::Ending;
pub use format::{Component, Format, Model};
pub use formats::FORMATS;
pub use frame::Frame;
pub use from_image::from_image;
pub use mux::{Kept, Mux};
pub use probe::{Kind, Probe, Stream, Video};
pub use restraint::Restraint;
pub use segments::{Digests, Gap, Marked, Segmenter, Wanted};
pub use slides::Slides;
pub use time::Ratio;
pub use to_image::to_image;
pub use tools::Tools;
pub use work::{Segment, Work};
