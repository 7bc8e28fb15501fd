//! Where frames go: all into one file, or each into a file of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use amplio::media::Header;
use amplio::media::animations::{self, Frame, FrameWriter, Options};
use amplio::media::images::{self, Format, WriteOptions};
use anyhow::{Result, anyhow};

use super::{Batch, shown};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::numbering::Numbered;

/// Where frames go.
pub(super) enum Place {
    /// All into one file; to standard output if `None`.
    One(Option<PathBuf>),
    /// Each into a file of its own.
    Each(Vec<PathBuf>),
}

impl Batch {
    /// The place for so many frames of an input; or the file that is there already and stays.
    pub(super) fn place(
        &self,
        input: &Input,
        name: &OsStr,
        count: u64,
        claims: &mut Claims,
    ) -> Result<std::result::Result<Place, PathBuf>> {
        Ok(match &self.destination {
            Destination::Numbered(numbered) => Ok(Place::Each(self.numbers(numbered, count, claims)?)),
            _ => self.claim(input, name, claims)?.map(Place::One),
        })
    }

    /// Opens a place for frames of this shape; with a draft that is to be published when all are written, if not each file is.
    pub(super) fn open(
        &self,
        place: &Place,
        format: &'static Format,
        header: &Header,
        options: &Options,
        replace: bool,
    ) -> Result<(Box<dyn FrameWriter>, Option<Draft>)> {
        self.prepare(place.first())?;
        match place {
            Place::One(path) => {
                let draft = Draft::new(path.as_deref(), replace)?;
                let writer = animations::writer(format, header, options, draft.sink()?)?;
                Ok((writer, Some(draft)))
            }
            Place::Each(paths) => {
                let (paths, options) = (paths.clone().into_iter(), options.picture.clone());
                let files = Files { paths, format, header: *header, options, replace };
                Ok((Box::new(files), None))
            }
        }
    }

    /// The files for so many results.
    pub(super) fn numbers(
        &self,
        numbered: &Numbered,
        count: u64,
        claims: &mut Claims,
    ) -> Result<Vec<PathBuf>> {
        let start = self.start_number.unwrap_or(1);
        let paths = (start..start.saturating_add(count)).map(|number| {
            let path = numbered.path(number);
            claims.claim(&path)?.ok_or_else(|| anyhow!("{} exists", path.display()))
        });
        paths.collect()
    }
}

impl Place {
    /// What people call it: by its first file.
    pub(super) fn shown(&self) -> String {
        shown(self.first())
    }

    fn first(&self) -> Option<&Path> {
        match self {
            Self::One(path) => path.as_deref(),
            Self::Each(paths) => paths.first().map(PathBuf::as_path),
        }
    }
}

/// Writes each frame to a file of its own.
struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    format: &'static Format,
    header: Header,
    options: WriteOptions,
    replace: bool,
}

impl FrameWriter for Files {
    fn write_frame(&mut self, frame: Frame) -> amplio::media::Result<()> {
        let Some(path) = self.paths.next() else { return Ok(()) };
        let other = |error: anyhow::Error| std::io::Error::other(error.to_string());
        let draft = Draft::new(Some(&path), self.replace).map_err(other)?;
        let sink = draft.sink().map_err(other)?;
        let mut writer = images::writer(self.format, &self.header, &self.options, sink)?;
        writer.write_rows(&frame.samples)?;
        writer.finish()?;
        Ok(draft.publish().map_err(other)?)
    }

    fn finish(self: Box<Self>) -> amplio::media::Result<()> {
        Ok(())
    }
}
