//! A video as segments of equally many frames: which are missing, and how they are made one after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::{Encode, Encoder, Frame, Mark, Ratio, Segment, Tools, Work};
use crate::{Error, Result};

/// So many frames before the end of a segment the encoder of the next one is started: it needs a moment until it listens.
const AHEAD: u64 = 16;

/// Segments that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub first: u64,
    /// The one behind them, if any is there.
    pub end: Option<u64>,
    /// Where their first frame is; at the beginning if `None`.
    pub after: Option<Mark>,
}

/// Segments that are wanted: a shard of a video, or all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The first of them.
    pub first: u64,
    /// The one behind them; all that follow if `None`.
    pub end: Option<u64>,
    /// Where the first of them begins; at the beginning if `None`.
    pub after: Option<Mark>,
}

impl Wanted {
    /// Those of the finished segments that belong to it.
    pub fn of<'a>(
        &self,
        finished: &'a BTreeMap<u64, Segment>,
    ) -> impl Iterator<Item = (&'a u64, &'a Segment)> + use<'a> {
        finished.range(self.first..self.end.unwrap_or(u64::MAX).max(self.first))
    }

    /// What of it is not finished. Segments have `length` frames each.
    pub fn gaps(&self, finished: &BTreeMap<u64, Segment>, length: u64) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let (mut next, mut after) = (self.first, self.after.clone());
        for (&number, segment) in self.of(finished) {
            if number > next {
                gaps.push(Gap { first: next, end: Some(number), after: after.take() });
            }
            next = number + 1;
            after = Some(segment.mark(number * length));
            if segment.is_last {
                return gaps;
            }
        }
        if self.end.is_none_or(|end| next < end) {
            gaps.push(Gap { first: next, end: self.end, after });
        }
        gaps
    }
}

/// Digests of the frames with which segments end, as the decoder gave them.
pub type Digests = Arc<Mutex<BTreeMap<i64, String>>>;

/// Passes frames on and takes the digest of each that ends a segment.
pub struct Marked<I> {
    frames: I,
    length: u64,
    count: u64,
    digests: Digests,
}

impl<I> Marked<I> {
    /// Marks frames, of which the first is the first of a segment of `length` frames.
    pub fn new(frames: I, length: u64) -> Self {
        Self { frames, length, count: 0, digests: Digests::default() }
    }

    /// The digests, by time.
    pub fn digests(&self) -> Digests {
        self.digests.clone()
    }

    /// The frames' source.
    pub fn source(&self) -> &I {
        &self.frames
    }
}

impl<I: Iterator<Item = Result<Frame>>> Iterator for Marked<I> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Result<Frame>> {
        let frame = self.frames.next()?;
        if let Ok(frame) = &frame {
            self.count += 1;
            if self.count.is_multiple_of(self.length) {
                let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
                digests.insert(frame.pts, Mark::digest(frame));
            }
        }
        Some(frame)
    }
}

/// Makes segments from frames.
pub struct Segmenter<'a> {
    /// The programs.
    pub tools: &'a Tools,
    /// How frames are encoded.
    pub encode: &'a Encode,
    /// The unit of the frames' times.
    pub time_base: Ratio,
    /// How many frames a segment has.
    pub length: u64,
    /// Where segments are kept.
    pub work: Arc<Work>,
    /// The digests of the input's frames.
    pub digests: Digests,
    /// The number of the next segment.
    pub number: u64,
    state: State,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// The number of the segment after it, and its encoder, which has had no frame yet.
    next: Option<(u64, Encoder)>,
    /// The segment before, whose encoder may not have given its last packets yet.
    closing: Option<JoinHandle<Result<()>>>,
}

/// The segment that is being made.
struct Open {
    encoder: Encoder,
    frames: u64,
    first: i64,
    last: i64,
}

