//! Numbers as people write them, read and written.

use std::ops::Range;

use amplio::media::animations::Delay;
use amplio::{Fit, Size, TileSize, amount};

/// A scale: `4`, `3.5`, `2x`.
pub(crate) fn scale(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix(['x', 'X']).unwrap_or(text);
    match number.parse() {
        Ok(scale) if scale > 0.0 && f64::is_finite(scale) => Ok(scale),
        _ => Err("a scale is a number above 0, such as 4 or 3.5".into()),
    }
}

/// A part of a whole: from `0` to `1`.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to 1".into())
}

/// How long a frame lasts, from frames per second: `25`, `23.976`, `30000/1001`.
pub(crate) fn rate(text: &str) -> Result<Delay, String> {
    let wrong = || "frames per second are a number above 0, such as 25 or 30000/1001".to_owned();
    let whole = |text: &str| text.parse::<u32>().ok().filter(|number| (1..=1_000_000).contains(number));
    if let Some((frames, seconds)) = text.split_once('/') {
        return Ok(Delay::new(whole(seconds).ok_or_else(wrong)?, whole(frames).ok_or_else(wrong)?));
    }
    if let Some(frames) = whole(text) {
        return Ok(Delay::new(1, frames));
    }
    let frames: f64 = text.parse().ok().filter(|f| (0.001..=1e6).contains(f)).ok_or_else(wrong)?;
    Ok(Delay::new(1000, (frames * 1000.0).round() as u32))
}

/// A width, a height or both: `3840x`, `x2160`, `1920x1080`. What happens to the shape is decided elsewhere.
pub(crate) fn size(text: &str) -> Result<Size, String> {
    let wrong = || "a size is 3840x (wide), x2160 (high) or 1920x1080".to_owned();
    let (width, height) = text.split_once(['x', 'X', '×']).ok_or_else(wrong)?;
    match (width, height) {
        ("", height) => side(height).map(Size::Height).map_err(|_| wrong()),
        (width, "") => side(width).map(Size::Width).map_err(|_| wrong()),
        (width, height) => {
            let (width, height) = (side(width).map_err(|_| wrong())?, side(height).map_err(|_| wrong())?);
            Ok(Size::Exact { width, height, fit: Fit::Contain })
        }
    }
}

/// A width and a height: `1920x1080`.
pub(crate) fn sides(text: &str) -> Result<[u32; 2], String> {
    match size(text) {
        Ok(Size::Exact { width, height, .. }) => Ok([width, height]),
        _ => Err("a width and a height are 1920x1080".into()),
    }
}

/// A number of pixels along a side.
pub(crate) fn side(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(side) if side > 0 => Ok(side),
        _ => Err("a side is a whole number of pixels above 0".into()),
    }
}

/// A number of pixels: `8MP`, `50M`, `1000000`.
pub(crate) fn pixels(text: &str) -> Result<u64, String> {
    let upper = text.to_ascii_uppercase();
    let number = upper.strip_suffix('P').unwrap_or(&upper);
    amount(number, 1000).filter(|&n| n > 0).ok_or_else(|| "a number of pixels is 8MP, 50M or 1000000".into())
}

/// A number of bytes: `512M`, `2G`, `1.5GiB`, `100000000`.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let upper = text.to_ascii_uppercase();
    let number = upper.strip_suffix("IB").or(upper.strip_suffix('B')).unwrap_or(&upper);
    let bytes = amount(number, 1024).and_then(|n| usize::try_from(n).ok());
    bytes.filter(|&n| n > 0).ok_or_else(|| "an amount of memory is 512M, 2G or a number of bytes".into())
}

/// How a picture is cut: `auto`, `off`, or the side of a tile.
pub(crate) fn tile(text: &str) -> Result<TileSize, String> {
    match text {
        "auto" => Ok(TileSize::Auto),
        "off" => Ok(TileSize::Off),
        number => {
            side(number).map(TileSize::Pixels).map_err(|_| "a tile is auto, off or a number of pixels".into())
        }
    }
}

/// A part of a picture: `x,y,width,height`.
pub(crate) fn region(text: &str) -> Result<[u32; 4], String> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, width, height]) if width > 0 && height > 0 => Ok([x, y, width, height]),
        _ => Err("a region is x,y,width,height in pixels, such as 100,50,200,200".into()),
    }
}

