//! Numbered pictures that become one animation.

use amplio::media::animations::{self, Delay, Frame, Loops, Options};
use amplio::media::{Sequence, videos};
use amplio::{Choice, Encoding, Frames};
use anyhow::{Result, bail};

use super::{Batch, End, explained, shown};
use crate::destination::{Claims, Destination};
use crate::draft::Draft;
use crate::inputs::Input;
use crate::report::{Job, Parts, Report};

/// Frames per second where nobody says how many.
const USUAL_RATE: u32 = 25;

impl Batch {
    /// Whether all inputs together become one animation or video: numbered pictures, and one file for them.
    pub(super) fn is_sequence(&self, inputs: &[Input]) -> bool {
        let one_file = matches!(self.destination, Destination::File(_));
        one_file && !inputs.is_empty() && inputs.iter().all(|input| input.number.is_some())
    }

    /// Makes numbered pictures larger, as the frames of one animation or video.
    pub(super) fn sequence(&self, inputs: &[Input], claims: &mut Claims, report: &Report) -> Result<End> {
        let paths = inputs.iter().filter_map(|input| input.path.clone()).collect();
        let sequence = Sequence::new(paths)?;
        if self.makes_video() {
            return self.sequence_film(&inputs[0], sequence, claims, report);
        }
        let encoding = self.moving_format()?;
        let from = sequence.header;
        let to = self.transcoder().header(&from, encoding.format)?;
        let first = &inputs[0];
        let path = match self.claim(first, &self.name(first, &from, &to, &encoding.extension), claims)? {
            Ok(path) => path,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let count = u32::try_from(sequence.count())?;
        let job = Job {
            input: first.name(),
            output: shown(path.as_deref()),
            from: Some((from.width, from.height)),
            to: Some((to.width, to.height)),
            parts: Some(Parts { count: count.into(), name: "frames" }),
            pixels: to.pixels() * u64::from(count),
            format: encoding.format.name,
        };
        if self.rehearsal {
            return Ok(End::Planned(job));
        }
        let tracker = report.start(&job);
        let delay = self.delay();
        let draft = Draft::new(path.as_deref(), claims.replace())?;
        let picture = self.writing.options(&sequence.metadata);
        let options = Options { frames: count, loops: Loops::Forever, dither: self.writing.dither, picture };
        let writer = animations::writer(encoding.format, &to, &options, draft.sink()?)?;
        let mut frames =
            (0..sequence.count()).map(|number| Ok(Frame { samples: sequence.read(number)?, delay }));
        let frames = Frames { header: from, count, frames: &mut frames };
        let made = self.upscaler.enlarge_frames(frames, &self.request, &to, writer, &tracker.watcher());
        made.map_err(|error| explained(error, &job.output))?;
        draft.publish()?;
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(job, seconds))
    }

    /// How long each of numbered pictures is shown.
    pub(super) fn delay(&self) -> Delay {
        self.fps.unwrap_or(Delay::new(1, USUAL_RATE))
    }

    /// Whether the result of what moves is to be a video, by its name.
    pub(super) fn makes_video(&self) -> bool {
        matches!(&self.destination, Destination::File(path) if videos::Container::of_moving(path).is_some())
    }

    fn moving_format(&self) -> Result<Encoding> {
        match &self.writing.format {
            Choice::This(encoding) if animations::can_write(encoding.format) => Ok(encoding.clone()),
            _ => {
                let names: Vec<_> = animations::writable().collect();
                let names = names.join(", ");
                bail!("numbered pictures become numbered pictures, an animation ({names}) or a video")
            }
        }
    }
}
