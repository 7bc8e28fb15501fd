//! Archives of pictures: ZIP files (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>), among them comic
//! books (CBZ).
//!
//! [`Archive`] reads entries when they are asked for, one at a time; [`ArchiveWriter`] copies them byte for byte or puts
//! new content in their place. Nothing is ever unpacked to files. An archive that would be dangerous to unpack is refused
//! all the same, because the new one would be as dangerous.

mod sink;

use std::collections::HashSet;
use std::io::{Read, Seek, Write};

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use self::sink::{Guard, Yielding};
use crate::images::Sink;
use crate::{Error, Result};

/// Extensions of archives, without the dot; the usual ones.
pub const EXTENSIONS: [&str; 2] = ["cbz", "zip"];

/// How much an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most entries; 100 000 by default.
    pub max_entries: usize,
    /// The most bytes of an entry that is read; 2 GiB by default.
    pub max_entry: u64,
    /// How many bytes one byte of the archive may become; 1100 by default, which is a little more than Deflate can do.
    pub max_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_entries: 100_000, max_entry: 2 << 30, max_ratio: 1100 }
    }
}

/// An archive that is being read.
pub struct Archive<R> {
    zip: ZipArchive<R>,
    limits: Limits,
}

/// An archive that is being written.
pub struct ArchiveWriter {
    // Before the other field, so that it is dropped first.
    sink: Guard,
    zip: ZipWriter<Yielding>,
}

/// Whether a file that begins with these bytes is an archive.
pub fn detect(first_bytes: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06"].iter().any(|magic| first_bytes.starts_with(*magic))
}

/// The ratio may be high where there is hardly anything.
const SMALL: u64 = 1 << 16;

fn zip_error(error: ZipError) -> Error {
    match error {
        // Readers here read from files that are there: an early end is the archive's fault.
        ZipError::Io(error)
            if error.kind() != std::io::ErrorKind::UnexpectedEof
                && error.kind() != std::io::ErrorKind::InvalidData
                && error.kind() != std::io::ErrorKind::InvalidInput
                && error.kind() != std::io::ErrorKind::Other =>
        {
            error.into()
        }
        ZipError::UnsupportedArchive(what) => Error::unsupported(format!("zip: {what}")),
        error => Error::malformed("zip", error),
    }
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory of an archive, and checks every entry in it.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the archive is broken or its entries lie over each other or outside of it,
    /// [`Error::Unsupported`] for encrypted entries and links, [`Error::Limit`] if it holds too much.
    pub fn open(reader: R, limits: &Limits) -> Result<Self> {
        let zip = ZipArchive::new(reader).map_err(zip_error)?;
        let mut archive = Archive { zip, limits: *limits };
        if archive.len() > limits.max_entries {
            let what = format!("an archive of {} entries", archive.len());
            return Err(Error::Limit { what, limit: limits.max_entries as u64 });
        }
        if archive.zip.has_duplicate_names() {
            return Err(Error::malformed("zip", "two entries have the same name"));
        }
        let mut names = HashSet::new();
        for index in 0..archive.len() {
            let name = archive.check(index)?;
            if !names.insert(name.clone()) {
                return Err(Error::malformed("zip", format!("two entries are called {name}")));
            }
        }
        if archive.zip.has_overlapping_files().map_err(zip_error)? {
            return Err(Error::malformed("zip", "entries lie over each other"));
        }
        Ok(archive)
    }

    /// The name of an entry, if nothing is wrong with it.
    fn check(&mut self, index: usize) -> Result<String> {
        let entry = self.zip.by_index_raw(index).map_err(zip_error)?;
        let name = entry.name().map_err(zip_error)?.into_owned();
        if entry.enclosed_name().is_none() || is_absolute(&name) {
            return Err(Error::malformed(
                "zip",
                format!("the entry {name:?} would lie outside of the archive"),
            ));
        }
        if entry.is_symlink() {
            return Err(Error::unsupported(format!("zip: the entry {name:?} is a link")));
        }
        if entry.encrypted() {
            return Err(Error::unsupported(format!("zip: the entry {name:?} is encrypted")));
        }
        let (size, packed) = (entry.size(), entry.compressed_size());
        if size > SMALL && size / self.limits.max_ratio > packed {
            let what = format!("the entry {name:?} of {packed} bytes says that it becomes {size}");
            return Err(Error::Limit { what, limit: self.limits.max_ratio });
        }
        Ok(name)
    }

    /// The number of entries, folders included.
    pub fn len(&self) -> usize {
        self.zip.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of an entry.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if there is no such entry.
    pub fn name(&self, index: usize) -> Result<String> {
        let entry = self.zip.by_index_data(index).map_err(zip_error)?;
        Ok(entry.name().map_err(zip_error)?.into_owned())
    }

    /// The name of an entry as it is stored, in whatever encoding.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if there is no such entry.
    pub fn raw_name(&self, index: usize) -> Result<Vec<u8>> {
        Ok(self.zip.by_index_data(index).map_err(zip_error)?.name_raw().to_vec())
    }

    /// Whether an entry is packed in a way that this crate can unpack.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if there is no such entry.
    pub fn can_unpack(&mut self, index: usize) -> Result<bool> {
        let method = self.zip.by_index_raw(index).map_err(zip_error)?.compression();
        Ok(matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated))
    }

    /// An entry that is read.
    fn entry(&mut self, index: usize) -> Result<ZipFile<'_, R>> {
        if !self.can_unpack(index)? {
            return Err(Error::unsupported("zip: an entry that is neither stored nor deflated"));
        }
        self.zip.by_index(index).map_err(zip_error)
    }

    /// The first bytes of an entry, at most `count`; none of a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the entry is broken, [`Error::Unsupported`] if it cannot be unpacked.
    pub fn first_bytes(&mut self, index: usize, count: u64) -> Result<Vec<u8>> {
        let entry = self.entry(index)?;
        if !entry.is_file() {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        entry.take(count).read_to_end(&mut bytes).map_err(|error| zip_error(error.into()))?;
        Ok(bytes)
    }

    /// All bytes of an entry; their checksum is right.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the entry is broken, [`Error::Unsupported`] if it cannot be unpacked, [`Error::Limit`] if it is
    /// too large.
    pub fn read(&mut self, index: usize) -> Result<Vec<u8>> {
        let limit = self.limits.max_entry;
        let entry = self.entry(index)?;
        let size = entry.size();
        let too_large = || Error::Limit { what: "an entry of an archive is too large".into(), limit };
        if size > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        // What an entry says about its size may be a lie.
        entry.take(limit + 1).read_to_end(&mut bytes).map_err(|error| zip_error(error.into()))?;
        if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
    }
}

