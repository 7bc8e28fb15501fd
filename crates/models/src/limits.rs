use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// How large a model may be. Parsers check these before they allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file.
    pub file_bytes: usize,
    /// Tensors of a state dict.
    pub tensors: usize,
    /// Layers of a network, and separately the values between them.
    pub layers: usize,
    /// Numbers of all tensors together.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 2 << 30, tensors: 1 << 16, layers: 1 << 16, elements: 1 << 29 }
    }
}

impl Limits {
    /// Refuses contents of this many bytes if they are too many.
    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<()> {
        if bytes > self.file_bytes {
            return Err(Error::limit(format!("a file of {bytes} bytes"), self.file_bytes));
        }
        Ok(())
    }

    /// The contents of a file. Reads no further than the limit, whatever the file system says of the size.
    pub(crate) fn read_file(&self, path: &Path) -> Result<Vec<u8>> {
        if path.is_dir() {
            return Err(Error::unsupported("a folder; name a file in it").in_file(path));
        }
        let fail = |source| Error::Io { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(fail)?;
        file.take(self.file_bytes as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
        self.check_bytes(bytes.len()).map_err(|error| error.in_file(path))?;
        Ok(bytes)
    }
}
