//! What kernels do with the channels of one pixel, a vector at a time.

use amplio_simd::{Element, Isa, PixelsRef, f16};

/// `to += from * weight`.
#[inline(always)]
pub(super) fn add_scaled<I: Isa>(isa: I, to: &mut [f32], from: &[f32], weight: f32) {
    let weight = isa.splat(weight);
    for (to, from) in to.chunks_mut(I::LANES).zip(from.chunks(I::LANES)) {
        let sum = isa.fma(isa.load_partial(from), weight, isa.load_partial(to));
        isa.store_partial(to, sum);
    }
}

/// `to += a * b`.
#[inline(always)]
pub(super) fn add_products<I: Isa>(isa: I, to: &mut [f32], a: &[f32], b: &[f32]) {
    let (a, b) = (&a[..to.len()], &b[..to.len()]);
    for ((to, a), b) in to.chunks_mut(I::LANES).zip(a.chunks(I::LANES)).zip(b.chunks(I::LANES)) {
        let sum = isa.fma(isa.load_partial(a), isa.load_partial(b), isa.load_partial(to));
        isa.store_partial(to, sum);
    }
}

/// `to += from`.
#[inline(always)]
pub(super) fn add<I: Isa>(isa: I, to: &mut [f32], from: &[f32]) {
    for (to, from) in to.chunks_mut(I::LANES).zip(from.chunks(I::LANES)) {
        isa.store_partial(to, isa.add(isa.load_partial(to), isa.load_partial(from)));
    }
}

/// The larger of each pair of channels.
#[inline(always)]
pub(super) fn take_max<I: Isa>(isa: I, to: &mut [f32], from: &[f32]) {
    for (to, from) in to.chunks_mut(I::LANES).zip(from.chunks(I::LANES)) {
        isa.store_partial(to, isa.max(isa.load_partial(to), isa.load_partial(from)));
    }
}

/// The smaller of each pair of channels.
#[inline(always)]
pub(super) fn take_min<I: Isa>(isa: I, to: &mut [f32], from: &[f32]) {
    for (to, from) in to.chunks_mut(I::LANES).zip(from.chunks(I::LANES)) {
        isa.store_partial(to, isa.min(isa.load_partial(to), isa.load_partial(from)));
    }
}

/// `values *= factor`.
#[inline(always)]
pub(super) fn scale<I: Isa>(isa: I, values: &mut [f32], factor: f32) {
    let factor = isa.splat(factor);
    for part in values.chunks_mut(I::LANES) {
        isa.store_partial(part, isa.mul(isa.load_partial(part), factor));
    }
}

/// The sum of all values.
#[inline(always)]
pub(super) fn sum<I: Isa>(isa: I, values: &[f32]) -> f32 {
    let mut sum = isa.zero();
    for part in values.chunks(I::LANES) {
        sum = isa.add(sum, isa.load_partial(part));
    }
    isa.reduce_sum(sum)
}

/// The largest of all values; negative infinity of none.
#[inline(always)]
pub(super) fn largest<I: Isa>(isa: I, values: &[f32]) -> f32 {
    let mut largest = isa.splat(f32::NEG_INFINITY);
    let mut parts = values.chunks_exact(I::LANES);
    for part in &mut parts {
        largest = isa.max(largest, isa.load(part));
    }
    parts.remainder().iter().copied().fold(isa.reduce_max(largest), f32::max)
}

/// Puts the channels of pixel `i` of all views one after the other, as floats of 32 bits, and zeros after them.
#[inline(always)]
pub(super) fn gather<I: Isa>(isa: I, views: &[PixelsRef], i: usize, to: &mut [f32]) {
    let mut rest = to;
    for view in views {
        let (own, after) = rest.split_at_mut(view.channels());
        if view.is_half() {
            widen(isa, own, view.pixel_of::<f16>(i));
        } else {
            own.copy_from_slice(view.pixel(i));
        }
        rest = after;
    }
    rest.fill(0.0);
}

/// Widens floats of 16 bits.
#[inline(always)]
pub(super) fn widen<I: Isa>(isa: I, to: &mut [f32], from: &[f16]) {
    for (to, from) in to.chunks_mut(I::LANES).zip(from.chunks(I::LANES)) {
        // Whole vectors without a mask: what is loaded after a store with a mask has to wait for it.
        if from.len() == I::LANES {
            isa.store(to, f16::load(isa, from));
        } else {
            isa.store_partial(to, f16::load_partial(isa, from));
        }
    }
}
