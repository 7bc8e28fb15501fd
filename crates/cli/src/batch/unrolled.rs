//! A video whose frames become pictures: those of an animation, or numbered files.

use amplio::media::Metadata;
use amplio::media::animations::{Loops, Options};
use amplio::media::videos::{Container, Kind};
use amplio::{Choice, Encoding, Reel, Unrolled, VideoRequest, recolouring_of_frames, repeats};
use anyhow::Result;

use super::footage::watched;
use super::{Batch, End};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::report::{Job, Parts, Report};
use crate::stop;
use crate::video::trouble;

/// More frames than this in a second are shown more slowly by most viewers of GIF.
const MOST_OF_GIF: f64 = 50.0;

impl Batch {
    /// The format of the pictures that frames of videos become, if that is what is asked for.
    pub(super) fn unrolls(&self) -> Option<Encoding> {
        let Choice::This(encoding) = &self.writing.format else { return None };
        let wanted = match &self.destination {
            Destination::Numbered(_) => true,
            Destination::File(path) => Container::of_moving(path).is_none() && self.container.is_none(),
            _ => false,
        };
        (wanted && !self.video.preview).then(|| encoding.clone())
    }

    /// Makes the frames of a video larger, as pictures.
    pub(super) fn unroll(
        &self,
        input: &Input,
        reel: &Reel,
        encoding: &Encoding,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let (from, request) = (reel.header(), self.video.request(self.request));
        let header = self.transcoder().header(&from, encoding.format)?;
        // Files say at their beginning how many frames they have, and only the decoder knows.
        let count = match self.rehearsal {
            true => reel.count().unwrap_or(1),
            false => reel.scan(u64::MAX, &stop::asked).map_err(trouble)?.0,
        };
        let name = self.name(input, &from, &header, &encoding.extension);
        let place = match self.place(input, &name, count, claims)? {
            Ok(place) => place,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let job = Job {
            input: input.name(),
            output: place.shown(),
            from: Some(reel.size),
            to: Some((header.width, header.height)),
            parts: Some(Parts { count, name: "frames" }),
            pixels: header.pixels() * count,
            format: encoding.format.name,
        };
        let metadata = Metadata { cicp: reel.colour().cicp(), ..Metadata::default() };
        for loss in losses(reel, &request, encoding, &metadata) {
            report.warn(&job.input, &loss);
        }
        place.warn_of_files_that_stay(&job.input, report);
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        let options = Options {
            frames: u32::try_from(count)?,
            loops: Loops::Forever,
            dither: self.writing.dither,
            picture: self.writing.options(&metadata),
        };
        let (writer, draft) = self.open(&place, encoding.format, &header, &options, claims.replace())?;
        let tracker = report.film(&job, Some(count));
        let video = Unrolled { upscaler: &self.upscaler, reel, request: &request, header };
        let made = video.run(writer, &watched(|progress| tracker.progress(progress)));
        let seconds = tracker.seconds();
        drop(tracker);
        repeats(&made.map_err(trouble)?).iter().for_each(|what| report.warn(&job.input, what));
        draft.map_or(Ok(()), Draft::publish)?;
        Ok(End::Done(job, seconds))
    }
}

/// What pictures cannot have of a video.
fn losses(reel: &Reel, request: &VideoRequest, encoding: &Encoding, metadata: &Metadata) -> Vec<String> {
    let mut losses = reel.remarks(request);
    let has = |kind: Kind| reel.probe.streams.iter().any(|stream| stream.kind == kind);
    let others = [(Kind::Audio, "sound"), (Kind::Subtitle, "subtitles"), (Kind::Data, "data")];
    let others: Vec<_> = others.into_iter().filter(|(kind, _)| has(*kind)).map(|(_, name)| name).collect();
    if !others.is_empty() {
        losses.push(format!("pictures have no {}", others.join(" and no ")));
    }
    if encoding.format.name == "gif" && reel.probe.video.rate.value() > MOST_OF_GIF {
        losses.push(
            "GIF counts hundredths of a second, and most viewers show no more than 50 frames in one".into(),
        );
    }
    losses.extend(recolouring_of_frames(&reel.header(), metadata, encoding.format));
    losses
}
