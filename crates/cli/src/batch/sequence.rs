//! Numbered pictures that become one animation.

use amplio::media::animations::{self, Delay, Frame, Loops, Options};
use amplio::media::images::{self, Limits};
use amplio::media::{Channels, Header, Metadata, convert};
use amplio::{Choice, Encoding, Frames};
use anyhow::{Result, anyhow, bail};

use super::{Batch, End, explained, part, shown};
use crate::destination::Claims;
use crate::draft::Draft;
use crate::inputs::Input;
use crate::report::{Job, Parts, Report};

/// Frames per second where nobody says how many.
const USUAL_RATE: u32 = 25;

impl Batch {
    /// Whether all inputs together become one animation: numbered pictures, and one file for them.
    pub(super) fn is_sequence(&self, inputs: &[Input]) -> bool {
        let one_file = matches!(self.destination, crate::destination::Destination::File(_));
        one_file && !inputs.is_empty() && inputs.iter().all(|input| input.number.is_some())
    }

    /// Makes numbered pictures larger, as the frames of one animation.
    pub(super) fn sequence(&self, inputs: &[Input], claims: &mut Claims, report: &Report) -> Result<End> {
        let encoding = self.moving_format()?;
        let (from, metadata) = survey(inputs)?;
        let to = self.transcoder().header(&from, encoding.format)?;
        let first = &inputs[0];
        let path = match self.claim(first, &self.name(first, &from, &to, &encoding.extension), claims)? {
            Ok(path) => path,
            Err(skipped) => return Ok(End::Skipped(skipped)),
        };
        let count = u32::try_from(inputs.len())?;
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
        let delay = self.fps.unwrap_or(Delay::new(1, USUAL_RATE));
        let draft = Draft::new(path.as_deref(), claims.replace())?;
        let picture = self.writing.options(&metadata);
        let options = Options { frames: count, loops: Loops::Forever, dither: self.writing.dither, picture };
        let writer = animations::writer(encoding.format, &to, &options, draft.sink()?)?;
        // The library knows only its own errors; the one of this file is kept aside.
        let mut failed = None;
        let mut frames = inputs.iter().map_while(|input| match frame(input, &from) {
            Ok(samples) => Some(Ok(Frame { samples, delay })),
            Err(error) => {
                failed = Some(anyhow!("{}: {error}", input.name()));
                None
            }
        });
        let frames = Frames { header: from, count, frames: &mut frames };
        let made = self.upscaler.enlarge_frames(frames, &self.request, &to, writer, &tracker.watcher());
        if let Some(error) = failed {
            return Err(error);
        }
        made.map_err(|error| explained(error, &job.output))?;
        draft.publish()?;
        let seconds = tracker.seconds();
        drop(tracker);
        Ok(End::Done(job, seconds))
    }

    fn moving_format(&self) -> Result<Encoding> {
        match &self.writing.format {
            Choice::This(encoding) if animations::can_write(encoding.format) => Ok(encoding.clone()),
            _ => {
                let names: Vec<_> = animations::writable().collect();
                bail!("numbered pictures become numbered pictures, or an animation ({})", names.join(", "))
            }
        }
    }
}

/// What all frames have in common, and the metadata of the first one.
fn survey(inputs: &[Input]) -> Result<(Header, Metadata)> {
    let mut common: Option<Header> = None;
    let mut metadata = Metadata::default();
    for input in inputs {
        let bytes = part(input.open().and_then(|opened| opened.bytes()), input.name())?;
        let (_, header) = part(images::read_header(&bytes), input.name())?;
        common = Some(match common {
            None => {
                metadata = part(images::read(&bytes, &Limits::default()), input.name())?.metadata;
                header
            }
            Some(common) if (common.width, common.height) != (header.width, header.height) => bail!(
                "{} has {}x{} pixels, and the frames before it have {}x{}",
                input.name(),
                header.width,
                header.height,
                common.width,
                common.height
            ),
            Some(common) => joined(&common, &header),
        });
    }
    Ok((common.ok_or_else(|| anyhow!("there are no frames"))?, metadata))
}

/// A shape that loses nothing of either.
fn joined(a: &Header, b: &Header) -> Header {
    let channels = Channels::of(
        a.channels.colours().max(b.channels.colours()),
        a.channels.has_alpha() || b.channels.has_alpha(),
    );
    let order = |header: &Header| header.depth.bytes();
    let deeper = if order(a) >= order(b) { a } else { b };
    Header { channels, depth: deeper.depth, transfer: deeper.transfer, ..*a }
}

fn frame(input: &Input, header: &Header) -> Result<amplio::media::Samples> {
    let image = images::read(&input.open()?.bytes()?, &Limits::default())?;
    if (image.width, image.height) != (header.width, header.height) {
        bail!("it has {}x{} pixels now", image.width, image.height);
    }
    Ok(convert(&image.samples, &image.header(), header)?)
}

#[cfg(test)]
mod tests {
    use amplio::media::Depth;

    use super::*;

    #[test]
    fn frames_agree_on_what_loses_nothing() {
        let grey = Header::new(2, 3, Channels::GreyAlpha, Depth::U16);
        let colour = Header::new(2, 3, Channels::Rgb, Depth::U8);
        assert_eq!(joined(&grey, &colour), Header::new(2, 3, Channels::Rgba, Depth::U16));
    }
}
