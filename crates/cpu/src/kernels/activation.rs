//! The activation: the most common start of an epilogue, and the only one in most networks. Convolutions apply it to sums in registers.

use amplio_graph::Result;
use amplio_graph::ops::Unary;
use amplio_graph::plan::{Epilogue, Operand, Step};
use amplio_simd::{AlignedBuf, Isa};

use super::pack::{Packed, memory};
use crate::compiler::Compiler;
use crate::elementwise::prelu;
use crate::epilogue::Link;

/// Takes the slopes with which the epilogue of a step begins, if it does: for each output channel, counted with what fills up vectors,
/// what negative numbers are multiplied by. None if there is no activation.
pub(super) fn take_slopes(
    step: &Step,
    packed: &Packed,
    compiler: &Compiler,
    epilogue: &mut Vec<Link>,
) -> Result<AlignedBuf> {
    let slope = |output: usize| match step.epilogue.first()? {
        Epilogue::Unary(Unary::LeakyRelu(slope)) => Some(*slope),
        Epilogue::Prelu(Operand::Scalar(slope)) => Some(*slope),
        Epilogue::Prelu(Operand::View { view, .. }) => match compiler.numbers(view)? {
            [slope] => Some(*slope),
            slopes if slopes.len() == step.result[1] => Some(slopes[output]),
            _ => None,
        },
        _ => None,
    };
    if slope(0).is_none() {
        return Ok(AlignedBuf::default());
    }
    epilogue.remove(0);
    let mut slopes = memory(packed.bias.len())?;
    for block in &packed.blocks {
        for (i, to) in slopes[block.bias..][..block.channels].iter_mut().enumerate() {
            *to = slope(block.output + i).unwrap_or_default();
        }
    }
    Ok(slopes)
}

/// Applies the activation, if there are slopes.
#[inline(always)]
pub(super) fn activate<I: Isa, const V: usize>(isa: I, sums: &mut [I::F32; V], slopes: &[I::F32]) {
    for (sum, &slope) in sums.iter_mut().zip(slopes) {
        *sum = prelu(isa, *sum, slope);
    }
}
