//! An animation, from file to file.

use amplio::Frames;
use amplio::media::animations::{self, Limits, Options};
use anyhow::{Result, anyhow};

use super::{Batch, End, explained};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::report::{Job, Parts, Report};

impl Batch {
    /// Makes the animation in a file larger.
    pub(super) fn animation(
        &self,
        input: &Input,
        bytes: &[u8],
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let animation = animations::open(bytes, &Limits::default())?;
        let mut animation = animation.ok_or_else(|| anyhow!("it holds only one picture"))?;
        let own = (animation.format, animation.header.depth);
        let encoding = self.writing.format.resolve(own, input.path.as_deref(), animations::can_write);
        let numbered = matches!(self.destination, Destination::Numbered(_));
        if !numbered && !animations::can_write(encoding.format) {
            let names: Vec<_> = animations::writable().collect();
            let kept = format!("only the first of {} frames is kept", animation.frames);
            let way = format!("{} does not move ({} do)", encoding.format.name, names.join(", "));
            report.warn(&input.name(), &format!("{way}: {kept}"));
            return self.picture(input, bytes.to_vec(), claims, report)?.end(report);
        }
        let (from, count) = (animation.header, animation.frames);
        let header = self.transcoder().header(&from, encoding.format)?;
        let name = self.name(input, &from, &header, &encoding.extension);
        let place = match self.place(input, &name, count.into(), claims)? {
            Ok(place) => place,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let job = Job {
            input: input.name(),
            output: place.shown(),
            from: Some((from.width, from.height)),
            to: Some((header.width, header.height)),
            parts: Some(Parts { count: count.into(), name: "frames" }),
            pixels: header.pixels() * u64::from(count),
            format: encoding.format.name,
        };
        for remark in amplio::losses_of_animation(&animation, (encoding.format, &header)) {
            report.warn(&job.input, &remark);
        }
        place.warn_of_files_that_stay(&job.input, report);
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        let tracker = report.start(&job);
        let picture = self.writing.options(&animation.metadata);
        let options = Options { frames: count, loops: animation.loops, dither: self.writing.dither, picture };
        let (writer, draft) = self.open(&place, encoding.format, &header, &options, claims.replace())?;
        let frames = Frames { header: from, count, frames: &mut animation };
        let made = self.upscaler.enlarge_frames(frames, &self.request, &header, writer, &tracker.watcher());
        made.map_err(|error| explained(error, &job.output))?;
        draft.map_or(Ok(()), Draft::publish)?;
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(job, seconds))
    }
}
