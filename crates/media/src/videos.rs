//! Videos in and out, every frame at its exact time, every stream kept.
//!
//! The programs `ffmpeg` and `ffprobe` decode, encode and mux; frames and packets travel through pipes, so nothing is
//! dumped to disk and memory is bounded whatever the length.
//!
//! # Layout
//!
//! - [`tools`]: finding the programs, and starting them safely; [`probe`]: what is in a file.
//! - [`decode`]: frames with their times, from anywhere in a file; [`encode`]: frames to the packets of a segment.
//! - [`work`]: finished segments in a folder, so that work goes on after any interruption; [`mux`]: segments and all other
//!   streams as one file; [`containers`]: which formats of files there are.
//! - [`nut`]: the container in which frames and packets travel, with exact times; [`time`]: fractions of seconds.

pub mod nut;
pub mod time;
