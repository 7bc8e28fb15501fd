use super::matrix::{Affine, Codes};
use super::samples::{Rows, Sample};
use super::siting::{Axis, axes};
use super::{Colour, Format, Frame, Location, Model, Range};
use crate::{Channels, Depth, Header, Image, Result, Samples};

/// The picture that a frame shows: RGB or grey, with alpha if the format has it, as encoded.
///
/// RGB and full-range grey of 8 bits stay as they are; everything else becomes samples of 16 bits, so that the rounding back
/// costs nothing. Codes below black and above white are clipped, as screens do. What is unknown of the colour is assumed as
/// [`Colour::resolved`] says; chroma is interpolated linearly from where its location says that it lies. PQ and HLG are
/// not decoded: the picture holds the encoded values.
///
/// # Errors
///
/// [`Error::Unsupported`](crate::Error::Unsupported) for matrices that are not implemented.
pub fn to_image(frame: &Frame, colour: &Colour) -> Result<Image> {
    let Frame { format, width, height, .. } = *frame;
    let colour = colour.resolved(format, width, height);
    let depth = depth(format, &colour);
    let header = Header::new(width, height, channels(format), depth);
    let samples = match depth {
        Depth::U8 => Samples::U8(pixels(frame, &colour)?),
        Depth::U16 | Depth::F32 => Samples::U16(pixels(frame, &colour)?),
    };
    Image::new(header, samples)
}

/// The channels of a picture from or for a format.
pub(super) fn channels(format: &Format) -> Channels {
    Channels::of(if format.model == Model::Grey { 1 } else { 3 }, format.alpha)
}

fn depth(format: &Format, colour: &Colour) -> Depth {
    let whole = format.model != Model::Yuv && colour.range == Some(Range::Full);
    if whole && format.bits == 8 { Depth::U8 } else { Depth::U16 }
}

fn pixels<T: Sample>(frame: &Frame, colour: &Colour) -> Result<Vec<T>> {
    let codes = Codes::new(frame.format, colour, T::WHITE)?;
    let count = channels(frame.format).count();
    let mut samples = vec![T::default(); frame.width as usize * frame.height as usize * count];
    let colours = if frame.format.model == Model::Yuv {
        Yuv::new(frame, &codes, colour).read(&mut samples, count);
        0..0
    } else {
        0..channels(frame.format).colours()
    };
    for i in colours {
        plain(frame, i, codes.read.matrix[i][i], codes.read.add[i], &mut samples);
    }
    if frame.format.alpha {
        plain(frame, count - 1, codes.alpha, 0.0, &mut samples);
    }
    Ok(samples)
}

/// A component that is a channel by itself.
fn plain<T: Sample>(frame: &Frame, component: usize, scale: f32, add: f32, samples: &mut [T]) {
    let rows = Rows::new(frame.format, component, frame.width, frame.height);
    let (width, count) = (rows.size[0], channels(frame.format).count());
    let mut codes = vec![0.0; width];
    for (y, row) in samples.chunks_exact_mut(width * count).enumerate() {
        rows.read(&frame.data, y, &mut codes);
        let places = row[component..].iter_mut().step_by(count);
        places.zip(&codes).for_each(|(v, code)| *v = T::nearest(code * scale + add));
    }
}

/// A frame of YUV on its way to a picture.
struct Yuv<'a> {
    frame: &'a Frame,
    read: Affine,
    components: [Rows; 3],
    /// How chroma lies: across, down.
    axes: [Axis; 2],
}

impl<'a> Yuv<'a> {
    fn new(frame: &'a Frame, codes: &Codes, colour: &Colour) -> Self {
        let components = std::array::from_fn(|i| Rows::new(frame.format, i, frame.width, frame.height));
        let axes = axes(colour.location.unwrap_or(Location::Left), frame.format.chroma);
        Self { frame, read: codes.read, components, axes }
    }

    fn read<T: Sample>(&self, samples: &mut [T], count: usize) {
        let width = self.frame.width as usize;
        let mut planes: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; width]);
        let mut scratch = Scratch::default();
        for (y, row) in samples.chunks_exact_mut(width * count).enumerate() {
            let [luma, u, v] = &mut planes;
            self.components[0].read(&self.frame.data, y, luma);
            self.chroma(1, y, u, &mut scratch);
            self.chroma(2, y, v, &mut scratch);
            if count == 3 {
                colours::<T, 3>(&self.read, &planes, row);
            } else {
                colours::<T, 4>(&self.read, &planes, row);
            }
        }
    }

    /// A row of chroma at the places of luma.
    fn chroma(&self, component: usize, y: usize, out: &mut [f32], scratch: &mut Scratch) {
        let (rows, [across, down]) = (&self.components[component], &self.axes);
        let Scratch { line, sum, padded } = scratch;
        sum.clear();
        sum.resize(rows.size[0], 0.0);
        line.resize(rows.size[0], 0.0);
        if down.shift == 0 {
            rows.read(&self.frame.data, y, sum);
        } else {
            for (row, weight) in down.around(y, rows.size[1]).into_iter().filter(|(_, w)| *w != 0.0) {
                rows.read(&self.frame.data, row, line);
                sum.iter_mut().zip(&*line).for_each(|(sum, v)| *sum += weight * v);
            }
        }
        across.enlarge(sum, out, padded);
    }
}

#[derive(Default)]
struct Scratch {
    line: Vec<f32>,
    sum: Vec<f32>,
    padded: Vec<f32>,
}

/// The colours of a row of pixels with `N` samples each.
fn colours<T: Sample, const N: usize>(read: &Affine, planes: &[Vec<f32>; 3], row: &mut [T]) {
    let Affine { matrix: [r, g, b], add } = *read;
    let [y, u, v] = planes;
    let (pixels, _) = row.as_chunks_mut::<N>();
    for (((pixel, &y), &u), &v) in pixels.iter_mut().zip(y).zip(u).zip(v) {
        pixel[0] = T::nearest(r[0] * y + r[1] * u + r[2] * v + add[0]);
        pixel[1] = T::nearest(g[0] * y + g[1] * u + g[2] * v + add[1]);
        pixel[2] = T::nearest(b[0] * y + b[1] * u + b[2] * v + add[2]);
    }
}
