//! What happens to a row of pixels after its kernel, while it is in the cache.

use std::slice;

use amplio_graph::ops::{BinaryFn, Unary};
use amplio_graph::plan::{Epilogue, Operand};
use amplio_graph::{Error, Result, Shape};
use amplio_simd::{Element, Grid, Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch, f16};

use crate::elementwise::{binary, prelu, unary};
use crate::layout::channels;
use crate::pixel_map::{Mapped, PixelMap};

/// A link of an epilogue, ready to run on pixels.
#[derive(Debug)]
pub(crate) enum Link {
    Op(Elementwise),
    /// A function of what two chains make of the same numbers.
    Fork {
        function: BinaryFn,
        left: Vec<Elementwise>,
        right: Vec<Elementwise>,
    },
}

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

impl Link {
    /// The link on a result of this shape; `input` is the index of its first operand among the views that the step reads.
    pub(crate) fn new(op: &Epilogue, result: &Shape, input: usize) -> Result<Self> {
        let Epilogue::Fork { function, left, right } = op else {
            return Ok(Self::Op(Elementwise::new(op, result, input)?));
        };
        let mut input = input;
        let mut chain = |ops: &[Epilogue]| {
            let link = |op: &Epilogue| {
                let link = Elementwise::new(op, result, input);
                input += op.reads().len();
                link
            };
            ops.iter().map(link).collect::<Result<Vec<_>>>()
        };
        Ok(Self::Fork { function: *function, left: chain(left)?, right: chain(right)? })
    }

    /// Applies the link to `pixels`, the first of which is number `first` of the result.
    pub(crate) fn apply(&self, level: Level, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        match self {
            Self::Op(op) => op.apply(level, inputs, first, pixels),
            Self::Fork { function, left, right } => {
                let channels = pixels.channels();
                let mut others = Vec::with_capacity(pixels.pixels() * channels);
                (0..pixels.pixels()).for_each(|i| others.extend_from_slice(pixels.pixel(i)));
                left.iter().for_each(|op| op.apply(level, inputs, first, pixels));
                let mut copies = PixelsMut::dense(&mut others, channels);
                right.iter().for_each(|op| op.apply(level, inputs, first, &mut copies));
                let other = Other::Pixels { input: 0, map: PixelMap::Same, single: false };
                let join = Elementwise::Binary { function: *function, other, swapped: false };
                join.apply(level, &[PixelsRef::dense(&others, channels)], 0, pixels);
            }
        }
    }

    /// Applies the link to results that are not stored yet.
    #[inline(always)]
    pub(crate) fn apply_to_square<I: Isa, const S: usize>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        square: &Square,
        results: &mut [[I::F32; S]; S],
    ) {
        let (left, right) = match self {
            Self::Op(op) => (slice::from_ref(op), None),
            Self::Fork { function, left, right } => (&**left, Some((function, right))),
        };
        let mut others = *results;
        // One loop for all operations, which are much code.
        for (i, op) in left.iter().chain(right.iter().flat_map(|(_, chain)| chain.iter())).enumerate() {
            let results = if i < left.len() { &mut *results } else { &mut others };
            op.apply_to_square(isa, inputs, square, results);
        }
        if let Some((function, _)) = right {
            for (x, other) in results.as_flattened_mut().iter_mut().zip(others.as_flattened()) {
                *x = binary(isa, *function, *x, *other);
            }
        }
    }
}

impl Elementwise {
    /// The operation on a result of this shape; `input` is the index of its operand among the views that the step reads.
    pub(crate) fn new(op: &Epilogue, result: &Shape, input: usize) -> Result<Self> {
        match op {
            Epilogue::Unary(function) => Ok(Self::Unary(*function)),
            Epilogue::Prelu(operand) => Ok(Self::Prelu(Other::new(operand, result, input)?)),
            Epilogue::Binary { function, operand, swapped } => {
                let other = Other::new(operand, result, input)?;
                Ok(match (function, other, swapped) {
                    // One way to say it is enough for those who look for known epilogues.
                    (BinaryFn::Sub, Other::Scalar(number), false) => {
                        let (function, other) = (BinaryFn::Add, Other::Scalar(-number));
                        Self::Binary { function, other, swapped: false }
                    }
                    (&function, other, &swapped) => Self::Binary { function, other, swapped },
                })
            }
            Epilogue::PixelShuffle(_) => {
                Err(Error::Unsupported { what: "two pixel shuffles in a step".into() })
            }
            Epilogue::Fork { .. } => Err(Error::Unsupported { what: "a fork in a fork".into() }),
        }
    }

