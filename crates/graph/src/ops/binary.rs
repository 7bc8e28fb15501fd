use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Result, Shape, Tensor};

/// A function of two elements; shapes broadcast against each other from the last dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binary {
    /// The function.
    pub function: BinaryFn,
}

/// The function of a [`Binary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryFn {
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a * b`.
    Mul,
    /// `a / b`.
    Div,
    /// The larger of both.
    Max,
    /// The smaller of both.
    Min,
    /// `a` to the power of `b`.
    Pow,
}

impl BinaryFn {
    /// The function's value.
    pub fn of(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::Pow => a.powf(b),
        }
    }
}

impl Primitive for Binary {
    const NAME: &'static str = "binary";
    const TOLERANCE: f32 = 2e-6;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [a, b] = take(Self::NAME, inputs)?;
        a.broadcast(b, Self::NAME)
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        Tensor::from_fn(shape, |at| self.function.of(inputs[0].at_broadcast(at), inputs[1].at_broadcast(at)))
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::POINT
    }
}
