//! What the names of results say about them.

use std::ffi::OsStr;
use std::path::Path;

use amplio::media::archives;
use amplio::media::images;
use amplio::{Encoding, writable};

/// What results can be put into, beside files of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// A ZIP file, with everything else that the input holds.
    Archive,
}

/// The container that a file's name asks for.
pub(crate) fn container(path: &Path) -> Option<Container> {
    let extension = extension(path)?;
    archives::EXTENSIONS.contains(&extension.as_str()).then_some(Container::Archive)
}

/// The format that a file's name asks for, if its extension is known.
pub(crate) fn of_name(path: &Path) -> Option<Result<Encoding, String>> {
    let extension = extension(path)?;
    let format = images::by_extension(&extension)?;
    Some(match format.write {
        Some(_) => Ok(Encoding { format, extension }),
        None => Err(format!("{} cannot be written; there are {}", format.name, writable())),
    })
}

fn extension(path: &Path) -> Option<String> {
    path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase)
}