    /// Applies the operation to `pixels`, the first of which is number `first` of the result.
    pub(crate) fn apply(&self, level: Level, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        match self {
            Self::Unary(function) => dispatch(level, Each { function: *function, pixels }),
            Self::Prelu(other) => dispatch(level, Pairs { function: Prelu, other, inputs, first, pixels }),
            Self::Binary { function, other, swapped } => {
                let function = Binary { function: *function, swapped: *swapped };
                dispatch(level, Pairs { function, other, inputs, first, pixels });
            }
        }
    }
}

/// The place of a square of results, of which each vector holds some channels of a pixel.
pub(crate) struct Square {
    /// Its pixels in the result of the step.
    pub(crate) grid: Grid,
    /// Rows and columns that are in the picture, at least one each; the vectors beyond them mean nothing.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// The first of the channels.
    pub(crate) channel: usize,
    /// Channels; the lanes beyond them mean nothing.
    pub(crate) channels: usize,
}

impl Square {
    /// Whether all of it means something.
    #[inline(always)]
    pub(crate) fn is_whole<I: Isa, const S: usize>(&self) -> bool {
        (self.rows, self.columns, self.channels) == (S, S, I::LANES)
    }

    /// The channels of a pixel of an operand, or the one that serves for all.
    #[inline(always)]
    fn load<I: Isa>(&self, isa: I, from: &PixelsRef, pixel: usize, single: bool) -> I::F32 {
        if from.is_half() {
            self.load_of::<I, f16>(isa, from, pixel, single)
        } else {
            self.load_of::<I, f32>(isa, from, pixel, single)
        }
    }

    #[inline(always)]
    fn load_of<I: Isa, E: Element>(&self, isa: I, from: &PixelsRef, pixel: usize, single: bool) -> I::F32 {
        let channels = from.pixel_of::<E>(pixel);
        if single {
            isa.splat(isa.reduce_sum(E::load_partial(isa, &channels[..1])))
        } else {
            E::load_partial(isa, &channels[self.channel..][..self.channels])
        }
    }
}

impl Elementwise {
    /// Applies the operation to results that are not stored yet.
    #[inline(always)]
    pub(crate) fn apply_to_square<I: Isa, const S: usize>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        square: &Square,
        results: &mut [[I::F32; S]; S],
    ) {
        match self {
            Self::Unary(function) => {
                for x in results.as_flattened_mut() {
                    *x = unary(isa, *function, *x);
                }
            }
            Self::Prelu(other) => other.apply(isa, Prelu, inputs, square, results),
            Self::Binary { function: BinaryFn::Add, other, .. } => {
                other.apply(isa, Add, inputs, square, results)
            }
            Self::Binary { function, other, swapped } => {
                let function = Binary { function: *function, swapped: *swapped };
                other.apply(isa, function, inputs, square, results);
            }
        }
    }
}

impl Other {
    /// Applies `function` to each result and the other side's number for it.
    #[inline(always)]
    fn apply<I: Isa, F: PairFunction, const S: usize>(
        &self,
        isa: I,
        function: F,
        inputs: &[PixelsRef],
        square: &Square,
        results: &mut [[I::F32; S]; S],
    ) {
        let (from, map, single) = match self {
            Self::Scalar(number) => {
                let other = isa.splat(*number);
                for x in results.as_flattened_mut() {
                    *x = function.of(isa, *x, other);
                }
                return;
            }
            Self::Pixels { input, map, single } => (&inputs[*input], map, *single),
        };
        match map {
            PixelMap::First => {
                let other = square.load(isa, from, 0, single);
                for x in results.as_flattened_mut() {
                    *x = function.of(isa, *x, other);
                }
            }
            PixelMap::Same if square.is_whole::<I, S>() && !single => {
                let others = if from.is_half() {
                    from.load_square::<I, f16, S>(isa, square.grid, square.channel)
                } else {
                    from.load_square::<I, f32, S>(isa, square.grid, square.channel)
                };
                for (x, other) in results.as_flattened_mut().iter_mut().zip(others.as_flattened()) {
                    *x = function.of(isa, *x, *other);
                }
            }
            PixelMap::Same | PixelMap::Axes(_) => {
                for (y, row) in results.iter_mut().enumerate().take(square.rows) {
                    let mut mapped = map.from(square.grid.first + y * square.grid.row);
                    for x in row.iter_mut().take(square.columns) {
                        *x = function.of(isa, *x, square.load(isa, from, mapped.next(), single));
                        for _ in 1..square.grid.column {
                            mapped.next();
                        }
                    }
                }
            }
        }
    }

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

/// A function of one number, applied to each.
struct Each<'a, 'p> {
    function: Unary,
    pixels: &'a mut PixelsMut<'p>,
}

impl Kernel for Each<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { function, pixels } = self;
        let dense = pixels.as_mut_slice().is_some();
        for i in 0..if dense { 1 } else { pixels.pixels() } {
            let values = if dense { pixels.as_mut_slice().unwrap_or_default() } else { pixels.pixel(i) };
            for part in values.chunks_mut(I::LANES) {
                isa.store_partial(part, unary(isa, function, isa.load_partial(part)));
            }
        }
    }
}

