//! The input itself, broadcast to the shape of the result: where an epilogue or a concatenation begins.

use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef, f16};

use super::vectors::widen;
use crate::layout::short_run;
use crate::pixel_map::PixelMap;

/// A copy, ready to run.
#[derive(Debug)]
pub(crate) struct Copy {
    map: PixelMap,
}

impl Copy {
    pub(crate) fn new(step: &Step) -> Result<Self> {
        Ok(Self { map: PixelMap::new(&step.inputs[0].shape, &step.result, 1) })
    }

    pub(crate) fn grain(&self, result: &Shape) -> usize {
        short_run(result)
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let mut mapped = self.map.from(first);
        for i in 0..pixels.pixels() {
            if inputs[0].is_half() {
                match (pixels.pixel(i), inputs[0].pixel_of::<f16>(mapped.next())) {
                    (to, &[single]) => to.fill(single.to_f32()),
                    (to, from) => widen(isa, to, from),
                }
                continue;
            }
            match (pixels.pixel(i), inputs[0].pixel(mapped.next())) {
                (to, &[single]) => to.fill(single),
                (to, from) => to.copy_from_slice(from),
            }
        }
    }
}
