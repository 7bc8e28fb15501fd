use std::panic::{AssertUnwindSafe, catch_unwind};

use half::f16;

use super::Isa;
use crate::level::on_every_level;
use crate::{Kernel, Level, dispatch_dot};

/// Numbers of every kind and rounding case; NaN only in the tests that speak of it.
const XS: [f32; 16] = [
    0.0,
    -0.0,
    0.5,
    1.5,
    2.5,
    -0.5,
    -1.5,
    -2.4,
    3.7,
    1e-40,
    -1e30,
    65504.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    1_000_001.0,
    -7.0,
];
const YS: [f32; 16] = [1.0, 0.0, -0.5, 1.5, 2.0, 3.0, -4.0, 0.25, 1e-3, 2.0, 1e10, -1.0, 2.0, 1.0, -3.0, 7.0];

/// Runs a test on one level, with a token.
trait Check {
    fn check<I: Isa>(isa: I);
}

struct Run<C>(C);

impl<C: Check> Kernel for Run<C> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        C::check(isa);
    }
}

fn every_level<C: Check>(check: fn() -> C) {
    on_every_level(|level: Level| dispatch_dot(level, Run(check())));
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Holds a vector operation to one on floats, bit for bit.
#[track_caller]
fn compare<I: Isa>(
    isa: I,
    name: &str,
    vector: impl Fn(I::F32, I::F32) -> I::F32,
    truth: fn(f32, f32) -> f32,
) {
    for (x, y) in XS.chunks_exact(I::LANES).zip(YS.chunks_exact(I::LANES)) {
        let mut got = vec![0.0; I::LANES];
        isa.store(&mut got, vector(isa.load(x), isa.load(y)));
        let want: Vec<f32> = x.iter().zip(y).map(|(x, y)| truth(*x, *y)).collect();
        assert_eq!(bits(&got), bits(&want), "{} {name} of {x:?} and {y:?}: {got:?}, not {want:?}", I::LEVEL);
    }
}

struct Arithmetic;

impl Check for Arithmetic {
    fn check<I: Isa>(isa: I) {
        let exact = |x: f32, n: i32| (f64::from(x) * 2_f64.powi(n)) as f32;
        for n in [-252, -150, -127, -3, 0, 1, 126, 128, 252] {
            let scaled = isa.ldexp(isa.splat(1.5), isa.splat(n as f32));
            assert_eq!(isa.reduce_max(scaled).to_bits(), exact(1.5, n).to_bits(), "{} 2^{n}", I::LEVEL);
        }
        compare(isa, "add", |x, y| isa.add(x, y), |x, y| x + y);
        compare(isa, "sub", |x, y| isa.sub(x, y), |x, y| x - y);
        compare(isa, "mul", |x, y| isa.mul(x, y), |x, y| x * y);
        compare(
            isa,
            "div",
            |x, y| isa.div(y, isa.add(isa.splat(1.5), isa.abs(x))),
            |x, y| y / (1.5 + x.abs()),
        );
        compare(isa, "min", |x, y| isa.min(x, y), |x, y| if x < y { x } else { y });
        compare(isa, "max", |x, y| isa.max(x, y), |x, y| if x > y { x } else { y });
        compare(isa, "abs", |x, _| isa.abs(x), |x, _| x.abs());
        compare(isa, "neg", |x, _| isa.neg(x), |x, _| -x);
        compare(isa, "sqrt", |x, _| isa.sqrt(isa.abs(x)), |x, _| x.abs().sqrt());
        compare(isa, "floor", |x, _| isa.floor(x), |x, _| x.floor());
        compare(isa, "round", |x, _| isa.round(x), |x, _| x.round_ties_even());
        compare(
            isa,
            "lt",
            |x, y| isa.select(isa.lt(x, y), x, isa.zero()),
            |x, y| if x < y { x } else { 0.0 },
        );
        compare(
            isa,
            "gt",
            |x, y| isa.select(isa.gt(x, y), x, isa.zero()),
            |x, y| if x > y { x } else { 0.0 },
        );
        // Exact products, so that fused and unfused agree.
        let two = isa.splat(2.0);
        compare(isa, "fma", |x, y| isa.fma(x, two, y), |x, y| x * 2.0 + y);
        compare(isa, "neg_fma", |x, y| isa.neg_fma(x, two, y), |x, y| y - x * 2.0);
    }
}

#[test]
fn arithmetic_is_that_of_floats() {
    every_level(|| Arithmetic);
}

struct NotANumber;

impl Check for NotANumber {
    fn check<I: Isa>(isa: I) {
        let (nan, one) = (isa.splat(f32::NAN), isa.splat(1.0));
        let first = |v| {
            let mut out = [0.0];
            isa.store_partial(&mut out, v);
            out[0]
        };
        assert_eq!(first(isa.min(nan, one)), 1.0);
        assert_eq!(first(isa.max(nan, one)), 1.0);
        assert!(first(isa.min(one, nan)).is_nan());
        assert!(first(isa.max(one, nan)).is_nan());
        for mask in [isa.lt(nan, one), isa.lt(one, nan), isa.gt(nan, one), isa.gt(one, nan)] {
            assert_eq!(first(isa.select(mask, one, isa.zero())), 0.0);
        }
    }
}

#[test]
fn nan_compares_false() {
    every_level(|| NotANumber);
}

struct Integers;

impl Check for Integers {
    fn check<I: Isa>(isa: I) {
        let cut = |x| isa.select(isa.lt(isa.abs(x), isa.splat(1e6)), x, isa.splat(9.0));
        let int = |x| isa.round_i32(cut(x));
        let minus_three = isa.splat_i32(-3);
        compare(
            isa,
            "round_i32",
            |x, _| isa.to_f32(int(x)),
            |x, _| (if x.abs() < 1e6 { x } else { 9.0 }).round_ties_even() as i32 as f32,
        );
        compare(isa, "bits", |x, _| isa.reinterpret_f32(isa.reinterpret_i32(x)), |x, _| x);
        compare(
            isa,
            "add_i32",
            |x, _| isa.reinterpret_f32(isa.add_i32(isa.reinterpret_i32(x), minus_three)),
            |x, _| f32::from_bits(x.to_bits().wrapping_sub(3)),
        );
        compare(
            isa,
            "sub_i32",
            |x, _| isa.reinterpret_f32(isa.sub_i32(isa.reinterpret_i32(x), minus_three)),
            |x, _| f32::from_bits(x.to_bits().wrapping_add(3)),
        );
        compare(
            isa,
            "and_i32",
            |x, y| isa.reinterpret_f32(isa.and_i32(isa.reinterpret_i32(x), isa.reinterpret_i32(y))),
            |x, y| f32::from_bits(x.to_bits() & y.to_bits()),
        );
        compare(
            isa,
            "max_i32",
            |x, y| isa.reinterpret_f32(isa.max_i32(isa.reinterpret_i32(x), isa.reinterpret_i32(y))),
            |x, y| {
                let bits = |x: f32| x.to_bits().cast_signed();
                f32::from_bits(bits(x).max(bits(y)).cast_unsigned())
            },
        );
        compare(
            isa,
            "shl_i32",
            |x, _| isa.reinterpret_f32(isa.shl_i32::<5>(isa.reinterpret_i32(x))),
            |x, _| f32::from_bits(x.to_bits() << 5),
        );
        compare(
            isa,
            "shr_i32",
            |x, _| isa.reinterpret_f32(isa.shr_i32::<7>(isa.reinterpret_i32(x))),
            |x, _| f32::from_bits((x.to_bits().cast_signed() >> 7).cast_unsigned()),
        );
    }
}

struct Shorts;

impl Check for Shorts {
    fn check<I: Isa>(isa: I) {
        let numbers: Vec<f32> =
            (0..2 * I::LANES).map(|i| [-32767.0, 12.25, 0.5, 32767.0, -1.5][i % 5]).collect();
        let vectors = [0, 1].map(|i| isa.load(&numbers[i * I::LANES..]));
        let rounded = |scale: f32| isa.round_i16(vectors, isa.splat(scale));
        let shorts = |v: I::I32| {
            let mut lanes = vec![0.0; I::LANES];
            isa.store(&mut lanes, isa.reinterpret_f32(v));
            let pair = |lane: f32| [lane.to_bits() as i16, (lane.to_bits() >> 16) as i16];
            lanes.into_iter().flat_map(pair).collect::<Vec<_>>()
        };
        let truth = |scale: f32| -> Vec<i16> {
            numbers.iter().map(|x| (x * scale).round_ties_even() as i16).collect()
        };
        let (a, b) = (rounded(1.0), rounded(-0.5));
        assert_eq!((shorts(a), shorts(b)), (truth(1.0), truth(-0.5)));
        let (low, high) = (&truth(-0.5)[..I::LANES], &truth(-0.5)[I::LANES..]);
        let joined: Vec<i16> = low.iter().zip(high).flat_map(|(&low, &high)| [low, high]).collect();
        assert_eq!(shorts(isa.round_i16_pairs(vectors, isa.splat(-0.5))), joined);

        let pairs =
            |x: &[i16], y: &[i16]| i32::from(x[0]) * i32::from(y[0]) + i32::from(x[1]) * i32::from(y[1]);
        let expected: Vec<i32> = truth(1.0)
            .chunks_exact(2)
            .zip(truth(-0.5).chunks_exact(2))
            .map(|(x, y)| pairs(x, y).wrapping_add(i32::MIN))
            .collect();
        let mut got = vec![0.0; I::LANES];
        isa.store(&mut got, isa.reinterpret_f32(isa.dot_i16(a, b, isa.splat_i32(i32::MIN))));
        assert_eq!(got.iter().map(|x| x.to_bits().cast_signed()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn shorts_are_rounded_and_multiplied_in_order() {
    every_level(|| Shorts);
}

#[test]
fn integers_are_those_of_rust() {
    every_level(|| Integers);
}

struct Memory;

impl Check for Memory {
    fn check<I: Isa>(isa: I) {
        let source: Vec<f32> = (1..=40).map(|i| i as f32).collect();
        for n in 0..=I::LANES + 2 {
            // Exactly as long as asked, so that a tool can see accesses beyond.
            let part: Box<[f32]> = source[..n].into();
            let v = isa.load_partial(&part);
            let mut whole = vec![-1.0; I::LANES];
            isa.store(&mut whole, v);
            let count = n.min(I::LANES);
            assert_eq!(whole[..count], source[..count]);
            assert!(whole[count..].iter().all(|&x| x == 0.0));

            let mut target: Box<[f32]> = vec![-1.0; n].into();
            isa.store_partial(&mut target, isa.splat(5.0));
            assert!(target[..count].iter().all(|&x| x == 5.0) && target[count..].iter().all(|&x| x == -1.0));
        }
        let v = isa.load(&source[3..]);
        let lanes = &source[3..][..I::LANES];
        assert_eq!(isa.reduce_sum(v), lanes.iter().sum());
        assert_eq!((isa.reduce_min(v), isa.reduce_max(v)), (4.0, 3.0 + I::LANES as f32));
        assert_eq!(isa.reduce_max(isa.neg(v)), -4.0);
    }
}

#[test]
fn partial_access_stays_in_bounds_and_reductions_see_every_lane() {
    every_level(|| Memory);
}

struct Halves;

impl Check for Halves {
    fn check<I: Isa>(isa: I) {
        let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).filter(|x| !x.is_nan()).collect();
        for halves in all.chunks_exact(I::LANES) {
            let v = isa.load_f16(halves);
            let mut wide = vec![0.0; I::LANES];
            isa.store(&mut wide, v);
            assert!(wide.iter().zip(halves).all(|(w, h)| w.to_bits() == h.to_f32().to_bits()));
            // Between this half and the next: exactly, and just off, the middle.
            for off in [0.0, 1.0 / 2048.0, 1.0 / 2047.0, 1.0 / 1e4] {
                let mut got = vec![f16::ZERO; I::LANES];
                isa.store_f16(&mut got, isa.mul(v, isa.splat(1.0 + off)));
                assert!(
                    got.iter()
                        .zip(&wide)
                        .all(|(g, w)| g.to_bits() == f16::from_f32(w * (1.0 + off)).to_bits())
                );
            }
        }
    }
}

#[test]
fn halves_round_to_nearest_even() {
    every_level(|| Halves);
}

struct Vectors;

impl Check for Vectors {
    fn check<I: Isa>(isa: I) {
        let mut buffer = crate::AlignedBuf::try_from_slice(&[1.0; 40]).expect("memory");
        for (i, vector) in isa.vectors_mut(&mut buffer[..39]).iter_mut().enumerate() {
            *vector = isa.splat(i as f32);
        }
        let whole = 39 / I::LANES * I::LANES;
        assert!(buffer[..whole].iter().enumerate().all(|(i, &x)| x == (i / I::LANES) as f32));
        assert!(buffer[whole..].iter().all(|&x| x == 1.0));
        assert_eq!(isa.vectors(&buffer).len(), 40 / I::LANES);
        let shifted = || _ = isa.vectors(&buffer[1..]);
        assert!(align_of::<I::F32>() == 4 || catch_unwind(AssertUnwindSafe(shifted)).is_err());
    }
}

#[test]
fn slices_are_seen_as_vectors() {
    every_level(|| Vectors);
}

struct Short;

impl Check for Short {
    fn check<I: Isa>(isa: I) {
        let panics = |access: &dyn Fn()| catch_unwind(AssertUnwindSafe(access)).is_err();
        let (floats, halves) = (vec![0.0; I::LANES - 1], vec![f16::ZERO; I::LANES - 1]);
        assert!(panics(&|| _ = isa.load(&floats)));
        assert!(panics(&|| _ = isa.load_f16(&halves)));
        assert!(panics(&|| isa.store(&mut floats.clone(), isa.zero())));
        assert!(panics(&|| isa.store_f16(&mut halves.clone(), isa.zero())));
    }
}

#[test]
fn short_slices_panic() {
    every_level(|| Short);
}