/// A function of two numbers: of each, and of the other side's.
struct Pairs<'a, 'p, F> {
    function: F,
    other: &'a Other,
    inputs: &'a [PixelsRef<'a>],
    first: usize,
    pixels: &'a mut PixelsMut<'p>,
}

/// A function of two vectors; closures cannot be forced inline.
trait PairFunction: Copy {
    fn of<I: Isa>(self, isa: I, x: I::F32, y: I::F32) -> I::F32;
}

#[derive(Clone, Copy)]
struct Prelu;

#[derive(Clone, Copy)]
struct Add;

#[derive(Clone, Copy)]
struct Binary {
    function: BinaryFn,
    swapped: bool,
}

impl PairFunction for Prelu {
    #[inline(always)]
    fn of<I: Isa>(self, isa: I, x: I::F32, slope: I::F32) -> I::F32 {
        prelu(isa, x, slope)
    }
}

impl PairFunction for Add {
    #[inline(always)]
    fn of<I: Isa>(self, isa: I, x: I::F32, y: I::F32) -> I::F32 {
        isa.add(x, y)
    }
}

impl PairFunction for Binary {
    #[inline(always)]
    fn of<I: Isa>(self, isa: I, x: I::F32, y: I::F32) -> I::F32 {
        if self.swapped { binary(isa, self.function, y, x) } else { binary(isa, self.function, x, y) }
    }
}

impl<F: PairFunction> Kernel for Pairs<'_, '_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let Self { function, other, inputs, first, pixels } = self;
        match other {
            Other::Scalar(number) => {
                let other = isa.splat(*number);
                for i in 0..pixels.pixels() {
                    for part in pixels.pixel(i).chunks_mut(I::LANES) {
                        isa.store_partial(part, function.of(isa, isa.load_partial(part), other));
                    }
                }
            }
            Other::Pixels { input, map, single } => {
                let operand = Pixels { from: inputs[*input], mapped: map.from(first), single: *single };
                if operand.from.is_half() {
                    operand.apply::<I, f16, F>(isa, function, pixels);
                } else {
                    operand.apply::<I, f32, F>(isa, function, pixels);
                }
            }
        }
    }
}

/// The pixels of an operand that belong to a run of pixels.
struct Pixels<'a> {
    from: PixelsRef<'a>,
    mapped: Mapped<'a>,
    single: bool,
}

impl Pixels<'_> {
    #[inline(always)]
    fn apply<I: Isa, E: Element, F: PairFunction>(mut self, isa: I, function: F, pixels: &mut PixelsMut) {
        for i in 0..pixels.pixels() {
            let others = self.from.pixel_of::<E>(self.mapped.next());
            let values = pixels.pixel(i).chunks_mut(I::LANES);
            if self.single {
                let other = isa.splat(isa.reduce_sum(E::load_partial(isa, &others[..1])));
                for part in values {
                    isa.store_partial(part, function.of(isa, isa.load_partial(part), other));
                }
                continue;
            }
            for (part, other) in values.zip(others.chunks(I::LANES)) {
                let other =
                    if other.len() == I::LANES { E::load(isa, other) } else { E::load_partial(isa, other) };
                isa.store_partial(part, function.of(isa, isa.load_partial(part), other));
            }
        }
    }
}
