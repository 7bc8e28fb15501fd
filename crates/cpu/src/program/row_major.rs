//! Tensors in row-major order, to and from the pixels that they are in memory.

use amplio_graph::{Error, Result, Shape, Tensor};
use amplio_simd::{PixelsMut, PixelsRef};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::layout::{Walk, channels, pixels, row, walks};

/// Fills `pixels`, which begin at number `first` of a tensor of this shape, from its elements in row-major order.
pub(super) fn scatter(from: &[f32], shape: &Shape, first: usize, pixels: &mut PixelsMut) {
    let index = RowMajor::new(shape);
    for i in 0..pixels.pixels() {
        let start = index.pixel(first + i);
        for (c, to) in pixels.pixel(i).iter_mut().enumerate() {
            *to = from[start + c * index.channel];
        }
    }
}

/// The elements of a tensor of this shape in row-major order.
pub(super) fn gather(from: &PixelsRef, shape: &Shape, pool: &ThreadPool) -> Result<Tensor> {
    let index = RowMajor::new(shape);
    let mut data: Vec<f32> = Vec::new();
    let bytes = shape.elements().saturating_mul(size_of::<f32>());
    data.try_reserve_exact(shape.elements()).map_err(|_| Error::OutOfMemory { bytes })?;
    data.resize(shape.elements(), 0.0);
    // A row (or a vector) lies together in both orders.
    let run = if index.channel == 1 { channels(shape) } else { row(shape) }.max(1);
    pool.install(|| {
        data.par_chunks_mut(run).enumerate().for_each(|(i, to)| {
            if index.channel == 1 {
                to.copy_from_slice(from.pixel(i));
                return;
            }
            let (plane, first) = (i * run / index.channel, i * run % index.channel);
            let (picture, c) = (plane / channels(shape), plane % channels(shape));
            let pixels = from.slice(picture * index.channel + first..picture * index.channel + first + run);
            match pixels.as_slice() {
                Some(elements) => {
                    let elements = elements[c..].iter().step_by(pixels.channels());
                    to.iter_mut().zip(elements).for_each(|(to, &element)| *to = element);
                }
                None => to.iter_mut().enumerate().for_each(|(p, to)| *to = pixels.pixel(p)[c]),
            }
        });
    });
    Tensor::new(shape.clone(), data)
}

/// Where the pixels and channels of a tensor are in row-major order.
struct RowMajor {
    /// From one channel to the next: the pixels of a picture, or 1 where the channels are the last axis.
    channel: usize,
    channels: usize,
}

impl RowMajor {
    fn new(shape: &Shape) -> Self {
        let channel = match walks(shape)[..] {
            [Walk::Pixels(picture), Walk::Channels, _, _] => picture,
            _ => 1,
        };
        Self { channel, channels: if pixels(shape) == 0 { 0 } else { channels(shape) } }
    }

    /// The first channel of pixel `i`.
    fn pixel(&self, i: usize) -> usize {
        i / self.channel * self.channel * self.channels + i % self.channel
    }
}
