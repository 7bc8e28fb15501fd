//! Every primitive and the networks of the test kit, on every instruction set, held against the reference.

use amplio_cpu::{Cpu, Level};
use amplio_graph::Precision;
use amplio_testkit::conformance::check;

fn on(level: Level) {
    if level.is_available() {
        for precision in [Precision::Strict, Precision::Full] {
            check(&Cpu::new(2, level).expect("threads"), precision);
        }
    }
}

#[test]
fn scalar() {
    on(Level::Scalar);
}

#[test]
fn neon() {
    on(Level::Neon);
}

#[test]
fn avx2() {
    on(Level::Avx2);
}

#[test]
fn avx512() {
    on(Level::Avx512);
}
