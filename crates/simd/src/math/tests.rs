use super::*;
use crate::level::on_every_level;
use crate::{Kernel, Level, dispatch};

/// A function of this module and its truth.
trait Function {
    fn vector<I: Isa>(isa: I, x: I::F32) -> I::F32;
    fn truth(x: f64) -> f64;
}

struct Exp;
struct Log;
struct Sigmoid;
struct Silu;
struct Tanh;
struct Erf;

impl Function for Exp {
    #[inline(always)]
    fn vector<I: Isa>(isa: I, x: I::F32) -> I::F32 {
        exp(isa, x)
    }

    fn truth(x: f64) -> f64 {
        x.exp()
    }
}

impl Function for Log {
    #[inline(always)]
    fn vector<I: Isa>(isa: I, x: I::F32) -> I::F32 {
        log(isa, x)
    }

    fn truth(x: f64) -> f64 {
        x.ln()
    }
}

impl Function for Sigmoid {
    #[inline(always)]
    fn vector<I: Isa>(isa: I, x: I::F32) -> I::F32 {
        sigmoid(isa, x)
    }

    fn truth(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }
}

impl Function for Silu {
    #[inline(always)]
    fn vector<I: Isa>(isa: I, x: I::F32) -> I::F32 {
        silu(isa, x)
    }

    fn truth(x: f64) -> f64 {
        x / (1.0 + (-x).exp())
    }
}

impl Function for Tanh {
    #[inline(always)]
    fn vector<I: Isa>(isa: I, x: I::F32) -> I::F32 {
        tanh(isa, x)
    }

    fn truth(x: f64) -> f64 {
        x.tanh()
    }
}

impl Function for Erf {
    #[inline(always)]
    fn vector<I: Isa>(isa: I, x: I::F32) -> I::F32 {
        erf(isa, x)
    }

    /// The series of positive terms, Abramowitz and Stegun 7.1.6.
    fn truth(x: f64) -> f64 {
        if x.abs() > 6.0 {
            return x.signum();
        }
        let (mut sum, mut term) = (0.0, x);
        for n in 1..200 {
            sum += term;
            term *= 2.0 * x * x / f64::from(2 * n + 1);
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
    }
}

struct Map<'a, F>(&'a mut [f32], F);

impl<F: Function> Kernel for Map<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        for chunk in self.0.chunks_mut(I::LANES) {
            let y = F::vector(isa, isa.load_partial(chunk));
            isa.store_partial(chunk, y);
        }
    }
}

fn map<F: Function>(level: Level, function: F, xs: &[f32]) -> Vec<f32> {
    let mut ys = xs.to_vec();
    dispatch(level, Map(&mut ys, function));
    ys
}

/// The distance in units in the last place of the truth.
fn ulps(got: f32, truth: f64) -> f64 {
    let rounded = (truth as f32).abs();
    if f64::from(got) == truth || (got == truth as f32 && got.is_infinite()) {
        return 0.0;
    }
    let ulp = f64::from(rounded.next_up()) - f64::from(rounded);
    (f64::from(got) - truth).abs() / ulp
}

/// The largest error over `xs`, on every level.
fn check<F: Function>(new: fn() -> F, xs: &[f32], tolerance: f64) {
    on_every_level(|level| {
        let ys = map(level, new(), xs);
        let errors = xs.iter().zip(&ys).map(|(&x, &y)| (ulps(y, F::truth(x.into())), x, y));
        let (worst, x, y) = errors.max_by(|a, b| a.0.total_cmp(&b.0)).expect("some numbers");
        assert!(worst <= tolerance, "{level}: {worst} ulp > {tolerance} at {x:e}, got {y:e}");
    });
}

fn grid(from: f32, to: f32, count: u32) -> Vec<f32> {
    (0..=count).map(|i| from + (to - from) * (i as f32 / count as f32)).collect()
}

/// Positive floats of every size: one bit pattern in `step`.
fn all_sizes(step: usize) -> impl Iterator<Item = f32> {
    (1..f32::INFINITY.to_bits()).step_by(step).map(f32::from_bits)
}

#[test]
fn exp_is_within_its_tolerance() {
    check(|| Exp, &grid(-104.0, 88.72, 1_000_003), EXP_MAX_ULP);
    check(
        || Exp,
        &all_sizes(9_973).flat_map(|x| [x, -x]).filter(|x| *x < 88.72).collect::<Vec<_>>(),
        EXP_MAX_ULP,
    );
}

#[test]
fn log_is_within_its_tolerance() {
    check(|| Log, &all_sizes(1_999).collect::<Vec<_>>(), LOG_MAX_ULP);
    check(|| Log, &grid(0.5, 2.0, 1_000_003), LOG_MAX_ULP);
}

#[test]
fn sigmoid_is_within_its_tolerance() {
    check(|| Sigmoid, &grid(-87.0, 30.0, 1_000_003), SIGMOID_MAX_ULP);
}

#[test]
fn silu_is_within_its_tolerance() {
    check(|| Silu, &grid(-80.0, 30.0, 1_000_003), SILU_MAX_ULP);
}

#[test]
fn tanh_is_within_its_tolerance() {
    check(|| Tanh, &grid(-12.0, 12.0, 1_000_003), TANH_MAX_ULP);
    check(
        || Tanh,
        &all_sizes(9_973).flat_map(|x| [x, -x]).filter(|x| x.abs() > 1e-30).collect::<Vec<_>>(),
        TANH_MAX_ULP,
    );
}

#[test]
fn erf_is_within_its_tolerance() {
    check(|| Erf, &grid(-6.0, 6.0, 300_007), ERF_MAX_ULP);
    check(
        || Erf,
        &all_sizes(99_991).flat_map(|x| [x, -x]).filter(|x| x.abs() > 1e-30).collect::<Vec<_>>(),
        ERF_MAX_ULP,
    );
}

#[test]
fn limits_are_reached_and_nan_stays() {
    let inf = f32::INFINITY;
    on_every_level(|level| {
        assert_eq!(map(level, Exp, &[0.0, -0.0, 89.0, inf, -104.0, -inf]), [1.0, 1.0, inf, inf, 0.0, 0.0]);
        assert_eq!(map(level, Log, &[1.0, 0.0, -0.0, inf]), [0.0, -inf, -inf, inf]);
        assert_eq!(map(level, Sigmoid, &[0.0, 200.0, -200.0, inf, -inf]), [0.5, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(map(level, Silu, &[0.0, 200.0, -200.0, inf]), [0.0, 200.0, 0.0, inf]);
        assert_eq!(map(level, Erf, &[0.0, 10.0, -10.0, inf, -inf]), [0.0, 1.0, -1.0, 1.0, -1.0]);
        assert_eq!(map(level, Tanh, &[0.0, 20.0, -20.0, inf, -inf]), [0.0, 1.0, -1.0, 1.0, -1.0]);
        assert!(map(level, Log, &[-1.0, -inf, f32::NAN]).iter().all(|y| y.is_nan()));
        let of_nan = [
            map(level, Exp, &[f32::NAN]),
            map(level, Sigmoid, &[f32::NAN]),
            map(level, Silu, &[f32::NAN]),
            map(level, Tanh, &[f32::NAN]),
            map(level, Erf, &[f32::NAN]),
        ];
        assert!(of_nan.iter().flatten().all(|y| y.is_nan()), "{level}: {of_nan:?}");
    });
}
