//! AV1 pictures to samples: the decoder, and from luma and chroma to RGB (ITU-T H.273).

use re_rav1d::dav1d::{Decoder, Picture, PixelLayout, PlanarImageComponent, Settings};

use crate::{Error, Result};

/// A decoded plane, widened to 16 bits but not scaled.
struct Plane {
    width: usize,
    height: usize,
    values: Vec<u16>,
}

impl Plane {
    fn new(picture: &Picture, component: PlanarImageComponent, width: usize, height: usize) -> Result<Self> {
        let plane = picture.plane(component);
        let bytes: &[u8] = &plane;
        let stride = picture.stride(component) as usize;
        let wide = picture.bit_depth() > 8;
        let row = width * if wide { 2 } else { 1 };
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let line = bytes.get(y * stride..y * stride + row);
            let line = line.ok_or_else(|| Error::malformed("avif", "a plane is too small"))?;
            if wide {
                values.extend(line.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])));
            } else {
                values.extend(line.iter().map(|&b| u16::from(b)));
            }
        }
        Ok(Plane { width, height, values })
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        f32::from(self.values[y.min(self.height - 1) * self.width + x.min(self.width - 1)])
    }

    /// The value at a pixel of the full-size picture: linear between the centres of the samples.
    fn upsampled(&self, x: usize, y: usize, half_width: bool, half_height: bool) -> f32 {
        let axis = |v: usize, half: bool| match (half, v % 2) {
            (false, _) => (v, v, 1.0),
            (true, 0) => (v / 2, (v / 2).saturating_sub(1), 0.75),
            (true, _) => (v / 2, v / 2 + 1, 0.75),
        };
        let (x0, x1, wx) = axis(x, half_width);
        let (y0, y1, wy) = axis(y, half_height);
        let row = |y| self.at(x0, y) * wx + self.at(x1, y) * (1.0 - wx);
        row(y0) * wy + row(y1) * (1.0 - wy)
    }
}

/// Decodes the first picture of an AV1 stream.
pub(super) fn picture(stream: Vec<u8>, width: u32, height: u32) -> Result<Picture> {
    let refused = |e: re_rav1d::dav1d::Error| Error::malformed("avif", e);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(16)) as u32;
    let mut settings = Settings::new();
    settings.set_n_threads(threads);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(width.saturating_mul(height));
    let mut decoder = Decoder::with_settings(&settings).map_err(refused)?;
    if stream.is_empty() {
        return Err(Error::malformed("avif", "an empty picture"));
    }
    let mut pending = decoder.send_data(stream, None, None, None);
    loop {
        match decoder.get_picture() {
            Ok(picture) if (picture.width(), picture.height()) == (width, height) => return Ok(picture),
            Ok(picture) => {
                let what =
                    format!("{}x{} coded, {width}x{height} promised", picture.width(), picture.height());
                return Err(Error::malformed("avif", what));
            }
            Err(e) if !e.is_again() => return Err(refused(e)),
            Err(_) => {}
        }
        match pending {
            Ok(()) => return Err(Error::malformed("avif", "no picture in the stream")),
            Err(e) if !e.is_again() => return Err(refused(e)),
            Err(_) => pending = decoder.send_pending_data(),
        }
    }
}

/// The bits per sample: 8, 10 or 12.
pub(super) fn bits(picture: &Picture) -> u32 {
    picture.bits_per_component().map_or(8, |b| b.0 as u32)
}

/// The luma plane as 0..=1: grey, or alpha.
pub(super) fn luma(picture: &Picture, full_range: bool) -> Result<Vec<f32>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let plane = Plane::new(picture, PlanarImageComponent::Y, width, height)?;
    let (low, span) = luma_range(bits(picture), full_range);
    Ok(plane.values.iter().map(|&v| (f32::from(v) - low) / span).collect())
}

fn luma_range(bits: u32, full_range: bool) -> (f32, f32) {
    let unit = (1u32 << (bits - 8)) as f32;
    if full_range { (0.0, ((1u32 << bits) - 1) as f32) } else { (16.0 * unit, 219.0 * unit) }
}

/// Calls `each` with red, green and blue (0..=1, not clipped) of every pixel, row by row.
pub(super) fn colours(
    picture: &Picture,
    matrix: u8,
    full_range: bool,
    mut each: impl FnMut([f32; 3]),
) -> Result<()> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (half_width, half_height) = match picture.pixel_layout() {
        PixelLayout::I400 => {
            return luma(picture, full_range).map(|grey| grey.into_iter().for_each(|v| each([v; 3])));
        }
        PixelLayout::I420 => (true, true),
        PixelLayout::I422 => (true, false),
        PixelLayout::I444 => (false, false),
    };
    let small = |v: usize, half: bool| if half { v.div_ceil(2) } else { v };
    let (chroma_width, chroma_height) = (small(width, half_width), small(height, half_height));
    let luma = Plane::new(picture, PlanarImageComponent::Y, width, height)?;
    let u = Plane::new(picture, PlanarImageComponent::U, chroma_width, chroma_height)?;
    let v = Plane::new(picture, PlanarImageComponent::V, chroma_width, chroma_height)?;
    let bits = bits(picture);
    let (low, span) = luma_range(bits, full_range);
    let chroma_span = if full_range { span } else { span / 219.0 * 224.0 };
    let middle = (1u32 << (bits - 1)) as f32;
    let convert = converter(matrix)?;
    for y in 0..height {
        for x in 0..width {
            let (cb, cr) =
                (u.upsampled(x, y, half_width, half_height), v.upsampled(x, y, half_width, half_height));
            let light = (luma.at(x, y) - low) / span;
            if matrix == IDENTITY {
                each([(cr - low) / span, light, (cb - low) / span]);
            } else {
                each(convert([light, (cb - middle) / chroma_span, (cr - middle) / chroma_span]));
            }
        }
    }
    Ok(())
}

/// H.273 matrix coefficients 0: green, blue, red.
const IDENTITY: u8 = 0;

fn converter(matrix: u8) -> Result<impl Fn([f32; 3]) -> [f32; 3]> {
    // Weights of red and blue in luma.
    let (kr, kb) = match matrix {
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        // 2, unspecified: the most common.
        IDENTITY | 2 | 5 | 6 => (0.299, 0.114),
        7 => (0.212, 0.087),
        9 => (0.2627, 0.0593),
        other => return Err(Error::unsupported(format!("avif: matrix coefficients {other}"))),
    };
    Ok(move |[y, cb, cr]: [f32; 3]| {
        let r = y + 2.0 * (1.0 - kr) * cr;
        let b = y + 2.0 * (1.0 - kb) * cb;
        let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
        [r, g, b]
    })
}
