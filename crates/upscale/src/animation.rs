use std::sync::mpsc::sync_channel;
use std::thread;

use amplio_media::animations::{Delay, Frame, FrameWriter};
use amplio_media::{Header, Image, Samples};

use crate::progress::{Parts, Watcher};
use crate::{Ended, Error, Request, Result, Upscaler};

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
    /// made side by side, and written on a thread of their own.
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
        thread::scope(|scope| {
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
        let needed = self.memory(&frames.header, request)?;
        let progress = Parts::new(frames.count as usize, watcher);
        thread::scope(|scope| {
            let mut lanes = self.lanes(scope, request);
            let mut show = Show { sink, last: None };
            let mut run = || {
                let mut last = None;
                for (number, frame) in frames.frames.enumerate() {
                    let Frame { samples, delay } = frame?;
                    let again = last.as_ref() == Some(&samples);
                    while let Some(ended) = lanes.make_room(if again { 0 } else { needed }) {
                        show.next(ended)?;
                    }
                    let progress = &progress;
                    if again {
                        progress.done(number, header.pixels())?;
                        lanes.begin(delay, 0, || Ok(None));
                        continue;
                    }
                    let image = Image::new(frames.header, samples.clone())?;
                    let ask = move |own| progress.ask(number, own);
                    lanes.begin(delay, needed, move || self.whole(image, request, header, &ask).map(Some));
                    last = Some(samples);
                }
                while let Some(ended) = lanes.end() {
                    show.next(ended)?;
                }
                Ok(())
            };
            let result = run();
            // Whoever is still at work need not be.
            progress.halt();
            result
        })
    }
}

/// Gives frames to a sink in their order.
struct Show<'a> {
    sink: &'a mut dyn FnMut(Frame) -> Result<()>,
    last: Option<Samples>,
}

impl Show<'_> {
    /// The next frame, which has no samples of its own if it repeats the last one.
    fn next(&mut self, (delay, made): Ended<Delay, Result<Option<Samples>>>) -> Result<()> {
        let made = made.unwrap_or_else(|_| Err(Error::request("the thread that made a frame panicked")))?;
        self.last = made.or(self.last.take());
        let samples = self.last.clone().ok_or_else(|| Error::request("the first frame repeats none"))?;
        (self.sink)(Frame { samples, delay })
    }
}
