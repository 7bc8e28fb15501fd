//! Makes pictures larger with super-resolution networks.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use std::sync::Arc;
//! use amplio::{Request, Upscaler, cpu::Cpu, media::images, models::Model};
//!
//! let picture = images::read(&std::fs::read("photo.jpg")?, &images::Limits::default())?;
//! let model = Arc::new(Model::builtin("realesr-general-x4v3")?);
//! let device = Arc::new(Cpu::best(0)?);
//! let larger = Upscaler::new(model, device).enlarge(picture, &Request::default(), &|_| ControlFlow::Continue(()))?;
//! println!("{} x {}", larger.width, larger.height);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! - [`Upscaler`]: a model on a device; [`Request`] says how large and in what tiles. `animation`: frame after frame.
//! - [`Target`]: the sizes that people ask for, resolved to pixels.
//! - [`Transcoder`]: pictures, animations, pages and archives from file to file; [`Writing`]: in which format, and how.
//! - [`Reel`]: a video that is read; [`VideoJob`]: made larger as a file, in segments; [`Unrolled`]: as pictures.
//! - [`Film`]: frames of a video, made larger in order while the next ones are read.
//! - [`Lanes`]: pictures, pages and frames that are made side by side.
//! - `rows`: the picture as it flows: source, networks, resampler, crop; each stage makes rows when they are needed.
//! - `tiles`: where a picture is cut, and how the results are joined.
//! - `network`: a model on a device, and which tiles fit in memory; `divided`: where its last layers run in bands; `program`:
//!   both compiled; `idle`: programs for the next picture; `held`: what tiles were, for a next picture that is the same
//!   there.
//! - `passes`: how grey, colour and alpha go through a network of other channels.
//! - [`media`], [`models`], [`graph`], [`cpu`]: the crates below, for those who need more.

mod amount;
mod animation;
mod divided;
mod encoding;
mod error;
mod film;
mod held;
mod idle;
mod lanes;
mod network;
mod passes;
mod program;
mod progress;
mod rows;
mod target;
mod tiles;
mod transcode;
mod upscaler;
mod video;

pub use amplio_cpu as cpu;
pub use amplio_graph as graph;
pub use amplio_media as media;
pub use amplio_models as models;

pub use amount::amount;
pub use animation::Frames;
pub use encoding::{Choice, Encoding, Writing, holds_pictures, writable};
pub use error::Error;
pub use film::{Dedup, Film, FilmProgress, FilmWatcher};
pub use lanes::{Ended, Lanes};
pub use progress::{Progress, Watcher};
pub use target::{Extent, Fit, Size, Target};
pub use transcode::{
    ArchiveJob, Bound, Remarks, Transcoder, flattening, losses, losses_of_animation, pictures, recolouring,
    recolouring_of_frames,
};
pub use upscaler::{Request, TileSize, Tiling, Upscaler};
pub use video::{Part, Reel, Unrolled, VideoJob, VideoProgress, VideoRequest, VideoWatcher, repeats};

/// The result of anything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;
