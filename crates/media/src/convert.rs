//! Samples of one shape to samples of another: depth, channels and transfer, with exact rounding.

use std::borrow::Cow;

use crate::colour::{LUMA, from_linear, to_linear};
use crate::{Channels, Depth, Error, Header, Result, Samples, Transfer};

/// Converts any number of whole rows from the shape `from` to the shape `to` (the heights are ignored).
///
/// - 16 to 8 bit: `round(v / 257)`; 8 to 16 bit: `v × 257`, so that 8 → 16 → 8 changes nothing.
/// - Float to integer: clipped to 0..=1, rounded to nearest (halves to even), not-a-number becomes 0; colours that are
///   [`Transfer::Linear`] go through the sRGB curve first. Integer to float is the reverse.
/// - Alpha appears as opaque. Where it disappears, the picture is laid on white.
/// - Grey to colour: the same value three times; colour to grey: luma by [`LUMA`].
///
/// # Errors
///
/// [`Error::Misuse`] if the widths differ, the depth is not that of `from`, or the rows are not whole.
pub fn convert(rows: &Samples, from: &Header, to: &Header) -> Result<Samples> {
    check(rows.len(), rows.depth(), from, to)?;
    Ok(match rows {
        Samples::U8(v) => reshaped(v, from, to),
        Samples::U16(v) => reshaped(v, from, to),
        Samples::F32(v) => reshaped(v, from, to),
    })
}

/// As [`convert()`], for floats.
///
/// # Errors
///
/// As [`convert()`].
pub fn convert_floats(rows: &[f32], from: &Header, to: &Header) -> Result<Samples> {
    check(rows.len(), Depth::F32, from, to)?;
    Ok(reshaped(rows, from, to))
}

fn check(samples: usize, depth: Depth, from: &Header, to: &Header) -> Result<()> {
    let whole = samples.is_multiple_of(from.row_samples().max(1));
    if from.width == to.width && depth == from.depth && whole {
        return Ok(());
    }
    Err(Error::misuse(format!(
        "cannot convert {samples} {depth:?} samples from rows of {} {:?} {:?} to rows of {} {:?} {:?}",
        from.width, from.channels, from.depth, to.width, to.channels, to.depth,
    )))
}

/// Changes the channels, then the transfer, then the depth.
fn reshaped<T: Sample>(rows: &[T], from: &Header, to: &Header) -> Samples {
    let rows = relay(rows, from.channels, to.channels);
    // Only floats can be linear.
    let transfer =
        |header: &Header| if header.depth == Depth::F32 { header.transfer } else { Transfer::Encoded };
    match curve(transfer(from), transfer(to)) {
        None => redepth(rows, to.depth),
        Some(curve) => redepth(Cow::Owned(curved(&rows, to.channels, curve)), to.depth),
    }
}

/// Changes the channels, in the depth and encoding that the samples have.
fn relay<T: Sample>(rows: &[T], from: Channels, to: Channels) -> Cow<'_, [T]> {
    if from == to {
        return Cow::Borrowed(rows);
    }
    let mut out = Vec::with_capacity(rows.len() / from.count() * to.count());
    for pixel in rows.chunks_exact(from.count()) {
        let alpha = if from.has_alpha() { pixel[from.count() - 1] } else { T::WHITE };
        let mut colour = if from.colours() == 3 { [pixel[0], pixel[1], pixel[2]] } else { [pixel[0]; 3] };
        if from.has_alpha() && !to.has_alpha() {
            colour = colour.map(|c| T::on_white(c, alpha));
        }
        match (from.colours(), to.colours()) {
            (3, 1) => out.push(T::grey(colour)),
            (_, n) => out.extend_from_slice(&colour[..n]),
        }
        if to.has_alpha() {
            out.push(alpha);
        }
    }
    Cow::Owned(out)
}

/// Floats whose colours have gone through a curve, and whose alpha has not.
fn curved<T: Sample>(rows: &[T], channels: Channels, curve: fn(f32) -> f32) -> Vec<f32> {
    let mut out: Vec<f32> = rows.iter().map(|v| v.float()).collect();
    for pixel in out.chunks_exact_mut(channels.count()) {
        pixel[..channels.colours()].iter_mut().for_each(|v| *v = curve(*v));
    }
    out
}

/// Changes the depth.
fn redepth<T: Sample>(rows: Cow<[T]>, depth: Depth) -> Samples {
    match depth {
        _ if depth == T::DEPTH => T::samples(rows.into_owned()),
        Depth::U8 => Samples::U8(rows.iter().map(|v| v.narrow()).collect()),
        Depth::U16 => Samples::U16(rows.iter().map(|v| v.widen()).collect()),
        Depth::F32 => Samples::F32(rows.iter().map(|v| v.float()).collect()),
    }
}

/// 16 to 8 bit, rounded to nearest.
pub(crate) fn narrow(v: u16) -> u8 {
    ((u32::from(v) + 128) / 257) as u8
}

/// 8 to 16 bit, exactly.
pub(crate) fn widen(v: u8) -> u16 {
    u16::from(v) * 257
}

/// The nearest integer in `0..=max`, the even one of two; 0 for what is no number.
///
/// Adding 2^23 leaves the integer in the low bits of the mantissa, which vectorises as saturating casts do not.
pub(crate) fn rounded(value: f32, max: f32) -> u16 {
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < max { value } else { max };
    (value + 8_388_608.0).to_bits() as u16
}

/// The curve from one transfer to the other, if they differ.
fn curve(from: Transfer, to: Transfer) -> Option<fn(f32) -> f32> {
    match (from, to) {
        (Transfer::Encoded, Transfer::Linear) => Some(to_linear),
        (Transfer::Linear, Transfer::Encoded) => Some(from_linear),
        _ => None,
    }
}

