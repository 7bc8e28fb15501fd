//! Colours of invisible pixels, so that nobody who looks at neighbouring pixels sees them by accident.

use crate::{Channels, Image, Samples};

/// Gives fully transparent pixels the colour of visible ones near them, so that filters and networks see no
/// black halo around what is visible. Alpha and the colours of visible pixels (alpha above 0) are unchanged.
///
/// Colours spread from the visible border outward, one pixel per wave, each new pixel the mean of its
/// already coloured eight neighbours; after `radius` waves the rest gets the mean colour of the visible
/// pixels. Pictures without alpha, or without any visible pixel, stay as they are.
///
/// Takes one byte per pixel and the current wave beside the picture.
pub fn bleed(image: &mut Image, radius: u32) {
    if !image.channels.has_alpha() {
        return;
    }
    let (width, height) = (image.width as usize, image.height as usize);
    let count = image.channels.count();
    match &mut image.samples {
        Samples::U8(v) => spread(v, width, height, count, radius),
        Samples::U16(v) => spread(v, width, height, count, radius),
        Samples::F32(v) => spread(v, width, height, count, radius),
    }
}

/// Divides colours by alpha: from associated (premultiplied) to straight.
pub(crate) fn unassociate(samples: &mut Samples, channels: Channels) {
    let count = channels.count();
    match samples {
        Samples::U8(v) => divide(v, count, 255.0),
        Samples::U16(v) => divide(v, count, 65535.0),
        Samples::F32(v) => divide(v, count, f64::INFINITY),
    }
}

fn divide<T: Sample>(samples: &mut [T], count: usize, max: f64) {
    let scale = if max.is_finite() { max } else { 1.0 };
    for pixel in samples.chunks_exact_mut(count) {
        let alpha = pixel[count - 1].value() / scale;
        if alpha > 0.0 {
            for colour in &mut pixel[..count - 1] {
                *colour = T::from_value((colour.value() / alpha).min(max));
            }
        }
    }
}

const UNKNOWN: u8 = 0;
const COLOURED: u8 = 1;
/// In the wave that is being computed: not yet a source for others.
const WAVE: u8 = 2;

fn spread<T: Sample>(samples: &mut [T], width: usize, height: usize, count: usize, radius: u32) {
    let colours = count - 1;
    let mut state: Vec<u8> =
        samples.chunks_exact(count).map(|p| u8::from(p[colours].value() > 0.0)).collect();
    let mut sums = [0.0; 3];
    let mut visible = 0.0;
    for pixel in samples.chunks_exact(count).filter(|p| p[colours].value() > 0.0) {
        for (sum, colour) in sums.iter_mut().zip(&pixel[..colours]) {
            *sum += colour.value();
        }
        visible += 1.0;
    }
    if visible == 0.0 {
        return;
    }
    let mut wave: Vec<usize> = Vec::new();
    for at in 0..state.len() {
        if state[at] == UNKNOWN && neighbours(at, width, height).any(|n| state[n] == COLOURED) {
            wave.push(at);
        }
    }
    wave.iter().for_each(|&at| state[at] = WAVE);
    for _ in 0..radius {
        if wave.is_empty() {
            break;
        }
        for &at in &wave {
            let mut sums = [0.0; 3];
            let mut known = 0.0;
            for n in neighbours(at, width, height).filter(|&n| state[n] == COLOURED) {
                known += 1.0;
                for (sum, colour) in sums.iter_mut().zip(&samples[n * count..n * count + colours]) {
                    *sum += colour.value();
                }
            }
            for (i, sum) in sums[..colours].iter().enumerate() {
                samples[at * count + i] = T::from_value(sum / known);
            }
        }
        wave.iter().for_each(|&at| state[at] = COLOURED);
        let mut next = Vec::new();
        for &at in &wave {
            for n in neighbours(at, width, height) {
                if state[n] == UNKNOWN {
                    state[n] = WAVE;
                    next.push(n);
                }
            }
        }
        wave = next;
    }
    for (at, pixel) in samples.chunks_exact_mut(count).enumerate() {
        if state[at] != COLOURED {
            for (colour, sum) in pixel[..colours].iter_mut().zip(sums) {
                *colour = T::from_value(sum / visible);
            }
        }
    }
}

