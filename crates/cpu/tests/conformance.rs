//! Every primitive and the networks of the test kit, on every instruction set, held against the reference.

use amplio_cpu::{Cpu, Level, Precision};
use amplio_testkit::conformance::check;

fn on(level: Level) {
    if level.is_available() {
        for method in [Precision::Strict, Precision::Exact] {
            check(&Cpu::new(2, level).expect("threads").with(method));
        }
    }
}

#[test]
fn scalar() {
    on(Level::Scalar);
}

#[test]
fn avx2() {
    on(Level::Avx2);
}

#[test]
fn avx512() {
    on(Level::Avx512);
}
