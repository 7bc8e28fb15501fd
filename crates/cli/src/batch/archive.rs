//! An archive, from file to file.

use std::ffi::OsStr;
use std::path::Path;

use amplio::ArchiveJob;
use amplio::media::animations::Limits;
use amplio::media::archives::{self, Archive, EXTENSIONS};
use anyhow::{Result, bail};

use super::{Batch, End, explained, shown};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::formats::Container;
use crate::inputs::Input;
use crate::kind::ReadSeek;
use crate::report::{Job, Parts, Report};

impl Batch {
    /// Makes the pictures in an archive larger.
    pub(super) fn archive(
        &self,
        input: &Input,
        file: Box<dyn ReadSeek>,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        match (&self.destination, self.container) {
            (Destination::File(_), Some(Container::Archive))
            | (Destination::Folder(_) | Destination::Beside | Destination::Standard, _) => {}
            _ => bail!("it is an archive, which becomes one: -o NAME.cbz or -o FOLDER/"),
        }
        let archive = Archive::open(file, &archives::Limits::default())?;
        let mut made = ArchiveJob::new(self.transcoder(), archive, Limits::default())?;
        let own = input.path.as_deref().and_then(Path::extension).and_then(OsStr::to_str);
        let name = self.name(input, &made.from, &made.to, own.unwrap_or(EXTENSIONS[0]));
        let path = match self.claim(input, &name, claims)? {
            Ok(path) => path,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let mut job = Job {
            input: input.name(),
            output: shown(path.as_deref()),
            from: None,
            to: None,
            parts: Some(Parts { count: made.pages() as u64, name: "pages" }),
            pixels: 0,
            format: "archive",
        };
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        self.prepare(path.as_deref())?;
        let tracker = report.start(&job);
        let draft = Draft::new(path.as_deref(), claims.replace())?;
        let bound = made.run(draft.sink()?, &tracker.watcher());
        let bound = bound.map_err(|error| explained(error, &job.output))?;
        draft.publish()?;
        let seconds = tracker.seconds();
        drop(tracker);
        bound.remarks.iter().for_each(|remark| report.warn(&job.input, remark));
        job.pixels = bound.pixels;
        Ok(End::Done(job, seconds))
    }
}
