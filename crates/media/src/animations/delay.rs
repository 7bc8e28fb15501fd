//! How long frames are shown, and how often an animation plays.

use crate::{Error, Result};

/// A time in seconds, as the fraction that a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    /// Above the line.
    pub numerator: u32,
    /// Below the line; at least 1.
    pub denominator: u32,
}

/// How often an animation plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Loops {
    /// Again and again.
    #[default]
    Forever,
    /// So many times in all, at least once.
    Times(u32),
}

impl Delay {
    /// So many hundredths of a second, or thousandths, or whatever `per_second` is.
    pub const fn new(numerator: u32, per_second: u32) -> Self {
        Delay { numerator, denominator: if per_second == 0 { 1 } else { per_second } }
    }

    /// The time in seconds.
    pub fn seconds(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator.max(1))
    }

    /// The same time in lowest terms.
    pub fn reduced(self) -> Delay {
        let divisor = gcd(self.numerator, self.denominator).max(1);
        Delay::new(self.numerator / divisor, self.denominator / divisor)
    }

    /// The same time as a fraction whose parts are at most `most`, exactly if there is one, else to the nearest
    /// thousandth, hundredth, tenth or whole second.
    pub(super) fn within(self, most: u32) -> Option<Delay> {
        let exact = [self, self.reduced()].into_iter().find(|d| d.numerator <= most && d.denominator <= most);
        exact.or_else(|| {
            [1000, 100, 10, 1].into_iter().find_map(|per_second| {
                let ticks = (self.seconds() * f64::from(per_second)).round();
                (ticks <= f64::from(most)).then(|| Delay::new(ticks as u32, per_second))
            })
        })
    }
}

/// Rounds delays to ticks of a format such that the errors do not add up.
pub(super) struct Clock {
    format: &'static str,
    per_second: u32,
    most: u32,
    /// The true time so far, in ticks.
    time: f64,
    /// The ticks so far.
    ticks: f64,
}

impl Clock {
    /// The clock of a format with so many ticks per second, of which a frame may take at most `most`.
    pub(super) fn new(format: &'static str, per_second: u32, most: u32) -> Self {
        Clock { format, per_second, most, time: 0.0, ticks: 0.0 }
    }

    /// The ticks for the next frame.
    pub(super) fn ticks(&mut self, delay: Delay) -> Result<u32> {
        self.time += delay.seconds() * f64::from(self.per_second);
        let ticks = (self.time - self.ticks).round().max(0.0);
        if ticks > f64::from(self.most) {
            let what = format!("{} cannot show a frame for {:.1} seconds", self.format, delay.seconds());
            return Err(Error::Limit { what, limit: u64::from(self.most / self.per_second) });
        }
        self.ticks += ticks;
        Ok(ticks as u32)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Delay};

    #[test]
    fn whole_ticks_stay_as_they_are() {
        let mut clock = Clock::new("gif", 100, 65535);
        for ticks in [0, 1, 7, 100, 65535] {
            assert_eq!(clock.ticks(Delay::new(ticks, 100)).unwrap(), ticks);
        }
        assert!(clock.ticks(Delay::new(65536, 100)).is_err());
    }

    #[test]
    fn errors_do_not_add_up() {
        let mut clock = Clock::new("gif", 100, 65535);
        let ticks: u32 = (0..240).map(|_| clock.ticks(Delay::new(1001, 24000)).unwrap()).sum();
        assert_eq!(ticks, 1001);
    }

    #[test]
    fn fractions_are_exact_where_they_fit() {
        assert_eq!(Delay::new(1001, 24000).within(65535), Some(Delay::new(1001, 24000)));
        assert_eq!(Delay::new(70_000, 1000).within(65535), Some(Delay::new(70, 1)));
        assert_eq!(Delay::new(70_001, 1000).within(65535), Some(Delay::new(7000, 100)));
        assert_eq!(Delay::new(u32::MAX, 1).within(65535), None);
    }
}
