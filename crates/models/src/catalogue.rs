//! The catalogue: models that lie elsewhere, and how people name them.
//!
//! # Layout
//!
//! - [`Reference`]: what was typed: a name, `hf:owner/repo/file@revision`, or a link.
//! - [`Entry`]: what is known about a model of a list; [`Index`]: a list, in the form of OpenModelDB's
//!   (<https://openmodeldb.info>).
//! - [`known`]: the list that is part of the program.
//! - [`Download`]: the files that a reference or an entry asks for.
//! - [`licence`]: what a licence allows; [`links`]: what a link leads to.

mod download;
mod entry;
mod index;
mod key;
mod known;
pub mod licence;
pub mod links;
mod reference;

pub use download::{Download, RemoteFile};
pub use entry::{Entry, Resource};
pub use index::Index;
pub use key::Key;
pub use known::known;
pub use reference::{HubFile, Reference};
