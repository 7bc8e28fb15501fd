//! Pictures in files of their own that are shown one after the other.

use std::path::{Path, PathBuf};

use crate::images::{self, Limits};
use crate::{Channels, Error, Header, Metadata, Result, Samples, convert};

/// Picture files of one size.
#[derive(Clone, Debug)]
pub struct Sequence {
    paths: Vec<PathBuf>,
    /// A shape that loses nothing of any picture.
    pub header: Header,
    /// What the first file says beside its picture.
    pub metadata: Metadata,
}

impl Sequence {
    /// Looks at all files.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if one is no picture or has another size than those before it, [`Error::Misuse`] if there are none.
    pub fn new(paths: Vec<PathBuf>) -> Result<Self> {
        let (first, others) =
            paths.split_first().ok_or_else(|| Error::misuse("a sequence without pictures"))?;
        let image = picture(first).map_err(Error::of(first))?;
        let mut header = image.header();
        for path in others {
            header = bytes(path)
                .and_then(|bytes| images::read_header(&bytes))
                .and_then(|(_, other)| joined(&header, &other))
                .map_err(Error::of(path))?;
        }
        Ok(Self { paths, header, metadata: image.metadata })
    }

    /// The files.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// How many pictures there are.
    pub fn count(&self) -> usize {
        self.paths.len()
    }

    /// The samples of a picture, in the common shape.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read or has changed its size, [`Error::Misuse`] if there is none of this number.
    pub fn read(&self, number: usize) -> Result<Samples> {
        let path = self.paths.get(number).ok_or_else(|| Error::misuse(format!("no picture {number}")))?;
        let read = || {
            let image = picture(path)?;
            joined(&self.header, &image.header())?;
            convert(&image.samples, &image.header(), &self.header)
        };
        read().map_err(Error::of(path))
    }
}

fn picture(path: &Path) -> Result<crate::Image> {
    images::read(&bytes(path)?, &Limits::default())
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    Ok(std::fs::read(path)?)
}

/// A shape that loses nothing of either.
fn joined(a: &Header, b: &Header) -> Result<Header> {
    if (a.width, a.height) != (b.width, b.height) {
        return Err(Error::unsupported(format!(
            "it has {}x{} pixels, and the pictures before it have {}x{}",
            b.width, b.height, a.width, a.height
        )));
    }
    let channels = Channels::of(
        a.channels.colours().max(b.channels.colours()),
        a.channels.has_alpha() || b.channels.has_alpha(),
    );
    let deeper = if a.depth.bytes() >= b.depth.bytes() { a } else { b };
    Ok(Header { channels, depth: deeper.depth, transfer: deeper.transfer, ..*a })
}

#[cfg(test)]
mod tests {
    use super::joined;
    use crate::{Channels, Depth, Header};

    #[test]
    fn pictures_agree_on_what_loses_nothing() {
        let grey = Header::new(2, 3, Channels::GreyAlpha, Depth::U16);
        let colour = Header::new(2, 3, Channels::Rgb, Depth::U8);
        assert_eq!(joined(&grey, &colour).unwrap(), Header::new(2, 3, Channels::Rgba, Depth::U16));
        let other = Header::new(3, 3, Channels::Rgb, Depth::U8);
        assert!(joined(&grey, &other).unwrap_err().to_string().contains("3x3"));
    }
}
