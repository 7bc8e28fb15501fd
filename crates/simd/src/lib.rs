//! How amplio speaks to the CPU: instruction-set tokens, vectors, vector mathematics and shared buffers.
//!
//! All CPU `unsafe` of the project lives here, behind an API that is safe to use. A kernel is written once, generic over the
//! instruction set, and [`dispatch`] compiles it once for each [`Level`]:
//!
//! ```
//! use amplio_simd::{Isa, Kernel, Level, dispatch};
//!
//! struct Scale<'a> {
//!     values: &'a mut [f32],
//!     factor: f32,
//! }
//!
//! impl Kernel for Scale<'_> {
//!     type Output = ();
//!
//!     #[inline(always)]
//!     fn run<I: Isa>(self, isa: I) {
//!         let factor = isa.splat(self.factor);
//!         for chunk in self.values.chunks_mut(I::LANES) {
//!             let scaled = isa.mul(isa.load_partial(chunk), factor);
//!             isa.store_partial(chunk, scaled);
//!         }
//!     }
//! }
//!
//! let mut values = vec![1.5; 21];
//! dispatch(Level::best(), Scale { values: &mut values, factor: 2.0 });
//! assert_eq!(values, [3.0; 21]);
//! ```
//!
//! # Layout
//!
//! - [`Level`] names the instruction sets; [`dispatch`] runs a [`Kernel`] with the token of one of them.
//! - [`Isa`] is what a kernel may ask of an instruction set; [`Scalar`], `Avx2` and `Avx512` (on x86-64) and `Neon` (on aarch64)
//!   are its tokens, one file each.
//! - [`math`] holds `exp`, `log`, `sigmoid`, `tanh` and `erf` of vectors.
//! - [`Element`] is what a buffer may hold: floats of 32 and of 16 bits.
//! - [`AlignedBuf`] is memory; [`borrow`] lends strided [`Region`]s of it as [`PixelsRef`] and [`PixelsMut`], so that many threads
//!   can read some channels of a buffer and write others.
//!
//! # Writing fast kernels
//!
//! A convolution or matrix product multiplies `MT` pixels by `NV` vectors of output channels, one input channel after the other.
//! This function becomes the loop that one would write in assembly, and is the pattern for all others (the bench `peak` measures it):
//!
//! ```
//! use std::array;
//!
//! use amplio_simd::Isa;
//!
//! #[inline(always)]
//! fn accumulate<I: Isa, const MT: usize, const NV: usize>(
//!     isa: I,
//!     acc: &mut [[I::F32; NV]; MT],
//!     mut rows: [&[f32]; MT],
//!     weights: &[f32],
//! ) {
//!     let k = rows[0].len();
//!     for row in &mut rows {
//!         *row = &row[..k];
//!     }
//!     for (c, w) in (0..k).zip(weights.chunks_exact(NV * I::LANES)) {
//!         let w: [I::F32; NV] = array::from_fn(|j| isa.load(&w[j * I::LANES..]));
//!         for t in 0..MT {
//!             let x = isa.splat(rows[t][c]);
//!             for j in 0..NV {
//!                 acc[t][j] = isa.fma(x, w[j], acc[t][j]);
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! 1. Mark `run` and every function under it that takes a token `#[inline(always)]`. A function that is not inlined into
//!    [`dispatch`]'s is compiled for the baseline, and each vector operation in it becomes a call: correct, but slow. Closures
//!    cannot be marked, so keep those that touch vectors tiny (one load, one store).
//! 2. Cut all slices to one length before the loop, by a `for` loop over the array: `rows.map(|row| &row[..k])` hides the lengths
//!    from LLVM, and a bounds check for each row stays in the loop.
//! 3. Count by `(0..k).zip(weights.chunks_exact(…))`: `.enumerate()` and `.take(k)` do not tell LLVM that `c < k`.
//! 4. Keep accumulators in an array with constant sizes, a local of the kernel, indexed by loops with constant bounds only; `&mut`
//!    to it may be passed down to inlined functions, also in a loop over the taps of a filter. One variable index, or a loop that
//!    LLVM does not unroll whole (`MT` above 20 or so), and the accumulators live in memory.
//! 5. Leave room for the weights and one broadcast: `MT * NV + NV + 1 <= I::REGISTERS`. Good sizes are 6 x 4, 8 x 3 and 12 x 2 with
//!    32 registers, 6 x 2 with 16. Each row also takes one of the 16 general registers, so `MT` beyond 12 spills pointers.
//! 6. `isa.load(&x[i..])` checks the length unless `x` is a chunk of known size; cut first (`&x[i..][..N * I::LANES]`), then load.
//! 7. Call [`dispatch`] once for a large piece of work (rows of an image), not for each pixel, and let threads call it, not the
//!    reverse: a closure given to a thread pool is not inlined into the kernel.

mod aligned;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod element;
mod error;
mod isa;
mod level;
pub mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
mod prefetch;
mod scalar;
mod strided;

pub use aligned::AlignedBuf;
#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use dispatch::{Kernel, dispatch, dispatch_dot};
pub use element::Element;
pub use error::Error;
pub use half::f16;
pub use isa::Isa;
pub use level::Level;
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use prefetch::prefetch;
pub use scalar::Scalar;
pub use strided::{Grid, Lines, PixelsMut, PixelsRef, Region, borrow};
