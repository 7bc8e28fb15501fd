//! Softmax along an axis.

use amplio_graph::ops;
use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef, math};

use super::vectors::{add, add_products, largest, scale, sum, take_max};
use crate::layout::Walk;

/// A softmax, ready to run.
#[derive(Debug)]
pub(crate) struct Softmax {
    walk: Walk,
    /// Elements along the axis.
    size: usize,
}

impl Softmax {
    pub(crate) fn new(step: &Step, op: &ops::Softmax) -> Result<Self> {
        Ok(Self { walk: crate::layout::walks(&step.result)[op.axis], size: step.result[op.axis] })
    }

    pub(crate) fn grain(&self, result: &Shape) -> usize {
        self.walk.grain(self.size, result)
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let Walk::Pixels(step) = self.walk else {
            for i in 0..pixels.pixels() {
                let to = pixels.pixel(i);
                to.copy_from_slice(inputs[0].pixel(first + i));
                softmax(isa, to);
            }
            return;
        };
        let channels = pixels.channels();
        let (mut most, mut total) = (vec![0.0; channels], vec![0.0; channels]);
        for start in 0..step {
            let line = || (0..self.size).map(|i| start + i * step);
            most.fill(f32::NEG_INFINITY);
            for i in line() {
                take_max(isa, &mut most, inputs[0].pixel(first + i));
            }
            total.fill(0.0);
            for i in line() {
                let to = pixels.pixel(i);
                exponentials(isa, to, inputs[0].pixel(first + i), &most);
                add(isa, &mut total, to);
            }
            total.iter_mut().for_each(|total| *total = 1.0 / *total);
            for i in line() {
                let to = pixels.pixel(i);
                // Products are sums that begin at zero.
                most.fill(0.0);
                add_products(isa, &mut most, to, &total);
                to.copy_from_slice(&most);
            }
        }
    }
}

/// The softmax of `values`, in place.
#[inline(always)]
pub(super) fn softmax<I: Isa>(isa: I, values: &mut [f32]) {
    let most = isa.splat(largest(isa, values));
    for part in values.chunks_mut(I::LANES) {
        isa.store_partial(part, math::exp(isa, isa.sub(isa.load_partial(part), most)));
    }
    scale(isa, values, 1.0 / sum(isa, values));
}

/// `exp(from - most)`.
#[inline(always)]
fn exponentials<I: Isa>(isa: I, to: &mut [f32], from: &[f32], most: &[f32]) {
    for ((to, from), most) in to.chunks_mut(I::LANES).zip(from.chunks(I::LANES)).zip(most.chunks(I::LANES)) {
        isa.store_partial(to, math::exp(isa, isa.sub(isa.load_partial(from), isa.load_partial(most))));
    }
}