/// The up to eight neighbours of a pixel.
fn neighbours(at: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % width, at / width);
    let columns = x.saturating_sub(1)..(x + 2).min(width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |y| columns.clone().map(move |x| y * width + x)).filter(move |&n| n != at)
}

trait Sample: Copy {
    fn value(self) -> f64;
    fn from_value(value: f64) -> Self;
}

impl Sample for u8 {
    fn value(self) -> f64 {
        f64::from(self)
    }
    fn from_value(value: f64) -> u8 {
        (value + 0.5) as u8
    }
}

impl Sample for u16 {
    fn value(self) -> f64 {
        f64::from(self)
    }
    fn from_value(value: f64) -> u16 {
        (value + 0.5) as u16
    }
}

impl Sample for f32 {
    fn value(self) -> f64 {
        f64::from(self)
    }
    fn from_value(value: f64) -> f32 {
        value as f32
    }
}

#[cfg(test)]
mod tests {
    use super::{bleed, unassociate};
    use crate::{Channels, Depth, Header, Image, Samples};

    #[test]
    fn spreads_then_fills_with_the_mean() {
        let header = Header::new(6, 1, Channels::GreyAlpha, Depth::U8);
        let samples = Samples::U8(vec![100, 255, 0, 0, 0, 0, 0, 0, 0, 0, 200, 1]);
        let mut image = Image::new(header, samples).unwrap();
        let mut far = image.clone();
        bleed(&mut image, 1);
        assert_eq!(image.samples, Samples::U8(vec![100, 255, 100, 0, 150, 0, 150, 0, 200, 0, 200, 1]));
        bleed(&mut far, 100);
        assert_eq!(far.samples, Samples::U8(vec![100, 255, 100, 0, 100, 0, 200, 0, 200, 0, 200, 1]));
    }

    #[test]
    fn all_depths_agree_and_visible_pixels_stay() {
        let header = |depth| Header::new(9, 7, Channels::Rgba, depth);
        let bytes: Vec<u8> = (0..9 * 7)
            .flat_map(|i: u32| {
                [(i * 37 % 256) as u8, (i * 91 % 256) as u8, i as u8, if i.is_multiple_of(5) { 9 } else { 0 }]
            })
            .collect();
        let mut small = Image::new(header(Depth::U8), Samples::U8(bytes.clone())).unwrap();
        let floats = bytes.iter().map(|&b| f32::from(b)).collect();
        let mut float = Image::new(header(Depth::F32), Samples::F32(floats)).unwrap();
        bleed(&mut small, 1);
        bleed(&mut float, 1);
        let (Samples::U8(a), Samples::F32(b)) = (&small.samples, &float.samples) else { panic!() };
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            assert!((f32::from(*a) - b).abs() <= 0.5, "{i}");
            if i % 4 == 3 || bytes[i / 4 * 4 + 3] > 0 {
                assert_eq!(*a, bytes[i]);
            }
        }
        let mut nothing =
            Image::new(Header::new(1, 1, Channels::Rgba, Depth::U8), Samples::U8(vec![1, 2, 3, 0])).unwrap();
        bleed(&mut nothing, 9);
        assert_eq!(nothing.samples, Samples::U8(vec![1, 2, 3, 0]));
    }

    #[test]
    fn associated_alpha_is_divided_out() {
        let mut samples = Samples::U8(vec![64, 128, 9, 0]);
        unassociate(&mut samples, Channels::GreyAlpha);
        assert_eq!(samples, Samples::U8(vec![128, 128, 9, 0]));
    }
}
