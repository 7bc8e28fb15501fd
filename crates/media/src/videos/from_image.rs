use std::borrow::Cow;

use super::matrix::{Affine, Codes};
use super::samples::{Rows, Sample};
use super::siting::{Axis, axes};
use super::to_image::channels;
use super::{Colour, Format, Location, Model};
use crate::{Depth, Header, Image, Result, Samples, Transfer, convert};

/// The samples of a frame that shows a picture: [`Format::frame_bytes`] bytes, for [`Frame::data`](super::Frame::data).
///
/// The reverse of [`to_image`](super::to_image()). Grey becomes colour and colour grey, alpha appears as opaque, and where it
/// disappears the picture is laid on white, as [`convert()`](crate::convert()) does. Every code is rounded once. Where sides are no
/// whole numbers of chroma samples, the last ones stand for fewer pixels. What is unknown of the colour is assumed by the
/// size of this picture: give it [`Colour::resolved`] for the source's, or [`Colour::written`].
///
/// # Errors
///
/// [`Error::Unsupported`](crate::Error::Unsupported) for matrices that are not implemented,
/// [`Error::Misuse`](crate::Error::Misuse) if the picture's samples are not those of its size.
pub fn from_image(image: &Image, format: &Format, colour: &Colour) -> Result<Vec<u8>> {
    let colour = colour.resolved(format, image.width, image.height);
    match fitted(image, format)?.as_ref() {
        Samples::U8(samples) => bytes(samples, image, format, &colour),
        Samples::U16(samples) => bytes(samples, image, format, &colour),
        Samples::F32(_) => Ok(Vec::new()),
    }
}

/// The picture's samples as integers, with the format's channels.
fn fitted<'a>(image: &'a Image, format: &Format) -> Result<Cow<'a, Samples>> {
    let from = image.header();
    let depth = if from.depth == Depth::F32 { Depth::U16 } else { from.depth };
    let to = Header { depth, channels: channels(format), transfer: Transfer::Encoded, ..from };
    if from == to {
        return Ok(Cow::Borrowed(&image.samples));
    }
    Ok(Cow::Owned(convert(&image.samples, &from, &to)?))
}

fn bytes<T: Sample>(samples: &[T], image: &Image, format: &Format, colour: &Colour) -> Result<Vec<u8>> {
    let codes = Codes::new(format, colour, T::WHITE)?;
    let count = channels(format).count();
    // What no component uses is padding, which some take for alpha.
    let mut data = vec![u8::MAX; format.frame_bytes(image.width, image.height) as usize];
    let rows = |component| Rows::new(format, component, image.width, image.height);
    if format.model == Model::Yuv {
        let axes = axes(colour.location.unwrap_or(Location::Left), format.chroma);
        let yuv = Yuv { codes: &codes, components: std::array::from_fn(rows), axes };
        yuv.write(samples, count, &mut data);
    } else {
        for i in 0..channels(format).colours() {
            let (scale, add) = (codes.write.matrix[i][i], codes.write.add[i]);
            plain(&samples[i..], count, &rows(i), [scale, add, codes.max], &mut data);
        }
    }
    if format.alpha {
        let last = count - 1;
        plain(&samples[last..], count, &rows(last), [1.0 / codes.alpha, 0.0, codes.max], &mut data);
    }
    Ok(data)
}

/// A channel that is a component by itself.
fn plain<T: Sample>(samples: &[T], count: usize, rows: &Rows, [scale, add, max]: [f32; 3], data: &mut [u8]) {
    let width = rows.size[0];
    let mut codes = vec![0.0; width];
    for y in 0..rows.size[1] {
        let row = samples[y * width * count..].iter().step_by(count);
        codes.iter_mut().zip(row).for_each(|(code, v)| *code = v.value() * scale + add);
        rows.write(data, y, &codes, max);
    }
}

/// A picture on its way to a frame of YUV.
struct Yuv<'a> {
    codes: &'a Codes,
    components: [Rows; 3],
    /// How chroma lies: across, down.
    axes: [Axis; 2],
}

impl Yuv<'_> {
    fn write<T: Sample>(&self, samples: &[T], count: usize, data: &mut [u8]) {
        let [width, height] = self.components[0].size;
        let [mut luma, mut wide] = [vec![0.0; width], vec![0.0; width]];
        let mut planes = [1, 2].map(|i| Plane::new(self.components[i], &self.axes[1]));
        let (mut wider, mut padded) = (vec![0.0; width], Vec::new());
        for (y, row) in samples.chunks_exact(width * count).enumerate() {
            let codes = [&mut luma, &mut wide, &mut wider].map(|v| &mut v[..]);
            if count == 3 {
                components::<T, 3>(&self.codes.write, row, codes);
            } else {
                components::<T, 4>(&self.codes.write, row, codes);
            }
            self.components[0].write(data, y, &luma, self.codes.max);
            for (plane, wide) in planes.iter_mut().zip([&wide, &wider]) {
                self.axes[0].reduce(wide, plane.line(y), &mut padded);
                plane.settle(y, height, self.codes.max, data);
            }
        }
    }
}

/// U or V of a frame, row by row: those that are narrow already, but as many as luma's.
struct Plane<'a> {
    rows: Rows,
    down: &'a Axis,
    /// The last rows, each at its number modulo how many there are.
    lines: Vec<Vec<f32>>,
    sum: Vec<f32>,
    /// The next row to be written.
    next: usize,
}

impl<'a> Plane<'a> {
    fn new(rows: Rows, down: &'a Axis) -> Self {
        let [width, sum] = [vec![0.0; rows.size[0]], vec![0.0; rows.size[0]]];
        Self { rows, down, lines: vec![width; down.span()], sum, next: 0 }
    }

    /// The place for row `y` of luma's.
    fn line(&mut self, y: usize) -> &mut [f32] {
        let count = self.lines.len();
        &mut self.lines[y % count]
    }

    /// Writes the rows that need nothing below row `y`, of `height` in all.
    fn settle(&mut self, y: usize, height: usize, max: f32, data: &mut [u8]) {
        while self.next < self.rows.size[1] {
            if self.down.under(self.next, height).any(|(row, _)| row > y) {
                return;
            }
            self.sum.fill(0.0);
            for (row, weight) in self.down.under(self.next, height) {
                let line = &self.lines[row % self.lines.len()];
                self.sum.iter_mut().zip(line).for_each(|(sum, v)| *sum += weight * v);
            }
            self.rows.write(data, self.next, &self.sum, max);
            self.next += 1;
        }
    }
}

/// The codes, unrounded, of a row of pixels with `N` samples each.
fn components<T: Sample, const N: usize>(write: &Affine, row: &[T], codes: [&mut [f32]; 3]) {
    let Affine { matrix: [y, u, v], add } = *write;
    let (pixels, _) = row.as_chunks::<N>();
    let [ys, us, vs] = codes;
    for (((pixel, to_y), to_u), to_v) in pixels.iter().zip(ys).zip(us).zip(vs) {
        let [r, g, b] = [pixel[0].value(), pixel[1].value(), pixel[2].value()];
        *to_y = y[0] * r + y[1] * g + y[2] * b + add[0];
        *to_u = u[0] * r + u[1] * g + u[2] * b + add[1];
        *to_v = v[0] * r + v[1] * g + v[2] * b + add[2];
    }
}
