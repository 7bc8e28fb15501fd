use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

use amplio_media::animations::{Frame, FrameWriter};
use amplio_media::{Header, Image, Samples};

use crate::progress::{Progress, Watcher};
use crate::{Error, Request, Result, Upscaler};

/// Frames that may wait for the writer.
const WAITING: usize = 1;

/// The frames of an animation that is to be made larger.
pub struct Frames<'a> {
    /// What each of them looks like.
    pub header: Header,
    /// How many there are, for the progress.
    pub count: u32,
    /// The frames.
    pub frames: &'a mut (dyn Iterator<Item = amplio_media::Result<Frame>> + 'a),
}

impl Upscaler {
    /// Enlarges frames into a writer that was opened for `header`, which has the size that [`Upscaler::result`] says and may
    /// differ from the frames in depth and channels. A frame that equals the one before it is not computed again. Frames are
    /// written on a thread of their own.
    ///
    /// # Errors
    /// As [`Upscaler::enlarge`], and if reading or writing fails. The file is then incomplete.
    pub fn enlarge_frames(
        &self,
        frames: Frames,
        request: &Request,
        header: &Header,
        writer: Box<dyn FrameWriter>,
        watcher: Watcher,
    ) -> Result<()> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<Frame>(WAITING);
            let writing = scope.spawn(move || {
                let mut writer = writer;
                for frame in receiver {
                    writer.write_frame(frame)?;
                }
                Ok::<_, amplio_media::Error>(writer)
            });
            let send = &mut |frame| sender.send(frame).map_err(|_| Error::Stopped);
            let made = self.each(frames, request, header, watcher, send);
            drop(sender);
            let written =
                writing.join().map_err(|_| Error::request("the writer of the animation panicked"))?;
            match (made, written) {
                // A writer that fails stops listening; its own error is the cause.
                (Ok(()), Ok(writer)) => Ok(writer.finish()?),
                (_, Err(e)) => Err(e.into()),
                (Err(e), Ok(_)) => Err(e),
            }
        })
    }

    /// Sends each frame's result to `sink`.
    fn each(
        &self,
        frames: Frames,
        request: &Request,
        header: &Header,
        watcher: Watcher,
        sink: &mut dyn FnMut(Frame) -> Result<()>,
    ) -> Result<()> {
        let mut last: Option<(Samples, Samples)> = None;
        let mut pixels = 0;
        for (number, frame) in frames.frames.enumerate() {
            let Frame { samples, delay } = frame?;
            let share = |fraction: f64| (number as f64 + fraction) / f64::from(frames.count.max(1));
            let known = last.as_ref().filter(|(before, _)| *before == samples).map(|(_, made)| made.clone());
            let made = match known {
                Some(made) => made,
                None => {
                    let image = Image::new(frames.header, samples.clone())?;
                    let made = self.whole(image, request, header, &|progress: Progress| {
                        let fraction = share(progress.fraction);
                        watcher(Progress { fraction, pixels: pixels + progress.pixels })
                    })?;
                    last = Some((samples, made.clone()));
                    made
                }
            };
            pixels += header.pixels();
            sink(Frame { samples: made, delay })?;
            if watcher(Progress { fraction: share(1.0), pixels }) == ControlFlow::Break(()) {
                return Err(Error::Stopped);
            }
        }
        Ok(())
    }
}