impl<'a> Segmenter<'a> {
    /// Makes segments from `number` on.
    pub fn new(
        (tools, encode, time_base): (&'a Tools, &'a Encode, Ratio),
        (work, length, number): (Arc<Work>, u64, u64),
        digests: Digests,
    ) -> Self {
        Self { tools, encode, time_base, length, work, digests, number, state: State::default() }
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// If it cannot be encoded, or the segment before cannot be kept.
    pub fn push(&mut self, frame: &Frame) -> Result<()> {
        if self.state.open.as_ref().is_some_and(|open| open.frames == self.length) {
            self.close(false)?;
        }
        let mut open = match self.state.open.take() {
            Some(open) => open,
            None => {
                let next = self.state.next.take().map_or_else(|| self.encoder(self.number), Ok);
                let (_, encoder) = next?;
                Open { encoder, frames: 0, first: frame.pts, last: frame.pts }
            }
        };
        (open.frames, open.last) = (open.frames + 1, frame.pts);
        if let Err(error) = open.encoder.frame(frame) {
            // The encoder itself knows best what is wrong.
            let failed = open.encoder.finish();
            self.work.discard(self.number);
            return Err(failed.err().unwrap_or(error));
        }
        let is_soon_full = open.frames + AHEAD.min(self.length.saturating_sub(1)) == self.length;
        self.state.open = Some(open);
        if is_soon_full {
            self.state.next = Some(self.encoder(self.number + 1)?);
        }
        Ok(())
    }

    /// Starts the encoder of the first segment, so that it listens when the first frame comes.
    ///
    /// # Errors
    /// As [`Segmenter::push`].
    pub fn start(&mut self) -> Result<()> {
        self.state.next = Some(self.encoder(self.number)?);
        Ok(())
    }

    fn encoder(&self, number: u64) -> Result<(u64, Encoder)> {
        let file = std::io::BufWriter::new(self.work.begin(number)?);
        Ok((number, Encoder::new(self.tools, self.encode, self.time_base, file)?))
    }

    /// Ends the last segment and waits until it is kept.
    ///
    /// # Errors
    /// As [`Segmenter::push`].
    pub fn finish(mut self, is_last: bool) -> Result<()> {
        if self.state.open.is_some() {
            self.close(is_last)?;
        }
        self.abandon();
        self.state.closing.take().map_or(Ok(()), joined)
    }

    /// Ends the encoder that has had no frame.
    fn abandon(&mut self) {
        if let Some((number, encoder)) = self.state.next.take() {
            drop(encoder);
            self.work.discard(number);
        }
    }

    /// Ends the segment, in the background: its encoder may need a while for its last packets.
    fn close(&mut self, is_last: bool) -> Result<()> {
        self.state.closing.take().map_or(Ok(()), joined)?;
        let Some(open) = self.state.open.take() else { return Ok(()) };
        let digest = self.digests.lock().unwrap_or_else(PoisonError::into_inner).remove(&open.last);
        let (work, number) = (self.work.clone(), self.number);
        self.number += 1;
        self.state.closing = Some(std::thread::spawn(move || {
            let Open { encoder, frames, first, last } = open;
            let kept = encoder.finish().and_then(|bytes| {
                let last = (last, digest.unwrap_or_default());
                work.keep(number, &Segment { frames, first, last, bytes, is_last })
            });
            if kept.is_err() {
                work.discard(number);
            }
            kept
        }));
        Ok(())
    }
}

impl Drop for Segmenter<'_> {
    fn drop(&mut self) {
        self.abandon();
        if let Some(open) = self.state.open.take() {
            drop(open);
            self.work.discard(self.number);
        }
        let _ = self.state.closing.take().map(joined);
    }
}

fn joined(closing: JoinHandle<Result<()>>) -> Result<()> {
    closing.join().unwrap_or_else(|_| Err(Error::misuse("the end of a segment panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_between_and_behind_what_is_there() {
        let segment = |is_last| Segment { frames: 10, first: 0, last: (9, "d".into()), bytes: 1, is_last };
        let finished = |numbers: &[u64], last: u64| {
            numbers.iter().map(|&n| (n, segment(n == last))).collect::<BTreeMap<_, _>>()
        };
        let all = Wanted::default();
        let shape = |finished| all.gaps(&finished, 10).iter().map(|g| (g.first, g.end)).collect::<Vec<_>>();
        assert_eq!(shape(finished(&[], 9)), [(0, None)]);
        assert_eq!(shape(finished(&[0, 1], 9)), [(2, None)]);
        assert_eq!(shape(finished(&[0, 3], 9)), [(1, Some(3)), (4, None)]);
        assert_eq!(shape(finished(&[1, 2], 2)), [(0, Some(1))]);
        assert_eq!(shape(finished(&[0, 1, 2], 2)), []);
        assert_eq!(all.gaps(&finished(&[0, 1], 9), 10)[0].after.as_ref().map(|mark| mark.frames), Some(20));
        let shard = Wanted { first: 2, end: Some(4), after: None };
        let gaps = |numbers: &[u64]| shard.gaps(&finished(numbers, 9), 10);
        assert_eq!(gaps(&[0, 1, 3, 4]), [Gap { first: 2, end: Some(3), after: None }]);
        assert_eq!((gaps(&[2, 3]).len(), gaps(&[2])[0].first), (0, 3));
        let there = finished(&[0, 1, 2, 4], 9);
        assert_eq!(shard.of(&there).map(|(&number, _)| number).collect::<Vec<_>>(), [2]);
    }
}
