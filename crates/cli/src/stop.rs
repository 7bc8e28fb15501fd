//! Ctrl-C: the first one asks the work to stop, the second one does not wait for it. Both leave no half file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::outcome::Outcome;
use crate::terminal;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Files that exist only while they are written.
static DRAFTS: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// Listens from now on. Where that is not possible, Ctrl-C ends the process as it always did.
pub(crate) fn listen() {
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            let drafts = DRAFTS.lock().unwrap_or_else(PoisonError::into_inner);
            for path in drafts.iter() {
                let _ = std::fs::remove_file(path);
            }
            std::process::exit(Outcome::Interrupted.code().into());
        }
        if terminal::is_watched() {
            terminal::note("stopping after this tile; Ctrl-C again does not wait for it");
        }
    });
}

/// Whether someone has asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Announces a file that is to be removed if the work is stopped.
pub(crate) fn remember(draft: &Path) {
    DRAFTS.lock().unwrap_or_else(PoisonError::into_inner).insert(draft.to_owned());
}

/// The file is finished or gone.
pub(crate) fn forget(draft: &Path) {
    DRAFTS.lock().unwrap_or_else(PoisonError::into_inner).remove(draft);
}
