//! A video whose frames become pictures: those of an animation, or files of their own.

use amplio_media::Header;
use amplio_media::animations::{self, Delay, FrameWriter};
use amplio_media::videos::{Colour, Format, Frame, Ratio, to_image};

use super::{Reel, VideoProgress, VideoRequest, VideoWatcher, seconds};
use crate::film::FilmProgress;
use crate::{Error, Result, Upscaler};

/// A video whose frames are to become pictures.
pub struct Unrolled<'a> {
    /// The network.
    pub upscaler: &'a Upscaler,
    /// The video.
    pub reel: &'a Reel<'a>,
    /// What is asked for; how results are encoded as videos is ignored.
    pub request: &'a VideoRequest,
    /// The shape of the pictures: of the size that [`Upscaler::result`] says for [`Reel::header`], with integer samples.
    pub header: Header,
}

impl Unrolled<'_> {
    /// Makes all frames larger and gives them to a writer that was opened for the header. Each picture lasts until the next
    /// frame is shown, the last one as long as the video says, or else as frames usually do. The times, in seconds, of frames that
    /// could not be decoded.
    ///
    /// # Errors
    /// If anything fails, or the watcher says stop. The file is then incomplete.
    pub fn run(&self, mut writer: Box<dyn FrameWriter>, watcher: VideoWatcher) -> Result<Vec<f64>> {
        let format = Format::of_pictures(self.header.channels, self.header.depth)
            .ok_or_else(|| Error::request("pictures of such samples cannot be made of frames"))?;
        let (video, read) = (&self.reel.probe.video, self.reel.colour());
        // All the codes of a picture have a meaning.
        let written = Colour {
            range: None,
            ..read.written(video.format, format, self.header.width, self.header.height)
        };
        let film = self.request.film(self.upscaler, &self.reel.header(), format, (read, written));
        let (frames, repeated) = self.reel.frames(None)?;
        let mut waiting: Option<Frame> = None;
        let mut sink = |frame: &Frame| {
            if let Some(before) = waiting.replace(frame.clone()) {
                write(&mut *writer, &before, delay(frame.pts - before.pts, video.time_base))?;
            }
            Ok(())
        };
        let seen = |film: FilmProgress| watcher(VideoProgress::default().with(film));
        film.enlarge(frames.map(|frame| frame.map_err(Error::from)), &mut sink, &seen)?;
        let last = waiting.ok_or_else(|| Error::request("there is no frame in this part of the video"))?;
        let usual = Delay::new(video.rate.den, video.rate.num);
        let length = self.reel.ending(last.pts).map_or(usual, |ending| delay(ending.length, video.time_base));
        write(&mut *writer, &last, length)?;
        writer.finish()?;
        Ok(seconds(&repeated, video.time_base))
    }
}

fn write(writer: &mut dyn FrameWriter, frame: &Frame, delay: Delay) -> Result<()> {
    let samples = to_image(frame, &Colour::default())?.samples;
    Ok(writer.write_frame(animations::Frame { samples, delay })?)
}

/// So many ticks, exactly if the numbers allow it, else in microseconds.
fn delay(ticks: i64, base: Ratio) -> Delay {
    let exact = u32::try_from(ticks).ok().and_then(|ticks| ticks.checked_mul(base.num));
    let rounded = || Delay::new((base.seconds(ticks) * 1e6).round() as u32, 1_000_000);
    exact.map_or_else(rounded, |numerator| Delay::new(numerator, base.den)).reduced()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_exact_where_they_can_be() {
        assert_eq!(delay(2, Ratio { num: 1001, den: 24000 }), Delay::new(1001, 12000));
        assert_eq!(delay(4_000_000_000, Ratio { num: 3, den: 1_000_000_000 }), Delay::new(12, 1));
    }
}
