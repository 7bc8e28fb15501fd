//! Pictures and videos in and out, nothing lost.
//!
//! [`images`] reads and writes files, from top to bottom in rows where the format allows; [`animations`] frame by frame
//! those that move; a [`Sequence`] is many files. An [`Image`] is
//! samples of 8, 16 or float bits in one of four channel layouts, with its [`Metadata`].
//! [`convert()`] changes depth and channels, [`resample`] the size (classically), [`alpha`] gives
//! invisible pixels sensible colours, [`profile`] tells which colours samples mean.
//!
//! [`videos`] has the frames of videos: their pixel formats, their colour, and the way to pictures and back.
//!
//! The crate is synchronous, never prints, and knows nothing about how pictures are made larger.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

pub mod alpha;
pub mod animations;
pub mod archives;
pub mod colour;
pub mod images;
pub mod pages;
pub mod profile;
pub mod resample;
pub mod videos;

mod cmyk;
mod convert;
mod error;
mod exif;
mod kind;
mod metadata;
mod orientation;
mod picture;
mod sequence;
mod xmp;

pub use convert::{convert, convert_floats};
pub use error::{Error, Result};
pub use kind::Kind;
pub use metadata::{Density, DensityUnit, Metadata};
pub use picture::{Channels, Depth, Header, Image, Samples, Transfer};
pub use sequence::Sequence;
