//! What happens to a row of pixels after its kernel, while it is in the cache.

use amplio_graph::ops::{BinaryFn, Unary};
use amplio_graph::plan::{Epilogue, Operand};
use amplio_graph::{Error, Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use crate::elementwise::{binary, prelu, unary};
use crate::layout::{channel_axis, channels, pixel_axes, walks, Walk};

/// An elementwise operation, ready to run on pixels.
#[derive(Debug)]
pub(crate) enum Elementwise {
    Unary(Unary),
    Prelu(Other),
    Binary { function: BinaryFn, other: Other, swapped: bool },
}

/// The other side of an elementwise operation.
#[derive(Debug)]
pub(crate) enum Other {
    Scalar(f32),
    Pixels {
        /// Index among the views that the step reads.
        input: usize,
        /// Which pixel of it belongs to a pixel of the result.
        map: PixelMap,
        /// Whether it has one channel that serves for all.
        single: bool,
    },
}

/// Which pixel of an operand belongs to a pixel of the result.
#[derive(Debug)]
pub(crate) enum PixelMap {
    /// The same.
    Same,
    /// The first, for all.
    First,
    /// For each axis that numbers the result's pixels, from the innermost: its size, the block of pixels that share one of the
    /// operand's, and the operand's pixels between neighbouring blocks.
    Axes(Vec<(usize, usize, usize)>),
}

impl Elementwise {
    /// The operation on a result of this shape; `input` is the index of its operand among the views that the step reads.
    pub(crate) fn new(op: &Epilogue, result: &Shape, input: usize) -> Result<Self> {
        match op {
            Epilogue::Unary(function) => Ok(Self::Unary(*function)),
            Epilogue::Prelu(operand) => Ok(Self::Prelu(Other::new(operand, result, input)?)),
            Epilogue::Binary { function, operand, swapped } => {
                let other = Other::new(operand, result, input)?;
                Ok(Self::Binary { function: *function, other, swapped: *swapped })
            }
            Epilogue::PixelShuffle(_) => Err(Error::Unsupported { what: "two pixel shuffles in a step".into() }),
        }
    }

    /// Applies the operation to `pixels`, the first of which is number `first` of the result.
    #[inline(always)]
    pub(crate) fn apply<I: Isa>(&self, isa: I, inputs: &[PixelsRef], pixels: &mut PixelsMut, first: usize) {
        match self {
            Self::Unary(function) => each(isa, pixels, Map(*function)),
            Self::Prelu(other) => pairs(isa, inputs, other, pixels, first, Prelu),
            Self::Binary { function, other, swapped } => {
                pairs(isa, inputs, other, pixels, first, Binary { function: *function, swapped: *swapped });
            }
        }
    }
}

impl Other {
    fn new(operand: &Operand, result: &Shape, input: usize) -> Result<Self> {
        let (view, enlarge) = match operand {
            Operand::Scalar(number) => return Ok(Self::Scalar(*number)),
            Operand::View { view, enlarge } => (view, *enlarge),
        };
        let own = channels(&view.shape);
        let single = own == 1 && channels(result) != 1;
        if view.shape.rank() != result.rank() || (own != 1 && own != channels(result)) {
            return Err(Error::shape("epilogue", format!("{} does not broadcast to {result}", view.shape)));
        }
        Ok(Self::Pixels { input, map: PixelMap::new(&view.shape, result, enlarge), single })
    }
}

impl PixelMap {
    /// The pixel of a tensor of shape `from`, broadcast and enlarged by blocks, that belongs to each pixel of `to`.
    pub(crate) fn new(from: &Shape, to: &Shape, enlarge: usize) -> Self {
        let axes = pixel_axes(to);
        if enlarge == 1 && axes.iter().all(|&axis| from[axis] == to[axis]) {
            return Self::Same;
        }
        if axes.iter().all(|&axis| from[axis] == 1) && enlarge == 1 {
            return Self::First;
        }
        let walks = walks(from);
        let picture = channel_axis(to) == Some(1) && to.rank() == 4;
        let walked = axes.into_iter().rev().map(|axis| {
            let block = if picture && axis >= 2 { enlarge } else { 1 };
            let step = match walks[axis] {
                Walk::Pixels(step) if from[axis] > 1 => step,
                _ => 0,
            };
            (to[axis], block, step)
        });
        Self::Axes(walked.collect())
    }

    /// The operand's pixel for pixel `i` of the result.
    #[inline(always)]
    pub(crate) fn pixel(&self, i: usize) -> usize {
        match self {
            Self::Same => i,
            Self::First => 0,
            Self::Axes(axes) => {
                let mut rest = i;
                let mut pixel = 0;
                for &(size, block, step) in axes {
                    pixel += rest % size / block * step;
                    rest /= size;
                }
                pixel
            }
        }
    }
}

/// A function of a vector; closures cannot be forced inline.
trait Function<I: Isa>: Copy {
    fn of(self, isa: I, x: I::F32) -> I::F32;
}

/// A function of two vectors.
trait PairFunction<I: Isa>: Copy {
    fn of(self, isa: I, x: I::F32, y: I::F32) -> I::F32;
}

#[derive(Clone, Copy)]
struct Map(Unary);

#[derive(Clone, Copy)]
struct Prelu;

#[derive(Clone, Copy)]
struct Binary {
    function: BinaryFn,
    swapped: bool,
}

impl<I: Isa> Function<I> for Map {
    #[inline(always)]
    fn of(self, isa: I, x: I::F32) -> I::F32 {
        unary(isa, self.0, x)
    }
}

impl<I: Isa> PairFunction<I> for Prelu {
    #[inline(always)]
    fn of(self, isa: I, x: I::F32, slope: I::F32) -> I::F32 {
        prelu(isa, x, slope)
    }
}

impl<I: Isa> PairFunction<I> for Binary {
    #[inline(always)]
    fn of(self, isa: I, x: I::F32, y: I::F32) -> I::F32 {
        if self.swapped { binary(isa, self.function, y, x) } else { binary(isa, self.function, x, y) }
    }
}

#[inline(always)]
fn each<I: Isa>(isa: I, pixels: &mut PixelsMut, function: impl Function<I>) {
    if let Some(all) = pixels.as_mut_slice() {
        return each_in(isa, all, function);
    }
    for i in 0..pixels.pixels() {
        each_in(isa, pixels.pixel(i), function);
    }
}

#[inline(always)]
fn each_in<I: Isa>(isa: I, values: &mut [f32], function: impl Function<I>) {
    let mut chunks = values.chunks_exact_mut(I::LANES);
    for chunk in &mut chunks {
        isa.store(chunk, function.of(isa, isa.load(chunk)));
    }
    let rest = chunks.into_remainder();
    if !rest.is_empty() {
        isa.store_partial(rest, function.of(isa, isa.load_partial(rest)));
    }
}

#[inline(always)]
fn pairs<I: Isa>(
    isa: I,
    inputs: &[PixelsRef],
    other: &Other,
    pixels: &mut PixelsMut,
    first: usize,
    function: impl PairFunction<I>,
) {
    let (input, map, single) = match other {
        Other::Scalar(number) => {
            let number = isa.splat(*number);
            for i in 0..pixels.pixels() {
                with_one(isa, pixels.pixel(i), number, function);
            }
            return;
        }
        Other::Pixels { input, map, single } => (&inputs[*input], map, *single),
    };
    for i in 0..pixels.pixels() {
        let operand = input.pixel(map.pixel(first + i));
        if single {
            with_one(isa, pixels.pixel(i), isa.splat(operand[0]), function);
        } else {
            with_each(isa, pixels.pixel(i), operand, function);
        }
    }
}

#[inline(always)]
fn with_one<I: Isa>(isa: I, values: &mut [f32], y: I::F32, function: impl PairFunction<I>) {
    let mut chunks = values.chunks_exact_mut(I::LANES);
    for chunk in &mut chunks {
        isa.store(chunk, function.of(isa, isa.load(chunk), y));
    }
    let rest = chunks.into_remainder();
    if !rest.is_empty() {
        isa.store_partial(rest, function.of(isa, isa.load_partial(rest), y));
    }
}

#[inline(always)]
fn with_each<I: Isa>(isa: I, values: &mut [f32], others: &[f32], function: impl PairFunction<I>) {
    let others = &others[..values.len()];
    let mut chunks = values.chunks_exact_mut(I::LANES);
    let mut other_chunks = others.chunks_exact(I::LANES);
    for (chunk, other) in (&mut chunks).zip(&mut other_chunks) {
        isa.store(chunk, function.of(isa, isa.load(chunk), isa.load(other)));
    }
    let (rest, other) = (chunks.into_remainder(), other_chunks.remainder());
    if !rest.is_empty() {
        isa.store_partial(rest, function.of(isa, isa.load_partial(rest), isa.load_partial(other)));
    }
}
