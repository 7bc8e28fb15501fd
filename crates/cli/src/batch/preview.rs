//! One frame of a video, before and after.

use amplio::media::resample::{Kernel, Resampler};
use amplio::media::{Channels, Depth, Header, Image, Samples, convert};
use anyhow::{Result, bail};

/// Two pictures side by side, the first enlarged to the size of the second by a bicubic filter.
pub(super) fn beside(before: &Image, after: &Image) -> Result<Image> {
    let size = (after.width, after.height);
    let (from, floats) = fitted(before, Depth::F32)?;
    let Samples::F32(floats) = floats else { bail!("no floats") };
    let resampler = Resampler::new((before.width, before.height), size, Channels::Rgb, Kernel::CatmullRom)?;
    let large = Samples::F32(resampler.rows(&floats, 0..size.1)?);
    let large = Image::new(Header { width: size.0, height: size.1, ..from }, large)?;
    let (Samples::U8(left), Samples::U8(right)) = (fitted(&large, Depth::U8)?.1, fitted(after, Depth::U8)?.1)
    else {
        bail!("no bytes")
    };
    let row = size.0 as usize * Channels::Rgb.count();
    let rows = left.chunks_exact(row).zip(right.chunks_exact(row));
    let samples = rows.flat_map(|(left, right)| [left, right].concat()).collect();
    Ok(Image::new(Header::new(size.0 * 2, size.1, Channels::Rgb, Depth::U8), Samples::U8(samples))?)
}

/// A picture in RGB of this depth.
fn fitted(image: &Image, depth: Depth) -> Result<(Header, Samples)> {
    let to = Header { channels: Channels::Rgb, depth, ..image.header() };
    Ok((to, convert(&image.samples, &image.header(), &to)?))
}