impl ArchiveWriter {
    /// Begins an archive with the comment of another one.
    pub fn new<R: Read + Seek>(sink: Sink, like: &Archive<R>) -> Result<Self> {
        let sink = Yielding::new(sink);
        let mut zip = ZipWriter::new(sink.clone());
        zip.set_raw_comment(like.zip.comment().into()).map_err(zip_error)?;
        Ok(ArchiveWriter { sink: Guard(sink), zip })
    }

    /// Copies an entry as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it cannot be read, [`Error::Io`] from the sink.
    pub fn copy<R: Read + Seek>(&mut self, from: &mut Archive<R>, index: usize) -> Result<()> {
        let entry = from.zip.by_index_raw(index).map_err(zip_error)?;
        self.zip.raw_copy_file(entry).map_err(zip_error)
    }

    /// Writes new content in the place of an entry, with its name (or another one, in the same encoding), its time and its
    /// comment.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] from the sink.
    pub fn replace<R: Read + Seek>(
        &mut self,
        from: &mut Archive<R>,
        index: usize,
        name: Option<&[u8]>,
        content: &[u8],
    ) -> Result<()> {
        let entry = from.zip.by_index_raw(index).map_err(zip_error)?;
        let method = match entry.compression() {
            CompressionMethod::Deflated => CompressionMethod::Deflated,
            _ => CompressionMethod::Stored,
        };
        let own: SimpleFileOptions = entry.options();
        let large = content.len() as u64 >= u64::from(u32::MAX);
        let mut options = own.compression_method(method).large_file(large).into_full_options();
        if !entry.comment().is_empty() {
            options = options.with_file_comment(entry.comment());
        }
        let name = name.unwrap_or(entry.name_raw()).to_vec();
        drop(entry);
        self.zip.start_file_with_options(options.name(&name)).map_err(zip_error)?;
        Ok(self.zip.write_all(content)?)
    }

    /// Completes the archive and flushes the sink.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] from the sink.
    pub fn finish(self) -> Result<()> {
        let ArchiveWriter { sink: _sink, zip } = self;
        let mut sink = zip.finish().map_err(zip_error)?;
        Ok(sink.flush()?)
    }
}

/// Whether a name begins at a root, on any system.
fn is_absolute(name: &str) -> bool {
    name.starts_with(['/', '\\']) || name.as_bytes().get(1) == Some(&b':') || name.contains("..\\")
}
