//! Pictures that become a video: those of an animation, or of files.

use std::collections::BTreeMap;

use super::{Colour, Ending, Format, Frame, Kind, Mark, Probe, Ratio, Stream, Video, from_image};
use crate::animations::{self, Delay, Limits};
use crate::{Channels, Error, Header, Image, Result, Samples, Sequence};

/// The finest unit of times, in parts of a second. What it does not divide is rounded to it.
const FINEST: u32 = 1_000_000;

/// No rate is less than one picture in so many ticks: encoders count in 31 bits.
const LONGEST: u32 = 1 << 30;

/// How long a picture is shown whose file says no time at all; what viewers do.
const UNSAID: Delay = Delay::new(1, 10);

/// Frames in order.
type Frames<'a> = Box<dyn Iterator<Item = Result<Frame>> + Send + 'a>;

/// Pictures that are shown one after the other, as the frames of a video that has no other streams.
#[derive(Clone, Debug)]
pub struct Slides {
    pictures: Pictures,
    /// The shape of every picture.
    header: Header,
    /// That of every frame: red, green and blue also for pictures in grey, as few players show videos without colours.
    format: &'static Format,
    /// The unit of times, in seconds.
    time_base: Ratio,
    /// When each picture is shown, and after them when the last one ends.
    times: Vec<i64>,
}

#[derive(Clone, Debug)]
enum Pictures {
    /// The file of an animation.
    Animation(Vec<u8>),
    Files(Box<Sequence>),
}

impl Slides {
    /// The pictures of an animation, each for its own time, once; `None` if the file holds no more than one. All are decoded to
    /// learn their times.
    ///
    /// # Errors
    /// As [`animations::open`].
    pub fn of_animation(bytes: Vec<u8>, limits: &Limits) -> Result<Option<Self>> {
        let Some(mut animation) = animations::open(&bytes, limits)? else { return Ok(None) };
        let header = animation.header;
        let delays = animation.by_ref().map(|frame| Ok(frame?.delay)).collect::<Result<Vec<_>>>()?;
        drop(animation);
        Self::new(Pictures::Animation(bytes), header, &delays).map(Some)
    }

    /// Pictures of files, each for as long.
    ///
    /// # Errors
    /// [`Error::Misuse`] if there are none.
    pub fn of_files(files: Sequence, delay: Delay) -> Result<Self> {
        let (header, delays) = (files.header, vec![delay; files.count()]);
        Self::new(Pictures::Files(Box::new(files)), header, &delays)
    }

    fn new(pictures: Pictures, header: Header, delays: &[Delay]) -> Result<Self> {
        let format = Format::of_pictures(Channels::of(3, header.channels.has_alpha()), header.depth);
        let format = format.filter(|_| !delays.is_empty()).ok_or_else(|| Error::misuse("no pictures"))?;
        let (time_base, times) = times(delays);
        Ok(Self { pictures, header, format, time_base, times })
    }

    /// How many pictures there are.
    pub fn count(&self) -> usize {
        self.times.len() - 1
    }

    /// What a probe of a file with these pictures would tell.
    pub fn probe(&self) -> Probe {
        let Header { width, height, .. } = self.header;
        let (count, format) = (self.count(), self.format);
        let seconds = self.time_base.seconds(self.times[count]);
        let stream = Stream {
            kind: Kind::Video,
            codec: format.name.into(),
            tags: BTreeMap::new(),
            dispositions: vec!["default".into()],
        };
        let video = Video {
            width,
            height,
            pixels: format.name.into(),
            format,
            decoder: None,
            time_base: self.time_base,
            start: Some(0),
            end: Some(self.times[count]),
            begins_broken: false,
            is_joinable: false,
            rate: self.rate(),
            frames: Some(count as u64),
            sample_aspect: None,
            turns: 0,
            interlaced: false,
            colour: Colour::default(),
            hdr: (None, None),
        };
        let (start, duration) = (Some(0.0), Some(seconds));
        Probe {
            format: "pictures".into(),
            start,
            duration,
            streams: vec![stream],
            chapters: 0,
            main: 0,
            video,
        }
    }

    /// How a video ends whose last frame is shown at this time; `None` if no picture is.
    pub fn ending(&self, pts: i64) -> Option<Ending> {
        let number = self.times.binary_search(&pts).ok()?;
        let length = self.times.get(number + 1)? - pts;
        let shortest = self.times.windows(2).map(|pair| pair[1] - pair[0]).min()?;
        Some(Ending { pts, length, shortest })
    }

