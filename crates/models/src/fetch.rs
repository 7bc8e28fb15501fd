//! How models get into the [cache](crate::cache): over HTTP, whole and as they should be, or not at all.
//!
//! What has arrived stays if the rest does not, and the next attempt asks for the rest alone, if the host can tell that the
//! file is still the same or the digest of the whole is known. Everything that comes from the net is checked before it
//! becomes a model: its size, its digest where one is known, and that it is no web page.
//!
//! # Layout
//!
//! - [`Fetcher`]: fetches what a [`Download`](crate::catalogue::Download) lists, and the public list of models.
//! - [`Settings`]: what it may do; [`Proxies`], [`Patience`].
//! - [`Event`]: what its caller is told, and where it may be stopped.
//! - `transfer`: one file, from several links, in several attempts; `attempt`: one of them; `partial`: what has arrived.
//! - `client`: requests; `reply`: what a host answers; `contents`: what it sends in place of models.
//! - `parts`: the files that a file names, in which the rest of its model lies.
//! - `hub`: what Hugging Face tells of a file before it sends it.

mod attempt;
mod client;
mod contents;
mod fetcher;
mod hub;
mod partial;
mod parts;
mod reply;
mod settings;
mod transfer;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use fetcher::{Fetcher, Listed};
pub use settings::{Patience, Proxies, Settings};

use crate::{Error, Result};

/// What happens while something is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another process fetches the same; this one waits for it.
    Waits,
    /// A host begins to send a file.
    Begins {
        /// The host.
        host: &'a str,
        /// The bytes that have arrived earlier.
        earlier: u64,
        /// The bytes of the whole file, if they are known.
        total: Option<u64>,
    },
    /// So many bytes of the file are here.
    Arrived(u64),
    /// It did not work, and is tried again after a pause.
    Again {
        /// What went wrong.
        why: &'a str,
        /// How long nothing is tried.
        pause: Duration,
    },
    /// Nothing: a chance to stop.
    Idle,
}

/// Is told what happens; with [`ControlFlow::Break`] it stops the fetching, and what has arrived stays.
pub type Listener<'a> = dyn FnMut(Event<'_>) -> ControlFlow<()> + 'a;

/// How long nobody is asked whether to stop.
const SLICE: Duration = Duration::from_millis(100);

/// Tells what happens.
fn tell(listener: &mut Listener<'_>, event: Event<'_>) -> Result<()> {
    match listener(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}

/// Waits.
fn wait(pause: Duration, listener: &mut Listener<'_>) -> Result<()> {
    let began = Instant::now();
    while let Some(left) = pause.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
        tell(listener, Event::Idle)?;
        std::thread::sleep(left.min(SLICE));
    }
    Ok(())
}
