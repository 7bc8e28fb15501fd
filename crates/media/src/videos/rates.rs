//! The rates of frames that encoders take. Where one does not take a video's own, it is told another: packets get the times of
//! their frames afterwards.

use super::Ratio;

/// Any rate.
pub(super) fn any(rate: Ratio) -> Ratio {
    rate
}

/// The nearest rate of MPEG-2: one of a list, times 1 to 4, through 1 to 32.
pub(super) fn mpeg2(rate: Ratio) -> Ratio {
    const LIST: [(u32, u32); 8] =
        [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1)];
    let factors = (1..=4).flat_map(|times| (1..=32).map(move |through| (times, through)));
    let known = factors.flat_map(|(times, through)| {
        LIST.into_iter().filter_map(move |(num, den)| Ratio::new(num * times, den * through))
    });
    let far = |known: &Ratio| (known.value() - rate.value()).abs();
    known.min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(rate)
}

/// The nearest rate of MPEG-4 part 2, which has 16 bits for both numbers.
pub(super) fn mpeg4(rate: Ratio) -> Ratio {
    const MOST: u32 = 65_535;
    if rate.num <= MOST && rate.den <= MOST {
        return rate;
    }
    let scale = f64::from(MOST) / f64::from(rate.num.max(rate.den));
    let [num, den] = [rate.num, rate.den].map(|number| (f64::from(number) * scale).round().max(1.0) as u32);
    Ratio::new(num, den).unwrap_or(rate)
}

/// The nearest rate of SVT-AV1: 1 to 240.
pub(super) fn svt_av1(rate: Ratio) -> Ratio {
    match rate.value() {
        ..1.0 => Ratio { num: 1, den: 1 },
        240.0.. => Ratio { num: 240, den: 1 },
        _ => rate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_that_encoders_take_stay_and_others_become_near_ones() {
        let near = |of: fn(Ratio) -> Ratio, rate: &str| of(rate.parse().unwrap()).to_string();
        for rate in ["24000/1001", "25/1", "12/1", "25/2", "100/1", "60000/1001"] {
            assert_eq!(near(mpeg2, rate), rate);
        }
        assert_eq!(near(mpeg2, "24999/1000"), "25/1");
        assert_eq!(
            (near(mpeg4, "30000/1001"), near(mpeg4, "65536/3")),
            ("30000/1001".into(), "21845/1".into())
        );
        assert_eq!(near(mpeg4, "1/70000"), "1/65535");
        let av1 = ["1/3", "24000/1001", "1000/1"].map(|rate| near(svt_av1, rate));
        assert_eq!(av1, ["1/1", "24000/1001", "240/1"]);
    }
}