/// A time: seconds, or hours, minutes and seconds with colons between them.
pub(crate) fn time(text: &str) -> Result<f64, String> {
    let wrong = || "a time is 90, 1:30 or 1:02:03.5".to_owned();
    let parts: Vec<f64> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    if parts.len() > 3 || parts.iter().any(|part| !part.is_finite() || *part < 0.0) {
        return Err(wrong());
    }
    Ok(parts.iter().fold(0.0, |seconds, part| seconds * 60.0 + part))
}

/// A run of numbers: `10..20`, `10..`, `..20`.
pub(crate) fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || "a run of frames is 10..20, 10.. or ..20".to_owned();
    let (first, end) = text.split_once("..").ok_or_else(wrong)?;
    let number =
        |text: &str, none| if text.is_empty() { Ok(none) } else { text.parse().map_err(|_| wrong()) };
    let (first, end) = (number(first, 0)?, number(end, u64::MAX)?);
    if first < end { Ok(first..end) } else { Err(wrong()) }
}

/// Bytes for people.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// A large number for people: `1.2 M`.
pub(crate) fn show_count(count: f64) -> String {
    match count {
        c if c >= 1e9 => format!("{:.2} G", c / 1e9),
        c if c >= 1e6 => format!("{:.2} M", c / 1e6),
        c if c >= 1e3 => format!("{:.1} K", c / 1e3),
        c => format!("{c:.0}"),
    }
}

/// A time for people: `45 ms`, `3.2 s`, `4 min 05 s`, `2 h 07 min`.
pub(crate) fn show_seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1000.0),
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A scale for names: `4`, `3.5`.
pub(crate) fn show_scale(scale: f64) -> String {
    format!("{scale:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number and what it counts.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(size("3840x"), Ok(Size::Width(3840)));
        assert_eq!(size("x2160"), Ok(Size::Height(2160)));
        assert_eq!(size("640x480"), Ok(Size::Exact { width: 640, height: 480, fit: Fit::Contain }));
        for wrong in ["", "x", "640", "0x480", "640x-1", "axb"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!((rate("24"), rate("30000/1001")), (Ok(Delay::new(1, 24)), Ok(Delay::new(1001, 30000))));
        assert_eq!(rate("23.976"), Ok(Delay::new(1000, 23976)));
        for wrong in ["", "0", "-1", "1/0", "nan", "1e9"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!((scale("4"), scale("2.5x")), (Ok(4.0), Ok(2.5)));
        for wrong in ["0", "-1", "nan", "inf", "", "x"] {
            assert!(scale(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_have_units() {
        assert_eq!((pixels("8MP"), pixels("50m"), pixels("1000")), (Ok(8_000_000), Ok(50_000_000), Ok(1000)));
        assert_eq!(
            (bytes("512M"), bytes("1.5GiB"), bytes("64kb")),
            (Ok(512 << 20), Ok(3 << 29), Ok(64 << 10))
        );
        for wrong in ["", "M", "-1M", "1X", "0", "nan"] {
            assert!(pixels(wrong).is_err() && bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(tile("256"), Ok(TileSize::Pixels(256)));
        assert_eq!(region("1, 2,3,4"), Ok([1, 2, 3, 4]));
        assert!(region("1,2,3,0").is_err() && region("1,2,3").is_err());
    }

    #[test]
    fn times_and_runs_are_read_as_people_write_them() {
        assert_eq!((time("90"), time("1:30"), time("1:02:03.5")), (Ok(90.0), Ok(90.0), Ok(3723.5)));
        assert_eq!((range("3..5"), range("3.."), range("..5")), (Ok(3..5), Ok(3..u64::MAX), Ok(0..5)));
        for wrong in ["", "a", "-1", "1:2:3:4", "nan", "5..5", "5..3", "1...2"] {
            assert!(time(wrong).is_err() && range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_shown_short() {
        assert_eq!(
            (show_scale(4.0), show_scale(3.5), show_scale(354.0 / 101.0)),
            ("4".into(), "3.5".into(), "3.5".into())
        );
        assert_eq!((show_bytes(1023), show_bytes(3 << 19)), ("1023 B".into(), "1.5 MiB".into()));
        assert_eq!(
            (show_seconds(0.0451), show_seconds(3.21), show_seconds(65.0)),
            ("45 ms".into(), "3.2 s".into(), "1 min 05 s".into())
        );
    }
}
