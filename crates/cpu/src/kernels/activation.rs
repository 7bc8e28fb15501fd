use amplio_graph::Result;
use amplio_graph::ops::Unary;
use amplio_graph::plan::{Epilogue, Operand, Step};
use amplio_simd::AlignedBuf;

use super::pack::{Packed, memory};
use crate::compiler::Compiler;
use crate::epilogue::Link;

/// The most common start of an epilogue, and the only one in most networks: convolutions apply it to sums in registers.
#[derive(Debug)]
pub(super) enum Activation {
    None,
    /// For each output channel, counted with what fills up vectors, what negative numbers are multiplied by.
    Slopes(AlignedBuf),
}

impl Activation {
    /// Takes the slopes with which the epilogue of a step begins, if it does.
    pub(super) fn take(
        step: &Step,
        packed: &Packed,
        compiler: &Compiler,
        epilogue: &mut Vec<Link>,
    ) -> Result<Self> {
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
            return Ok(Self::None);
        }
        epilogue.remove(0);
        let mut slopes = memory(packed.bias.len())?;
        for block in &packed.blocks {
            for (i, to) in slopes[block.bias..][..block.channels].iter_mut().enumerate() {
                *to = slope(block.output + i).unwrap_or_default();
            }
        }
        Ok(Self::Slopes(slopes))
    }

    /// The slopes, none if there is no activation.
    pub(super) fn slopes(&self) -> &[f32] {
        match self {
            Self::None => &[],
            Self::Slopes(slopes) => slopes,
        }
    }
}
