//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Seek};
use std::path::{Path, PathBuf};

use amplio::media::images::Sink;
use anyhow::{Result, anyhow, bail};
use tempfile::{Builder, NamedTempFile};

use crate::inputs::{explained, is_special};
use crate::{stop, terminal};

/// What a result is written to until it is complete.
pub(crate) enum Draft {
    /// A hidden file in the folder of the result; it is removed unless it is published.
    File {
        file: NamedTempFile,
        to: PathBuf,
        /// Whether it may take the place of another file.
        replace: bool,
    },
    /// A file without a name, because pictures are not written from their beginning to their end.
    Standard(File),
}

/// Links that follow each other; as many as Linux follows.
const MOST_LINKS: usize = 40;

/// How much is written at once.
const BUFFER: usize = 1 << 18;

impl Draft {
    /// A draft of the file `to`, or of standard output.
    pub(crate) fn new(to: Option<&Path>, replace: bool) -> Result<Self> {
        let Some(to) = to else { return Ok(Self::Standard(tempfile::tempfile()?)) };
        let to = &linked(to);
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            bail!("{}: the folder {} does not exist", to.display(), folder.display());
        }
        Self::file(folder, ".amplio-", to, replace)
    }

    /// A draft of the file `to` in a folder of videos' unfinished work on the same disk, by a name that goes when the work is done.
    pub(crate) fn inside(work: &Path, to: &Path, replace: bool) -> Result<Self> {
        Self::file(work, "0.", to, replace)
    }

    fn file(folder: &Path, prefix: &str, to: &Path, replace: bool) -> Result<Self> {
        refuse_special(to)?;
        let mut builder = Builder::new();
        builder.prefix(prefix).suffix(".part");
        readable(&mut builder);
        let file = builder
            .tempfile_in(folder)
            .map_err(|error| anyhow!("{}: {}", to.display(), explained(&error)))?;
        stop::remember(file.path());
        Ok(Self::File { file, to: to.into(), replace })
    }

    /// The hidden file, for programs that write it themselves.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File { file, .. } => Some(file.path()),
            Self::Standard(_) => None,
        }
    }

    /// Where to write.
    pub(crate) fn sink(&self) -> Result<Sink> {
        let file = match self {
            Self::File { file, .. } => file.as_file(),
            Self::Standard(file) => file,
        };
        Ok(Box::new(BufWriter::with_capacity(BUFFER, file.try_clone()?)))
    }

    /// Gives the file its name, once its bytes are on the disk.
    pub(crate) fn publish(self) -> Result<()> {
        let (file, to, replace) = match self {
            Self::File { file, to, replace } => (file, to, replace),
            Self::Standard(mut file) => {
                file.rewind()?;
                return terminal::copy(file).map_err(|error| match error.kind() {
                    io::ErrorKind::BrokenPipe => error.into(),
                    _ => anyhow!("writing standard output: {}", explained(&error)),
                });
            }
        };
        let temporary = file.path().to_owned();
        let kept = match to.metadata() {
            Ok(old) if replace => file.as_file().set_permissions(old.permissions()),
            _ => Ok(()),
        };
        let synced = kept.and_then(|()| file.as_file().sync_all());
        let published = synced.and_then(|()| {
            let persisted = if replace { file.persist(&to) } else { file.persist_noclobber(&to) };
            persisted.map(drop).map_err(|error| error.error)
        });
        stop::forget(&temporary);
        published.map_err(|error| anyhow!("{}: {}", to.display(), explained(&error)))
    }
}

/// Writes a whole file.
pub(crate) fn write(to: &Path, replace: bool, bytes: &[u8]) -> Result<()> {
    let draft = Draft::new(Some(to), replace)?;
    let mut sink = draft.sink()?;
    let written = sink.write_all(bytes).and_then(|()| sink.flush());
    written.map_err(|error| anyhow!("{}: {}", to.display(), explained(&error)))?;
    draft.publish()
}

/// Asks for the permissions that files usually get, instead of those of secrets.
#[cfg(unix)]
fn readable(builder: &mut Builder) {
    use std::os::unix::fs::PermissionsExt;
    // The umask takes away from it what the user does not want.
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable(_: &mut Builder) {}

/// The file that links lead to, whether it exists or not.
fn linked(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(to) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("")).join(to);
    }
    path
}

/// Refuses what a draft would replace instead of writing to it.
fn refuse_special(path: &Path) -> Result<()> {
    if is_special(path) {
        bail!("{} is a device or a pipe, and no file", path.display());
    }
    Ok(())
}

/// Refuses what is no regular file, a file that exists and may not be replaced, and one that is an input.
pub(crate) fn refuse_taken(to: &Path, replace: bool, input: Option<&Path>) -> Result<()> {
    refuse_special(to)?;
    let shown = to.display();
    if let (Ok(to), Some(Ok(input))) = (to.canonicalize(), input.map(Path::canonicalize))
        && to == input
    {
        bail!("the result would replace {shown}, which is the input");
    }
    if to.exists() && !replace {
        bail!("{shown} exists; --overwrite replaces it");
    }
    Ok(())
}
