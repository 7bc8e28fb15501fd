//! The product with a learned matrix: each pixel of the result is one of the input's, through the same weights.

use std::sync::Arc;

use amplio_graph::plan::Step;
use amplio_graph::{Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::pack::{Filters, Form, Packed};
use super::panels::Panels;
use crate::compiler::Compiler;

/// Pixels that are computed at once.
const PIXELS: usize = 96;

/// A product with a learned matrix, ready to run.
#[derive(Debug)]
pub(crate) struct Linear {
    packed: Arc<Packed>,
    /// Channels of the result.
    width: usize,
}

impl Linear {
    /// The kernel for a matrix product, if its second operand is learned and one matrix, and the rows of its first operand
    /// are pixels.
    pub(crate) fn new(step: &Step, compiler: &Compiler) -> Result<Option<Self>> {
        let [left, right] = [&step.inputs[0], &step.inputs[1]];
        let Some(weight) = compiler.constant(right) else { return Ok(None) };
        if weight.shape().rank() != 2 || matches!(left.shape.rank(), 0 | 1 | 4) || left.shape.contains(&0) {
            return Ok(None);
        }
        let packed = compiler.packed(Filters {
            weight,
            bias: None,
            groups: 1,
            transposed: true,
            form: Form::Taps,
            phase: None,
        })?;
        Ok(Some(Self { packed, width: weight.shape()[1] }))
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        PIXELS
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, _: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let rows = inputs[0].slice(first..first + pixels.pixels());
        Panels::packed(&self.packed, self.width).multiply(I::LEVEL, rows, pixels);
    }
}
