use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::catalogue::Key;
use crate::{Error, Result};

/// The right to change a model's folder. The system takes it back from a process that ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Asks for the right; `None` if another one has it. The file stays: removing it would let two have the right.
    pub(super) fn ask(folder: &Path, key: &Key) -> Result<Option<Self>> {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let path = folder.join(key.as_str());
        let mut options = File::options();
        let file = options.create(true).truncate(false).write(true).open(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
        }
    }
}
