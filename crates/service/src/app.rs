//! What all requests share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::desk::Desk;
use crate::engine::Engine;
use crate::http::auth::Keys;
use crate::http::rates::Rates;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::storage::Storage;
use crate::uploads::Uploads;
use crate::{Error, Result};

/// A server's parts.
pub(crate) struct App {
    pub(crate) settings: Settings,
    /// `None` if everyone may use the server.
    pub(crate) keys: Option<Keys>,
    pub(crate) rates: Rates,
    /// Where uploads lie that nobody has taken yet.
    pub(crate) spool: PathBuf,
    pub(crate) engine: Arc<Engine>,
    pub(crate) desk: Desk,
    pub(crate) storage: Storage,
    pub(crate) shelf: Shelf,
    pub(crate) uploads: Uploads,
    /// Rung when a webhook may have to be told something.
    pub(crate) post: Notify,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
    /// Becomes true when the server is asked to stop.
    pub(crate) stopping: watch::Sender<bool>,
}

impl App {
    /// Checks the settings and makes everything ready.
    pub(crate) fn new(settings: Settings, log: Log) -> Result<Arc<Self>> {
        settings.check()?;
        let keys = settings.keys.as_deref().map(Keys::read).transpose()?;
        let spool = settings.data.join("uploads");
        std::fs::create_dir_all(&spool).map_err(Error::io(&spool))?;
        // Before anything in the folder is touched: it must be this server's alone.
        let desk = Desk::open(&settings, &log)?;
        empty(&spool)?;
        if let Some(folder) = settings.models.as_deref().filter(|folder| !folder.exists()) {
            log.event("no_models", json!({ "folder": folder.display().to_string() }));
        }
        Ok(Arc::new(Self {
            keys,
            rates: Rates::default(),
            spool,
            engine: Arc::new(Engine::new(&settings)?),
            desk,
            storage: Storage::open(&settings)?,
            shelf: Shelf::open(&settings)?,
            uploads: Uploads::open(&settings)?,
            post: Notify::new(),
            metrics: Metrics::new(),
            log,
            stopping: watch::Sender::new(false),
            settings,
        }))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}

/// Removes what an earlier server has left half received.
fn empty(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        std::fs::remove_file(&path).map_err(Error::io(&path))?;
    }
    Ok(())
}
