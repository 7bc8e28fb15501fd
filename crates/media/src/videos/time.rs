//! Exact times: fractions of seconds.

use std::fmt;
use std::str::FromStr;

/// A fraction: a time base in seconds, a rate of frames, an aspect ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// Above the line.
    pub num: u32,
    /// Below the line.
    pub den: u32,
}

impl Ratio {
    /// The fraction in lowest terms; `None` unless both numbers are positive.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// One divided by this.
    pub const fn inverse(self) -> Self {
        Self { num: self.den, den: self.num }
    }

    /// As a floating-point number.
    pub fn value(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// So many ticks of this time base, in seconds.
    pub fn seconds(self, ticks: i64) -> f64 {
        ticks as f64 * self.value()
    }

    /// The ticks of this time base that are nearest to so many seconds.
    pub fn ticks(self, seconds: f64) -> i64 {
        (seconds / self.value()).round() as i64
    }

    /// A time in ticks of this base, as ticks of another; `None` if that is no whole number or too large.
    pub fn exactly(self, ticks: i64, other: Self) -> Option<i64> {
        let top = i128::from(ticks) * i128::from(self.num) * i128::from(other.den);
        let bottom = i128::from(self.den) * i128::from(other.num);
        if top % bottom == 0 { i64::try_from(top / bottom).ok() } else { None }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl FromStr for Ratio {
    type Err = ();

    /// Two positive numbers with a slash or a colon between them: `24000/1001`, `8:9`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (num, den) = text.split_once(['/', ':']).ok_or(())?;
        Self::new(num.parse().map_err(|_| ())?, den.parse().map_err(|_| ())?).ok_or(())
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_change_their_base_exactly_or_not_at_all() {
        let film: Ratio = "1001/24000".parse().unwrap();
        let fine = Ratio { num: 1, den: 48000 };
        assert_eq!(film.exactly(3, fine), Some(6006));
        assert_eq!(fine.exactly(6006, film), Some(3));
        assert_eq!(fine.exactly(6007, film), None);
        assert_eq!(fine.exactly(-2002, film), Some(-1));
        assert_eq!(film.exactly(i64::MAX, fine), None);
        assert_eq!((film.ticks(1.0), film.seconds(24)), (24, 1.001));
    }

    #[test]
    fn fractions_are_positive_and_in_lowest_terms() {
        assert_eq!(Ratio::new(50, 2), Some(Ratio { num: 25, den: 1 }));
        for wrong in ["0/0", "1/0", "0:1", "-1/2", "1", "", "a/b"] {
            assert!(wrong.parse::<Ratio>().is_err(), "{wrong}");
        }
    }
}
