//! At most 256 colours for the pixels of a frame, and which of them each pixel gets.

use std::collections::HashMap;

use quantette::color_map::{IndexedColorMap, NearestNeighborColorMap};
use quantette::deps::palette::Srgb;
use quantette::{PaletteBuf, PaletteSize, Pipeline, QuantizeMethod};

use super::super::Dither;
use crate::images::Effort;
use crate::{Error, Result};

type Colour = [u8; 3];

/// A frame in the way of GIF.
pub(super) struct Indexed {
    /// Red, green and blue of each colour.
    pub(super) palette: Vec<u8>,
    /// The colour of each pixel.
    pub(super) indices: Vec<u8>,
    /// The index that stands for no colour, if there is one.
    pub(super) hole: Option<u8>,
}

/// How colours are chosen.
#[derive(Clone, Copy)]
pub(super) struct Quantizer {
    pub(super) dither: Dither,
    pub(super) effort: Effort,
}

/// The most colours of a palette.
const MOST: usize = 256;

impl Quantizer {
    /// Chooses colours for rows of `width` pixels; what has no colour is a hole. There is an index for holes, even if there are
    /// none, if `spare` says so.
    pub(super) fn index(self, pixels: &[Option<Colour>], width: usize, spare: bool) -> Result<Indexed> {
        let holes = spare || pixels.iter().any(Option::is_none);
        let room = MOST - usize::from(holes);
        let known = distinct(pixels, room);
        let (mut colours, indices) = match known {
            Some(known) => {
                let mut colours = vec![[0; 3]; known.len()];
                known.iter().for_each(|(colour, &index)| colours[usize::from(index)] = *colour);
                let hole = colours.len() as u8;
                let index =
                    |pixel: &Option<Colour>| pixel.and_then(|c| known.get(&c).copied()).unwrap_or(hole);
                (colours, pixels.iter().map(index).collect())
            }
            None => {
                let colours = self.choose(pixels, room)?;
                let indices = self.assign(pixels, width, &colours)?;
                (colours, indices)
            }
        };
        let hole = holes.then_some(colours.len() as u8);
        if holes {
            colours.push([0; 3]);
        }
        Ok(Indexed { palette: colours.into_flattened(), indices, hole })
    }

    /// So many colours for the pixels, near to each other as people see it.
    fn choose(self, pixels: &[Option<Colour>], room: usize) -> Result<Vec<Colour>> {
        let colours: Vec<Srgb<u8>> = pixels.iter().flatten().map(|&[r, g, b]| Srgb::new(r, g, b)).collect();
        let method = match self.effort {
            Effort::Fast => QuantizeMethod::Wu,
            Effort::Balanced | Effort::Small => QuantizeMethod::kmeans(),
        };
        let size = PaletteSize::try_from(room as u16).map_err(|e| Error::misuse(format!("gif: {e}")))?;
        let input = Pipeline::new().palette_size(size).quantize_method(method).input_slice(&colours);
        let palette = input.map_err(|e| Error::misuse(format!("gif: {e}")))?.output_srgb8_palette();
        Ok(palette.iter().map(|c| [c.red, c.green, c.blue]).collect())
    }

    /// The colour of each pixel, row by row.
    fn assign(self, pixels: &[Option<Colour>], width: usize, colours: &[Colour]) -> Result<Vec<u8>> {
        let floats: Vec<Srgb<f32>> = colours.iter().map(|c| Srgb::from(c.map(f32::from))).collect();
        let floats = PaletteBuf::try_from(floats).map_err(|e| Error::misuse(format!("gif: {e}")))?;
        let nearest = NearestNeighborColorMap::<Srgb<f32>, f32, 3>::new(floats);
        let hole = colours.len() as u8;
        if self.dither == Dither::None {
            let index = |pixel: &Option<Colour>| {
                pixel.map_or(hole, |c| nearest.palette_index(&Srgb::from(c.map(f32::from))))
            };
            return Ok(pixels.iter().map(index).collect());
        }
        // The errors that wait for this row and for the next one, with a margin on both sides.
        let mut errors = vec![[0.0f32; 3]; width + 2];
        let mut indices = Vec::with_capacity(pixels.len());
        for row in pixels.chunks_exact(width) {
            let mut below = vec![[0.0f32; 3]; width + 2];
            for (x, pixel) in row.iter().enumerate() {
                let Some(pixel) = pixel else {
                    indices.push(hole);
                    continue;
                };
                let wanted: [f32; 3] =
                    std::array::from_fn(|i| (f32::from(pixel[i]) + errors[x + 1][i]).clamp(0.0, 255.0));
                let index = nearest.palette_index(&Srgb::from(wanted));
                let got = colours[usize::from(index)];
                for i in 0..3 {
                    let error = (wanted[i] - f32::from(got[i])) / 16.0;
                    errors[x + 2][i] += 7.0 * error;
                    below[x][i] += 3.0 * error;
                    below[x + 1][i] += 5.0 * error;
                    below[x + 2][i] += error;
                }
                indices.push(index);
            }
            errors = below;
        }
        Ok(indices)
    }
}

/// The colours of the pixels in the order of their first use, if they are no more than `room`.
fn distinct(pixels: &[Option<Colour>], room: usize) -> Option<HashMap<Colour, u8>> {
    let mut known = HashMap::new();
    let mut last = None;
    for pixel in pixels.iter().flatten() {
        if last == Some(*pixel) {
            continue;
        }
        last = Some(*pixel);
        let next = known.len();
        if !known.contains_key(pixel) {
            if next == room {
                return None;
            }
            known.insert(*pixel, next as u8);
        }
    }
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::{Dither, Effort, Quantizer};

    const QUANTIZER: Quantizer = Quantizer { dither: Dither::Diffusion, effort: Effort::Balanced };

    #[test]
    fn few_colours_stay_as_they_are() {
        let pixels: Vec<_> = (0..=254u8).map(|v| Some([v, 255 - v, v / 2])).chain([None]).collect();
        let indexed = QUANTIZER.index(&pixels, 16, false).unwrap();
        let colour = |i: usize| &indexed.palette[usize::from(indexed.indices[i]) * 3..][..3];
        assert!((0..255).all(|i| colour(i) == pixels[i].unwrap()));
        assert_eq!(indexed.hole, Some(indexed.indices[255]));
        let nothing = QUANTIZER.index(&[None, None], 2, false).unwrap();
        assert_eq!((nothing.indices, nothing.hole), (vec![0, 0], Some(0)));
    }

    #[test]
    fn diffusion_keeps_the_mean() {
        let slope: Vec<_> =
            (0..64 * 64u32).map(|i| Some([60 + (i % 64 * 2) as u8, 60 + (i / 64 * 2) as u8, 128])).collect();
        let indexed = QUANTIZER.index(&slope, 64, true).unwrap();
        assert!(indexed.hole.is_some_and(|hole| !indexed.indices.contains(&hole)));
        for channel in 0..3 {
            let errors = indexed.indices.iter().zip(&slope).map(|(&index, colour)| {
                let got = indexed.palette[usize::from(index) * 3 + channel];
                f64::from(got) - f64::from(colour.unwrap()[channel])
            });
            let mean = errors.sum::<f64>() / 4096.0;
            assert!(mean.abs() < 1.0, "{channel}: {mean}");
        }
    }
}
