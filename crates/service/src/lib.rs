//! Makes pictures larger for many people at once: an HTTP server with durable jobs and storage, in one process.
//!
//! ```no_run
//! use amplio_service::{Log, Service, Settings};
//!
//! let service = Service::start(Settings::default(), Log::new(|line| eprintln!("{line}")))?;
//! let address = service.address();
//! service.wait(|| println!("http://{address}"))?;
//! # Ok::<(), amplio_service::Error>(())
//! ```
//!
//! # Layout
//!
//! - [`Settings`]: all settings; [`SETTINGS`]: their one list, of which flags, variables and documents are made.
//! - [`Service`]: a running server: its runtime, its address, how it stops.
//! - `server`, `tls`: connections. `http/`: one file per family of routes; `http/guard.rs` stands before all of them.
//! - `page/`: the web page, as it is served; `page.rs`: how.
//! - `compat/`: the APIs of other servers that people already call.
//! - `provider/`: who enlarges: this machine, another server, an endpoint in a cloud.
//! - `engine/`: warm models, the cache, and whose turn it is; blocking work on `amplio`.
//! - `jobs/`: what jobs are, and the seams that keep them; `desk`: where they are handed in; `worker`: who does them;
//!   `post`: who is told.
//! - `storage/`: files, buckets and the web. `shelf`: pictures that are stored small. `spool`: what clients send, `uploads`: what they
//!   send in parts. `refusal`: why something is refused, for people and for programs.
//! - `fuzzing`: doors to the parsers of bodies, for `fuzz/`.
//! - `log`, `metrics`, `clock`: what happened, how often and when.

mod app;
mod clock;
mod compat;
mod desk;
mod engine;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod jobs;
mod log;
mod metrics;
mod page;
mod post;
mod provider;
mod refusal;
mod server;
mod service;
mod settings;
mod shelf;
mod spool;
mod storage;
mod tls;
mod uploads;
mod worker;

pub use error::{Error, Result};
pub use http::auth::new_key;
pub use log::Log;
pub use service::Service;
pub use settings::{SETTINGS, Setting, Settings};

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
