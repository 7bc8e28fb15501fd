//! The epilogues that most convolutions have, each as a type: the last map that knows what follows keeps its results in registers
//! until they are stored.

use amplio_graph::ops::{BinaryFn, Unary};
use amplio_simd::{Isa, PixelsRef, f16, math};

use crate::epilogue::{Elementwise, Link, Other, Square};
use crate::pixel_map::PixelMap;

/// What happens to the results of a tile that is whole.
pub(super) trait Ending {
    fn apply<I: Isa, const S: usize>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        square: &Square,
        results: &mut [[I::F32; S]; S],
    );
}

/// An epilogue that is an ending of its own.
#[derive(Debug)]
pub(super) enum Known {
    Nothing(Nothing),
    Silu(Silu),
    Residual(Residual<1>),
    Residuals(Residual<2>),
    Gate(Gate),
}

impl Known {
    /// The ending that an epilogue is, if it is one of these.
    pub(super) fn of(epilogue: &[Link]) -> Option<Self> {
        match epilogue {
            [] => return Some(Self::Nothing(Nothing)),
            [Link::Op(Elementwise::Unary(Unary::Silu))] => return Some(Self::Silu(Silu)),
            [Link::Fork { function: BinaryFn::Mul, left, right }] => {
                if let Some(gate) = Gate::of(left, right).or_else(|| Gate::of(right, left)) {
                    return Some(Self::Gate(gate));
                }
            }
            _ => {}
        }
        match residuals(epilogue).as_deref() {
            Some(&[term]) => Some(Self::Residual(Residual { terms: [term] })),
            Some(&[first, second]) => Some(Self::Residuals(Residual { terms: [first, second] })),
            _ => None,
        }
    }
}

/// No epilogue.
#[derive(Debug)]
pub(super) struct Nothing;

impl Ending for Nothing {
    #[inline(always)]
    fn apply<I: Isa, const S: usize>(&self, _: I, _: &[PixelsRef], _: &Square, _: &mut [[I::F32; S]; S]) {}
}

/// `x * sigmoid(x)`.
#[derive(Debug)]
pub(super) struct Silu;

impl Ending for Silu {
    #[inline(always)]
    fn apply<I: Isa, const S: usize>(
        &self,
        isa: I,
        _: &[PixelsRef],
        _: &Square,
        results: &mut [[I::F32; S]; S],
    ) {
        for x in results.as_flattened_mut() {
            *x = math::silu(isa, *x);
        }
    }
}

/// Results that are scaled and added to others, once or more often, as at the end of residual blocks.
#[derive(Debug)]
pub(super) struct Residual<const N: usize> {
    terms: [Term; N],
}

/// `x * factor` and the pixels of an input of the step.
#[derive(Clone, Copy, Debug)]
struct Term {
    factor: f32,
    input: usize,
}

/// The terms that an epilogue consists of, if it does.
fn residuals(epilogue: &[Link]) -> Option<Vec<Term>> {
    let (mut terms, mut factor) = (Vec::new(), 1.0);
    for link in epilogue {
        let Link::Op(Elementwise::Binary { function, other, .. }) = link else { return None };
        match (function, other) {
            (BinaryFn::Mul, Other::Scalar(number)) => factor *= number,
            (BinaryFn::Add, other) => {
                terms.push(Term { factor, input: pixels(other)? });
                factor = 1.0;
            }
            _ => return None,
        }
    }
    (factor == 1.0).then_some(terms)
}

impl<const N: usize> Ending for Residual<N> {
    #[inline(always)]
    fn apply<I: Isa, const S: usize>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        square: &Square,
        results: &mut [[I::F32; S]; S],
    ) {
        for Term { factor, input } in self.terms {
            let (factor, others) = (isa.splat(factor), load::<I, S>(isa, &inputs[input], square));
            for (x, other) in results.as_flattened_mut().iter_mut().zip(others.as_flattened()) {
                *x = isa.fma(*x, factor, *other);
            }
        }
    }
}

/// `(x + other) * (sigmoid(x) + offset)`: the attention without parameters of SPAN.
#[derive(Debug)]
pub(super) struct Gate {
    /// Which input of the step `other` is.
    input: usize,
    offset: f32,
}

impl Gate {
    fn of(sum: &[Elementwise], gate: &[Elementwise]) -> Option<Self> {
        let [Elementwise::Binary { function: BinaryFn::Add, other, .. }] = sum else { return None };
        let input = pixels(other)?;
        match gate {
            [
                Elementwise::Unary(Unary::Sigmoid),
                Elementwise::Binary { function: BinaryFn::Add, other: Other::Scalar(offset), .. },
            ] => Some(Self { input, offset: *offset }),
            _ => None,
        }
    }
}

impl Ending for Gate {
    #[inline(always)]
    fn apply<I: Isa, const S: usize>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        square: &Square,
        results: &mut [[I::F32; S]; S],
    ) {
        let (offset, others) = (isa.splat(self.offset), load::<I, S>(isa, &inputs[self.input], square));
        for (x, other) in results.as_flattened_mut().iter_mut().zip(others.as_flattened()) {
            let gate = isa.add(math::sigmoid(isa, *x), offset);
            *x = isa.mul(isa.add(*x, *other), gate);
        }
    }
}

/// The input whose pixels are those of the result, if that is what the other side of an operation is.
fn pixels(other: &Other) -> Option<usize> {
    match other {
        Other::Pixels { input, map: PixelMap::Same, single: false } => Some(*input),
        _ => None,
    }
}

#[inline(always)]
fn load<I: Isa, const S: usize>(isa: I, from: &PixelsRef, square: &Square) -> [[I::F32; S]; S] {
    if from.is_half() {
        from.load_square::<I, f16, S>(isa, square.grid, square.channel)
    } else {
        from.load_square::<I, f32, S>(isa, square.grid, square.channel)
    }
}
