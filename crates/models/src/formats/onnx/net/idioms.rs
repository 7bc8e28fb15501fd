//! What exporters write with several operators although it is one primitive: activations and norms.

use amplio_graph::ops::{Binary, BinaryFn, LayerNorm, Reduce, ReduceKind, Unary};
use amplio_graph::{Op, Value};

use super::{Made, Net};

/// How far a constant may lie from the number that it is meant to be.
const NEAR: f32 = 1e-5;

impl Net {
    /// The primitive that an operation on these values completes.
    pub(super) fn idiom(&self, op: &Op, values: &[Value]) -> Option<(Op, Vec<Value>)> {
        let &[a, b] = values else { return None };
        match op {
            Op::Binary(Binary { function: BinaryFn::Mul }) => {
                let (function, x) =
                    self.gate(a, b).or_else(|| self.gate(b, a)).or_else(|| self.gelu([a, b]))?;
                Some((function.into(), vec![x]))
            }
            Op::Binary(Binary { function: BinaryFn::Div }) => {
                let (norm, x) = self.norm(a, b)?;
                Some((norm.into(), vec![x]))
            }
            _ => None,
        }
    }

    /// `x` times a function of `x`.
    fn gate(&self, x: Value, gate: Value) -> Option<(Unary, Value)> {
        let (function, from) = self.unary(gate)?;
        match function {
            Unary::Sigmoid if from == x => Some((Unary::Silu, x)),
            Unary::HardSigmoid(slope, offset) if from == x && near(slope, 1.0 / 6.0) && near(offset, 0.5) => {
                Some((Unary::HardSwish, x))
            }
            Unary::Tanh if self.unary(from)? == (Unary::Softplus, x) => Some((Unary::Mish, x)),
            _ => None,
        }
    }

    /// `x * 0.5 * (1 + erf(x / sqrt 2))`, in any order of the factors.
    fn gelu(&self, values: [Value; 2]) -> Option<(Unary, Value)> {
        let mut factors = Vec::new();
        for value in values {
            match self.binary(value) {
                Some((BinaryFn::Mul, a, b)) => factors.extend([a, b]),
                _ => factors.push(value),
            }
        }
        let half = factors.iter().position(|value| self.is(*value, 0.5))?;
        factors.swap_remove(half);
        let &[a, b] = &factors[..] else { return None };
        [(a, b), (b, a)].into_iter().find_map(|(x, curve)| {
            let (BinaryFn::Add, left, right) = self.binary(curve)? else { return None };
            let erf = if self.is(right, 1.0) { left } else { Some(right).filter(|_| self.is(left, 1.0))? };
            let (Unary::Erf, scaled) = self.unary(erf)? else { return None };
            let root = std::f32::consts::SQRT_2;
            let fits = match self.binary(scaled)? {
                (BinaryFn::Div, from, by) => from == x && self.is(by, root),
                (BinaryFn::Mul, from, by) => from == x && self.is(by, 1.0 / root),
                _ => false,
            };
            fits.then_some((Unary::Gelu, x))
        })
    }

    /// `(x - mean) / sqrt(mean((x - mean)²) + epsilon)`.
    fn norm(&self, centred: Value, deviation: Value) -> Option<(LayerNorm, Value)> {
        let (BinaryFn::Sub, x, mean) = self.binary(centred)? else { return None };
        let (axis, of) = self.mean(mean)?;
        let (Unary::Sqrt, sum) = self.unary(deviation)? else { return None };
        let (BinaryFn::Add, variance, epsilon) = self.binary(sum)? else { return None };
        let (again, squares) = self.mean(variance)?;
        let (BinaryFn::Mul, a, b) = self.binary(squares)? else { return None };
        let epsilon = self.literal(epsilon)?;
        let fits = of == x && again == axis && [a, b] == [centred; 2] && epsilon >= 0.0;
        fits.then_some((LayerNorm { axis, epsilon, centred: true, weight: None, bias: None }, x))
    }

    fn unary(&self, value: Value) -> Option<(Unary, Value)> {
        match self.made.get(&value)? {
            Made::Of(Op::Unary(function), from) => Some((*function, *from.first()?)),
            _ => None,
        }
    }

    fn binary(&self, value: Value) -> Option<(BinaryFn, Value, Value)> {
        match self.made.get(&value)? {
            Made::Of(Op::Binary(Binary { function }), from) => Some((*function, from[0], *from.get(1)?)),
            _ => None,
        }
    }

    /// The axis over which a value is the mean of another, which keeps it.
    fn mean(&self, value: Value) -> Option<(usize, Value)> {
        match self.made.get(&value)? {
            Made::Of(Op::Reduce(Reduce { kind: ReduceKind::Mean, axes, keep: true }), from) => match axes[..]
            {
                [axis] => Some((axis, *from.first()?)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The number that a value is.
    fn literal(&self, value: Value) -> Option<f32> {
        match self.made.get(&value)? {
            Made::Constant(tensor) => match tensor.data() {
                [one] => Some(*one),
                _ => None,
            },
            Made::Of(..) => None,
        }
    }

    fn is(&self, value: Value, number: f32) -> bool {
        self.literal(value).is_some_and(|found| near(found, number))
    }
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= NEAR
}