    /// The frames after a mark, or all.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the frame of the mark is not there; as [`animations::open`].
    pub fn after(&self, mark: Option<&Mark>) -> Result<Frames<'_>> {
        let Some(mark) = mark else { return self.numbered(0) };
        let mut frames = self.starting(mark.pts)?;
        let frame = frames.next().transpose()?;
        if frame.is_none_or(|frame| frame.pts != mark.pts || Mark::digest(&frame) != mark.digest) {
            return Err(Error::unsupported("the pictures are no longer those that they were"));
        }
        Ok(frames)
    }

    /// The frames from the first one on that is shown at a time or later.
    ///
    /// # Errors
    /// As [`animations::open`].
    pub fn starting(&self, pts: i64) -> Result<Frames<'_>> {
        self.numbered(self.times[..self.count()].partition_point(|&time| time < pts))
    }

    /// The frames from a number on.
    fn numbered(&self, first: usize) -> Result<Frames<'_>> {
        let pictures: Box<dyn Iterator<Item = Result<Samples>> + Send> = match &self.pictures {
            Pictures::Animation(bytes) => {
                let animation = animations::open(bytes, &Limits::default())?;
                let animation = animation.ok_or_else(|| Error::unsupported("it holds only one picture"))?;
                Box::new(animation.skip(first).map(|frame| Ok(frame?.samples)))
            }
            Pictures::Files(files) => Box::new((first..files.count()).map(|number| files.read(number))),
        };
        let times = self.times[first..self.count()].iter();
        Ok(Box::new(pictures.zip(times).map(|(samples, &pts)| self.frame(samples?, pts))))
    }

    fn frame(&self, samples: Samples, pts: i64) -> Result<Frame> {
        let image = Image::new(self.header, samples)?;
        let data = from_image(&image, self.format, &Colour::default())?;
        Frame::new(self.format, image.width, image.height, data, pts)
    }

    /// Pictures in a second: exactly if all are shown as long, otherwise on average.
    fn rate(&self) -> Ratio {
        let count = self.count() as u64;
        let total = self.times[self.count()].unsigned_abs().max(1);
        let even = total.is_multiple_of(count)
            && self.times.windows(2).all(|pair| pair[1] - pair[0] == (total / count) as i64);
        let exact = u32::try_from(total / count).ok().filter(|&ticks| even && ticks <= LONGEST);
        let average = (1000.0 * count as f64 / self.time_base.seconds(total as i64)).clamp(1.0, 1e9) as u32;
        let exact = exact.and_then(|ticks| Ratio::new(self.time_base.den, ticks));
        exact.or(Ratio::new(average, 1000)).unwrap_or(Ratio { num: 1, den: 1 })
    }
}

/// The unit of times, in seconds, and when pictures with these delays begin; at the end when the last one ends.
fn times(delays: &[Delay]) -> (Ratio, Vec<i64>) {
    let delays = delays.iter().map(|delay| if delay.numerator == 0 { UNSAID } else { delay.reduced() });
    let shared = |unit: u32, delay: Delay| {
        let common = u64::from(unit) * u64::from(delay.denominator) / u64::from(gcd(unit, delay.denominator));
        u32::try_from(common).ok().filter(|&unit| unit <= FINEST)
    };
    let unit = delays.clone().try_fold(1, shared).unwrap_or(FINEST);
    // In ticks. Whole ones are exact.
    let (mut time, mut times) = (0.0, vec![0]);
    for Delay { numerator, denominator } in delays {
        time += (u64::from(numerator) * u64::from(unit)) as f64 / f64::from(denominator);
        times.push((time.round() as i64).max(times[times.len() - 1] + 1));
    }
    (Ratio { num: 1, den: unit }, times)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Depth;

    fn slides(delays: &[Delay]) -> Slides {
        let header = Header::new(1, 1, Channels::Rgb, Depth::U8);
        Slides::new(Pictures::Animation(Vec::new()), header, delays).unwrap()
    }

    #[test]
    fn every_picture_keeps_its_time() {
        let film = slides(&[Delay::new(1001, 24000); 4]);
        assert_eq!((film.time_base.den, &film.times[..]), (24000, &[0, 1001, 2002, 3003, 4004][..]));
        assert_eq!(film.rate(), Ratio { num: 24000, den: 1001 });
        let mixed = slides(&[Delay::new(5, 100), Delay::new(1, 3), Delay::new(0, 100), Delay::new(300, 100)]);
        assert_eq!((mixed.time_base.den, &mixed.times[..]), (60, &[0, 3, 23, 29, 209][..]));
        assert_eq!(mixed.ending(29), Some(Ending { pts: 29, length: 180, shortest: 3 }));
        assert_eq!((mixed.ending(209), mixed.ending(1)), (None, None));
        assert_eq!(mixed.rate(), Ratio::new(1148, 1000).unwrap());
    }

    #[test]
    fn times_that_no_unit_divides_are_rounded_and_still_grow() {
        let primes = slides(&[Delay::new(1, 65537), Delay::new(1, 65539), Delay::new(1, u32::MAX)]);
        assert_eq!((primes.time_base.den, &primes.times[..]), (FINEST, &[0, 15, 31, 32][..]));
        assert_eq!(slides(&[Delay::new(u32::MAX, 1)]).rate(), Ratio::new(1, 1000).unwrap());
    }
}
