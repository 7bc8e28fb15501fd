//! A file of several pages, from file to file.

use std::path::PathBuf;

use amplio::media::Header;
use amplio::media::images::Limits;
use amplio::media::pages::{self, Pages};
use amplio::{Encoding, holds_pictures};
use anyhow::Result;

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
        let encoding = self.writing.format.resolve(pages::FORMAT, input.path.as_deref(), holds_pictures);
        let numbered = match &self.destination {
            Destination::Numbered(numbered) => Some(numbered),
            _ => None,
        };
        let together = encoding.format == pages::FORMAT && numbered.is_none();
        let count = if together || numbered.is_some() { pages.count() } else { 1 };
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
        let places = match numbered {
            Some(numbered) => self.numbers(numbered, count as u64, claims)?.into_iter().map(Some).collect(),
            None => match self.claim(input, &self.name(input, &from, &to, &encoding.extension), claims)? {
                Ok(path) => vec![path],
                Err(skipped) => return Ok(End::Skipped(skipped)),
            },
        };
        let alike = shapes
            .iter()
            .all(|(from_here, _)| (from_here.width, from_here.height) == (from.width, from.height));
        let job = Job {
            input: name,
            output: shown(places.first().and_then(Option::as_deref)),
            from: alike.then_some((from.width, from.height)),
            to: alike.then_some((to.width, to.height)),
            parts: Some(Parts { count: count as u64, name: "pages" }),
            pixels: shapes.iter().map(|(_, to)| to.pixels()).sum(),
            format: encoding.format.name,
        };
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        let tracker = report.start(&job);
        let results: Vec<Header> = shapes.into_iter().map(|(_, to)| to).collect();
        match &places[..] {
            [path] if together => {
                self.prepare(path.as_deref())?;
                let draft = Draft::new(path.as_deref(), claims.replace())?;
                let (sink, watcher) = (draft.sink()?, tracker.watcher());
                let made = self.transcoder().pages(&mut pages, &results, &Limits::default(), sink, &watcher);
                made.map_err(|error| explained(error, &job.output))?;
                draft.publish()?;
            }
            places => self.scatter(&mut pages, &results, places, &encoding, claims.replace(), &tracker)?,
        }
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(job, seconds))
    }

    /// Writes each page into a file of its own.
    fn scatter(
        &self,
        pages: &mut Pages,
        results: &[Header],
        places: &[Option<PathBuf>],
        encoding: &Encoding,
        replace: bool,
        tracker: &Tracker,
    ) -> Result<()> {
        for (page, (header, path)) in results.iter().zip(places).enumerate() {
            let path = path.as_deref();
            self.prepare(path)?;
            let image = part(pages.read(page, &Limits::default()), format_args!("page {}", page + 1))?;
            let draft = Draft::new(path, replace)?;
            let made = (encoding.format, header);
            let watcher = tracker.part(page, results.len());
            let made = self.transcoder().picture(image, made, draft.sink()?, &watcher);
            made.map_err(|error| explained(error, &shown(path)))?;
            draft.publish()?;
        }
        Ok(())
    }
}
