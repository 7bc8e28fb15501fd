use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Result, Shape, Tensor};

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `max(x, 0)`.
    Relu,
    /// `x` if positive, else `slope * x`.
    LeakyRelu(f32),
    /// `min(max(x, low), high)`.
    Clamp(f32, f32),
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// `x * P(X <= x)` for a standard normal `X`: `x / 2 * (1 + erf(x / sqrt 2))` (Hendrycks and Gimpel 2016).
    Gelu,
    /// The approximation of GELU by a hyperbolic tangent.
    GeluTanh,
    /// `min(max(slope * x + offset, 0), 1)`.
    HardSigmoid(f32, f32),
    /// `x * min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `x * tanh(softplus(x))` (Misra 2019).
    Mish,
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `x` if positive, else `alpha * (exp(x) - 1)`.
    Elu(f32),
    /// The error function.
    Erf,
    /// `e` to the power of `x`.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// `1 / x`.
    Reciprocal,
    /// Absolute value.
    Abs,
    /// `-x`.
    Neg,
    /// Sine of radians.
    Sin,
    /// Cosine of radians.
    Cos,
    /// Largest whole number not above `x`.
    Floor,
}

impl Unary {
    /// The function's value.
    pub fn of(self, x: f32) -> f32 {
        self.exactly(f64::from(x)) as f32
    }

    fn exactly(self, x: f64) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        match self {
            Self::Relu => x.max(0.0),
            Self::LeakyRelu(slope) => {
                if x > 0.0 {
                    x
                } else {
                    f64::from(slope) * x
                }
            }
            Self::Clamp(low, high) => x.max(f64::from(low)).min(f64::from(high)),
            Self::Sigmoid => sigmoid(x),
            Self::Tanh => x.tanh(),
            Self::Silu => x * sigmoid(x),
            Self::Gelu => 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)),
            Self::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            }
            Self::HardSigmoid(slope, offset) => (f64::from(slope) * x + f64::from(offset)).clamp(0.0, 1.0),
            Self::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Self::Mish => x * softplus(x).tanh(),
            Self::Softplus => softplus(x),
            Self::Elu(alpha) => {
                if x > 0.0 {
                    x
                } else {
                    f64::from(alpha) * x.exp_m1()
                }
            }
            Self::Erf => erf(x),
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Reciprocal => 1.0 / x,
            Self::Abs => x.abs(),
            Self::Neg => -x,
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Floor => x.floor(),
        }
    }
}

impl Primitive for Unary {
    const NAME: &'static str = "unary";
    const TOLERANCE: f32 = 2e-6;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        Ok(x.clone())
    }

    fn reference(&self, inputs: &[&Tensor], _: Shape) -> Tensor {
        inputs[0].clone().map(|x| self.of(x))
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::POINT
    }
}

/// The error function: its Taylor series near zero, the continued fraction of its complement elsewhere.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a > 6.0 {
        return x.signum();
    }
    if a < 2.5 {
        let mut term = x;
        let mut sum = x;
        for n in 1..60 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let fraction = (1..60).rev().fold(a, |tail, n| a + f64::from(n) / 2.0 / tail);
    x.signum() * (1.0 - (-a * a).exp() / (fraction * std::f64::consts::PI.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_has_its_known_values() {
        for (x, y) in
            [(0.5, 0.520_499_877_813_046_5), (1.0, 0.842_700_792_949_714_9), (3.0, 0.999_977_909_503_001_4)]
        {
            assert!((erf(x) - y).abs() < 1e-13 && (erf(-x) + y).abs() < 1e-13);
        }
    }
}
