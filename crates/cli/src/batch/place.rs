//! Where frames go: all into one file, or each into a file of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use amplio::media::Header;
use amplio::media::animations::{self, Frame, FrameWriter, Options};
use amplio::media::images::{self, Format, WriteOptions};
use anyhow::Result;

use super::{Batch, shown};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::report::Report;

/// Where frames go.
pub(super) enum Place {
    /// All into one file; to standard output if `None`.
    One(Option<PathBuf>),
    /// Each into a file of its own; where none is given, it is there already and stays.
    Each(Vec<Option<PathBuf>>),
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
            Destination::Numbered(numbered) => {
                let start = self.start_number.unwrap_or(1);
                let numbers = start..start.saturating_add(count);
                let paths = numbers.map(|number| claims.claim(&numbered.path(number), input));
                let paths = paths.collect::<Result<Vec<_>>>()?;
                let all_stay = count > 0 && paths.iter().all(Option::is_none);
                if all_stay { Err(numbered.path(start)) } else { Ok(Place::Each(paths)) }
            }
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
}

impl Place {
    /// What people call it: by its first file.
    pub(super) fn shown(&self) -> String {
        shown(self.first())
    }

    /// Tells of files of an input that stay.
    pub(super) fn warn_of_files_that_stay(&self, input: &str, report: &Report) {
        let Self::Each(paths) = self else { return };
        let stay = paths.iter().filter(|path| path.is_none()).count();
        if stay > 0 {
            report.warn(input, &format!("of {} files, {stay} are there already and stay", paths.len()));
        }
    }

    /// The frames that are written, by their numbers, and the file of each; standard output if `None`.
    pub(super) fn files(&self) -> Vec<(usize, Option<&Path>)> {
        match self {
            Self::One(path) => vec![(0, path.as_deref())],
            Self::Each(paths) => {
                let paths = paths.iter().map(Option::as_deref).enumerate();
                paths.filter(|(_, path)| path.is_some()).collect()
            }
        }
    }

    fn first(&self) -> Option<&Path> {
        match self {
            Self::One(path) => path.as_deref(),
            Self::Each(paths) => paths.iter().flatten().next().map(PathBuf::as_path),
        }
    }
}

/// Writes each frame to a file of its own, if there is a place for it.
struct Files {
    paths: std::vec::IntoIter<Option<PathBuf>>,
    format: &'static Format,
    header: Header,
    options: WriteOptions,
    replace: bool,
}

impl FrameWriter for Files {
    fn write_frame(&mut self, frame: Frame) -> amplio::media::Result<()> {
        let Some(Some(path)) = self.paths.next() else { return Ok(()) };
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
