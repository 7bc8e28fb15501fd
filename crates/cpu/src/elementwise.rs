//! Functions of one and of two numbers, a vector at a time.

use amplio_graph::ops::{BinaryFn, Unary};
use amplio_simd::{Isa, math};

/// `function` of each lane.
#[inline(always)]
pub(crate) fn unary<I: Isa>(isa: I, function: Unary, x: I::F32) -> I::F32 {
    let (zero, one) = (isa.zero(), isa.splat(1.0));
    match function {
        Unary::Relu => isa.max(x, zero),
        Unary::LeakyRelu(slope) => prelu(isa, x, isa.splat(slope)),
        Unary::Clamp(low, high) => isa.min(isa.max(x, isa.splat(low)), isa.splat(high)),
        Unary::Sigmoid => math::sigmoid(isa, x),
        Unary::Tanh => math::tanh(isa, x),
        Unary::Silu => math::silu(isa, x),
        Unary::Gelu => {
            let erf = math::erf(isa, isa.mul(x, isa.splat(std::f32::consts::FRAC_1_SQRT_2)));
            isa.mul(isa.mul(x, isa.splat(0.5)), isa.add(one, erf))
        }
        Unary::GeluTanh => {
            let cube = isa.mul(isa.mul(x, x), x);
            let inner = isa.mul(isa.fma(cube, isa.splat(0.044_715), x), isa.splat(0.797_884_6));
            isa.mul(isa.mul(x, isa.splat(0.5)), isa.add(one, math::tanh(isa, inner)))
        }
        Unary::HardSigmoid(slope, offset) => {
            isa.min(isa.max(isa.fma(x, isa.splat(slope), isa.splat(offset)), zero), one)
        }
        Unary::HardSwish => {
            let gate = isa.min(isa.max(isa.add(x, isa.splat(3.0)), zero), isa.splat(6.0));
            isa.mul(isa.mul(x, gate), isa.splat(1.0 / 6.0))
        }
        Unary::Abs => isa.abs(x),
        Unary::Neg => isa.neg(x),
        Unary::Sqrt => isa.sqrt(x),
        Unary::Reciprocal => isa.div(one, x),
        Unary::Floor => isa.floor(x),
        Unary::Exp => math::exp(isa, x),
        Unary::Erf => math::erf(isa, x),
        // Rare in networks, and of no weight in their time: one number after the other.
        Unary::Mish | Unary::Softplus | Unary::Elu(_) | Unary::Log | Unary::Sin | Unary::Cos => {
            lane_by_lane(isa, x, x, |x, _| function.of(x))
        }
    }
}

/// `function` of each pair of lanes.
#[inline(always)]
pub(crate) fn binary<I: Isa>(isa: I, function: BinaryFn, a: I::F32, b: I::F32) -> I::F32 {
    match function {
        BinaryFn::Add => isa.add(a, b),
        BinaryFn::Sub => isa.sub(a, b),
        BinaryFn::Mul => isa.mul(a, b),
        BinaryFn::Div => isa.div(a, b),
        BinaryFn::Max => isa.max(a, b),
        BinaryFn::Min => isa.min(a, b),
        BinaryFn::Pow => lane_by_lane(isa, a, b, f32::powf),
    }
}

/// `x` where it is positive, `slope * x` elsewhere. Without a mask, which the compiler would store through: what is loaded after
/// a store with a mask has to wait for it.
#[inline(always)]
pub(crate) fn prelu<I: Isa>(isa: I, x: I::F32, slope: I::F32) -> I::F32 {
    let zero = isa.zero();
    isa.fma(isa.min(zero, x), slope, isa.max(zero, x))
}

/// The bits of the larger magnitudes.
#[inline(always)]
pub(crate) fn larger<I: Isa>(isa: I, mut largest: I::I32, vectors: &[I::F32]) -> I::I32 {
    for vector in vectors {
        largest = isa.max_i32(largest, isa.reinterpret_i32(isa.abs(*vector)));
    }
    largest
}

/// The largest of magnitudes that are given by their bits; infinity counts as more than any number, and NaN as more than that.
#[inline(always)]
pub(crate) fn magnitude<I: Isa>(isa: I, bits: I::I32) -> f32 {
    let mut lanes = [0.0; WIDEST];
    isa.store(&mut lanes, isa.reinterpret_f32(bits));
    f32::from_bits(lanes.iter().fold(0, |largest, lane| largest.max(lane.to_bits())))
}

/// Lanes of the widest vector.
const WIDEST: usize = 16;

#[inline(always)]
fn lane_by_lane<I: Isa>(isa: I, a: I::F32, b: I::F32, f: impl Fn(f32, f32) -> f32) -> I::F32 {
    let (mut left, mut right) = ([0.0; WIDEST], [0.0; WIDEST]);
    isa.store(&mut left, a);
    isa.store(&mut right, b);
    for (a, b) in left.iter_mut().zip(right).take(I::LANES) {
        *a = f(*a, b);
    }
    isa.load(&left)
}