/// What the conversions need to know about a sample type.
trait Sample: Copy {
    const DEPTH: Depth;
    const WHITE: Self;
    fn on_white(colour: Self, alpha: Self) -> Self;
    fn grey(rgb: [Self; 3]) -> Self;
    fn narrow(self) -> u8;
    fn widen(self) -> u16;
    fn float(self) -> f32;
    fn samples(rows: Vec<Self>) -> Samples;
}

impl Sample for u8 {
    const DEPTH: Depth = Depth::U8;
    const WHITE: u8 = 255;
    fn on_white(colour: u8, alpha: u8) -> u8 {
        let (c, a) = (u32::from(colour), u32::from(alpha));
        ((c * a + 255 * (255 - a) + 127) / 255) as u8
    }
    fn grey(rgb: [u8; 3]) -> u8 {
        (crate::colour::luma(rgb.map(f32::from)) + 0.5) as u8
    }
    fn narrow(self) -> u8 {
        self
    }
    fn widen(self) -> u16 {
        widen(self)
    }
    fn float(self) -> f32 {
        f32::from(self) / 255.0
    }
    fn samples(rows: Vec<u8>) -> Samples {
        Samples::U8(rows)
    }
}

impl Sample for u16 {
    const DEPTH: Depth = Depth::U16;
    const WHITE: u16 = 65535;
    fn on_white(colour: u16, alpha: u16) -> u16 {
        let (c, a) = (u64::from(colour), u64::from(alpha));
        ((c * a + 65535 * (65535 - a) + 32767) / 65535) as u16
    }
    fn grey(rgb: [u16; 3]) -> u16 {
        (crate::colour::luma(rgb.map(f32::from)) + 0.5) as u16
    }
    fn narrow(self) -> u8 {
        narrow(self)
    }
    fn widen(self) -> u16 {
        self
    }
    fn float(self) -> f32 {
        f32::from(self) / 65535.0
    }
    fn samples(rows: Vec<u16>) -> Samples {
        Samples::U16(rows)
    }
}

impl Sample for f32 {
    const DEPTH: Depth = Depth::F32;
    const WHITE: f32 = 1.0;
    fn on_white(colour: f32, alpha: f32) -> f32 {
        colour * alpha + (1.0 - alpha)
    }
    fn grey(rgb: [f32; 3]) -> f32 {
        rgb.iter().zip(LUMA).map(|(c, w)| c * w).sum()
    }
    fn narrow(self) -> u8 {
        rounded(self * 255.0, 255.0) as u8
    }
    fn widen(self) -> u16 {
        rounded(self * 65535.0, 65535.0)
    }
    fn float(self) -> f32 {
        self
    }
    fn samples(rows: Vec<f32>) -> Samples {
        Samples::F32(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::{convert, narrow, rounded, widen};
    use crate::{Channels, Depth, Header, Samples, Transfer};

    #[test]
    fn rounding_is_to_nearest_and_clips() {
        for i in 0..=65535_u16 {
            let v = f32::from(i);
            assert_eq!([rounded(v - 0.25, 65535.0), rounded(v + 0.25, 65535.0)], [i; 2]);
        }
        assert_eq!([0.5, 1.5, 254.5].map(|v| rounded(v, 255.0)), [0, 2, 254]);
        let ends = [-3.0, f32::NAN, f32::NEG_INFINITY, 1023.4, 1e9, f32::INFINITY];
        assert_eq!(ends.map(|v| rounded(v, 1023.0)), [0, 0, 0, 1023, 1023, 1023]);
    }

    #[test]
    fn narrowing_is_rounding_to_nearest() {
        for v in 0..=65535u16 {
            assert_eq!(narrow(v), (f64::from(v) / 257.0).round() as u8, "{v}");
        }
        for v in 0..=255u8 {
            assert_eq!(narrow(widen(v)), v);
        }
    }

    #[test]
    fn linear_floats_go_through_the_curve_and_are_clipped() {
        let from =
            Header { transfer: Transfer::Linear, ..Header::new(2, 1, Channels::GreyAlpha, Depth::F32) };
        let to = Header::new(2, 1, Channels::GreyAlpha, Depth::U8);
        let got = convert(&Samples::F32(vec![0.214_041_14, 0.5, 7.0, f32::NAN]), &from, &to).unwrap();
        assert_eq!(got, Samples::U8(vec![128, 128, 255, 0]));
        let back = Header { transfer: Transfer::Linear, ..to };
        let all = Samples::U8((0..=255).collect());
        let (a, b) =
            (Header { width: 256, channels: Channels::Grey, ..to }, Header { depth: Depth::F32, ..back });
        let b = Header { width: 256, channels: Channels::Grey, ..b };
        assert_eq!(convert(&convert(&all, &a, &b).unwrap(), &b, &a).unwrap(), all);
    }

    #[test]
    fn flattening_on_white_and_relayouts() {
        let rgba = Header::new(1, 1, Channels::Rgba, Depth::U8);
        let to = |channels| Header { channels, ..rgba };
        let pixel = Samples::U8(vec![0, 100, 255, 51]);
        assert_eq!(convert(&pixel, &rgba, &to(Channels::Rgb)).unwrap(), Samples::U8(vec![204, 224, 255]));
        let grey = Samples::U8(vec![9]);
        let got = convert(&grey, &to(Channels::Grey), &to(Channels::Rgba)).unwrap();
        assert_eq!(got, Samples::U8(vec![9, 9, 9, 255]));
        assert!(convert(&grey, &rgba, &rgba).is_err());
    }
}
