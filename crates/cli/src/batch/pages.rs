//! A file of several pages, from file to file.

use amplio::media::Header;
use amplio::media::images::{Format, Limits};
use amplio::media::pages::{self, Pages};
use amplio::{Remarks, holds_pictures, losses};
use anyhow::Result;

use super::place::Place;
use super::{Batch, End, explained, part, shown};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::report::{Job, Parts, Report, Tracker};

impl Batch {
    /// Makes the pages in a file larger.
    pub(super) fn pages(
        &self,
        input: &Input,
        mut pages: Pages,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let own = (pages::FORMAT, pages.header(0)?.depth);
        let encoding = self.writing.format.resolve(own, input.path.as_deref(), holds_pictures);
        let numbered = matches!(self.destination, Destination::Numbered(_));
        let together = encoding.format == pages::FORMAT && !numbered;
        let count = if together || numbered { pages.count() } else { 1 };
        let name = input.name();
        if count < pages.count() {
            let what = format!(
                "{} holds one page: only the first of {} is kept",
                encoding.format.name,
                pages.count()
            );
            report.warn(&name, &what);
        }
        if pages.extras() > 0 {
            report.warn(&name, &format!("{} small copies or masks of pages are left out", pages.extras()));
        }
        let mut shapes = Vec::new();
        for page in 0..count {
            let from = part(pages.header(page), format_args!("page {}", page + 1))?;
            shapes.push((from, self.transcoder().header(&from, encoding.format)?));
        }
        let (from, to) = shapes[0];
        let wished = self.name(input, &from, &to, &encoding.extension);
        let place = match self.place(input, &wished, count as u64, claims)? {
            Ok(place) => place,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let alike = shapes
            .iter()
            .all(|(from_here, _)| (from_here.width, from_here.height) == (from.width, from.height));
        let job = Job {
            input: name,
            output: place.shown(),
            from: alike.then_some((from.width, from.height)),
            to: alike.then_some((to.width, to.height)),
            parts: Some(Parts { count: count as u64, name: "pages" }),
            pixels: shapes.iter().map(|(_, to)| to.pixels()).sum(),
            format: encoding.format.name,
        };
        place.warn_of_files_that_stay(&job.input, report);
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        let tracker = report.start(&job);
        let results: Vec<Header> = shapes.into_iter().map(|(_, to)| to).collect();
        let replace = claims.replace();
        match &place {
            Place::One(path) if together => {
                self.prepare(path.as_deref())?;
                let draft = Draft::new(path.as_deref(), replace)?;
                let (sink, watcher) = (draft.sink()?, tracker.watcher());
                let made = self.transcoder().pages(&mut pages, &results, &Limits::default(), sink, &watcher);
                made.map_err(|error| explained(error, &job.output))?;
                draft.publish()?;
            }
            place => {
                let made = (encoding.format, &results[..]);
                let remarks = self.scatter(&mut pages, made, (place, replace), &tracker)?;
                remarks.told().iter().for_each(|remark| report.warn(&job.input, remark));
            }
        }
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(job, seconds))
    }

    /// Writes pages into files of their own, in a format and with these headers; what people should know of them.
    fn scatter(
        &self,
        pages: &mut Pages,
        (format, headers): (&Format, &[Header]),
        (place, replace): (&Place, bool),
        tracker: &Tracker,
    ) -> Result<Remarks> {
        let (files, mut remarks) = (place.files(), Remarks::default());
        for (done, &(page, path)) in files.iter().enumerate() {
            self.prepare(path)?;
            let (name, made) = (format!("page {}", page + 1), (format, &headers[page]));
            let image = part(pages.read(page, &Limits::default()), &name)?;
            remarks.add(&name, losses(&image.header(), &image.metadata, made));
            let draft = Draft::new(path, replace)?;
            let watcher = tracker.part(done, files.len());
            let made = self.transcoder().picture(image, made, draft.sink()?, &watcher);
            made.map_err(|error| explained(error, &shown(path)))?;
            draft.publish()?;
        }
        Ok(remarks)
    }
}
