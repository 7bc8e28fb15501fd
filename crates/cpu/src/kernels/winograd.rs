//! Convolution with 3x3 taps by Winograd's minimal filtering F(4x4, 3x3): 36 multiplications for 16 results instead of 144.
//!
//! The result is cut into tiles of 4x4 pixels; each depends on 6x6 pixels of the input. A row of pixels and a row of taps are
//! polynomials, and a convolution multiplies them; a product of polynomials of degree 5 is known from its values at six
//! points, and at each point it is one multiplication. So there are linear maps that turn the pixels of a tile into 36
//! numbers, the taps into 36 numbers (once, when the network is compiled), and 36 products into the 16 results. As the maps
//! are linear, products are summed over the input channels before the last map: for each of the 36 places that is a
//! matrix product, of the tiles' numbers and the weights, and nearly all of the work. See Lavin and Gray, *Fast Algorithms
//! for Convolutional Neural Networks* (2015), <https://arxiv.org/abs/1509.09308>.
//!
//! Tiles of 6x6 pixels need 64 multiplications for 36 results: a fifth fewer. Their maps enlarge what is rounded four times as much, which
//! counts for little where results are rounded to floats of 16 bits afterwards, and for too much elsewhere (see [`transforms`]).
//!
//! The products may be of 16-bit integers. The numbers of a tile are then rounded in units of the largest that the first of the
//! two passes gives, and the weights once so that no sum can wrap (see [`weights`]); both maps stay in floats.
//!
//! Tiles lie on a grid that begins at the corner of each picture, and each is computed whole wherever a run of rows begins or
//! ends, so that its numbers depend neither on threads nor on runs. All results of a tile are rounded with all of its pixels,
//! though: where a picture is cut, the bits of a result may differ as far as the tiles reach, not only as far as the taps do.
//!
//! A convolution that reads each pixel as a block of 2x2 is four convolutions of the picture as it is, see [`phase`].
//!
//! A block of tiles passes through memory of the thread that stays in the cache, of cells of 32 bits: the transformed pixels as
//! `[tile][vector of input channels][product][lane]` ([`spread`]), the sums as `[tile][vector of output channels][product][lane]`
//! ([`products`]), in the same place if each is multiplied once; then come the last map, the bias and the epilogue ([`gather`]). The input
//! channels of deep convolutions come in [`portions`].

mod ending;
mod gather;
pub(crate) mod phase;
mod portions;
mod products;
mod spread;
pub(crate) mod transforms;
pub(crate) mod weights;

use std::array;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amplio_graph::ops::Conv2d;
use amplio_graph::plan::Step;
use amplio_graph::{ImageShape, Result, Shape};
use amplio_simd::{AlignedBuf, Element, Isa, Level, PixelsMut, PixelsRef, dispatch, dispatch_dot, f16};

use self::ending::{Ending, Known};
use self::gather::{Ended, Gather, Others};
use self::phase::Phase;
use self::portions::Portion;
use self::products::Products;
use self::spread::{Rows, Spread};
use self::transforms::{Floats, Integers, Large, Scheme};
use super::activation::take_slopes;
use super::is_checked_later;
use super::pack::{Filters, Form, Packed};
use super::scratch::{LINE, Scratch};
use crate::compiler::Compiler;
use crate::epilogue::Link;

/// A convolution with 3x3 taps and its epilogue, ready to run.
#[derive(Debug)]
pub(crate) struct Winograd {
    level: Level,
    lanes: usize,
    form: Form,
    parts: Vec<Part>,
    /// For each vector of output channels, which they are.
    channels: Vec<Range<usize>>,
    /// How many views the input is, and their channels in portions.
    views: usize,
    portions: Vec<Portion>,
    /// Height and width of the input, of which each pixel is read as a block of `enlarge` by `enlarge`.
    input: [usize; 2],
    enlarge: usize,
    /// Height and width of a part of the result.
    result: [usize; 2],
    /// From a row or column of a part of the result to the next, in those of the whole.
    step: usize,
    /// Rows above, and columns left of the input.
    padding: [usize; 2],
    /// The slopes of the activation, see [`take_slopes`].
    slopes: AlignedBuf,
    epilogue: Vec<Link>,
    /// How squares of results that are whole end, where that is known.
    ending: Option<Known>,
    /// Whether nobody else looks for results that integers or floats of 16 bits cannot carry.
    checks: bool,
    /// Set when such a number is met.
    overflow: Arc<AtomicBool>,
}

/// All of the result, or a part of it with weights of its own.
#[derive(Debug)]
struct Part {
    phase: Option<Phase>,
    packed: Arc<Packed>,
}

impl Winograd {
    /// The fewest channels for which it is faster than [`super::conv::Conv`].
    const INPUTS: usize = 16;
    const OUTPUTS: usize = 8;

    /// Whether it is this kernel that runs `conv`.
    pub(crate) fn suits(conv: &Conv2d) -> bool {
        let plain = (conv.kernel(), conv.stride, conv.dilation, conv.groups) == ([3, 3], [1, 1], [1, 1], 1);
        plain && conv.outputs() >= Self::OUTPUTS && conv.weight.shape()[1] >= Self::INPUTS
    }

    pub(crate) fn new(
        step: &Step,
        conv: &Conv2d,
        enlarge: usize,
        compiler: &Compiler,
        mut epilogue: Vec<Link>,
    ) -> Result<Self> {
        let ImageShape { height, width, .. } = step.inputs[0].shape.as_image("conv2d")?;
        let form = compiler.form();
        let in_phases = enlarge == 2 && conv.padding == [1; 4];
        let phases = if in_phases { Phase::ALL.map(Some).to_vec() } else { vec![None] };
        let part = |phase| {
            let packed = compiler.packed(Filters { form, phase, ..conv.into() })?;
            Ok(Part { phase, packed })
        };
        let parts = phases.into_iter().map(part).collect::<Result<Vec<_>>>()?;
        let packed = &parts[0].packed;
        // Integers have one unit for all channels, and phases read the numbers of all more than once.
        let most = if form.is_integers() || in_phases { usize::MAX } else { portions::CHANNELS };
        let portions = Portion::of(step, most)?;
        let slopes = take_slopes(step, packed, compiler, &mut epilogue)?;
        let lanes = compiler.lanes();
        let larger = if in_phases { enlarge } else { 1 };
        let vectors = packed.blocks.iter().flat_map(|block| {
            let end = block.output + block.channels;
            (block.output..end).step_by(lanes).map(move |first| first..end.min(first + lanes))
        });
        Ok(Self {
            level: compiler.level(),
            lanes,
            channels: vectors.collect(),
            form,
            views: step.inputs.len(),
            portions,
            input: [height, width],
            enlarge: enlarge / larger,
            result: [step.result[2] / larger, step.result[3] / larger],
            step: larger,
            padding: [conv.padding[0], conv.padding[1]],
            parts,
            slopes,
            ending: Known::of(&epilogue),
            epilogue,
            checks: !is_checked_later(step, compiler),
            overflow: compiler.overflow.clone(),
        })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.form.side() * self.row()
    }

    /// Pixels of the result for each row of a part.
    fn row(&self) -> usize {
        self.result[1] * self.step * self.step
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, _: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        match (self.form, pixels.is_half()) {
            (Form::Integers, false) => self.rows::<f32, Integers, 4, 6>(inputs, first, pixels),
            (Form::Integers, true) => self.rows::<f16, Integers, 4, 6>(inputs, first, pixels),
            (Form::Large, false) => self.rows::<f32, Large, 6, 8>(inputs, first, pixels),
            (Form::Large, true) => self.rows::<f16, Large, 6, 8>(inputs, first, pixels),
            (_, false) => self.rows::<f32, Floats, 4, 6>(inputs, first, pixels),
            (_, true) => self.rows::<f16, Floats, 4, 6>(inputs, first, pixels),
        }
    }

    /// Computes whole rows of pixels of elements `E`.
    fn rows<E: Element, T: Scheme<S, R>, const S: usize, const R: usize>(
        &self,
        inputs: &[PixelsRef],
        first: usize,
        pixels: &mut PixelsMut,
    ) {
        let [height, width] = self.result;
        let (start, rows) = (first / self.row(), pixels.pixels() / self.row());
        let columns: Vec<_> = (0..width.next_multiple_of(S) + R - S).map(|x| self.place(1, x)).collect();
        let channels = self.parts[0].packed.inputs;
        let (floats, halves) = (vec![0.0; channels], vec![f16::ZERO; channels]);
        let mut scratch = Scratch::take();
        let mut row = 0;
        while row < rows {
            let (picture, y) = ((start + row) / height, (start + row) % height);
            let top = y / S * S;
            let count = (rows - row).min(height - y).min(top + S - y);
            let number = |row: usize| (picture * self.input[0] + row) * self.input[1];
            let places = array::from_fn(|y| self.place(0, top + y).map(number));
            let strip = Strip {
                rows: &self.lines(inputs, places, &floats, &halves),
                columns: &columns,
                own: y - top..y - top + count,
                first: row * self.row(),
                number: first + row * self.row(),
            };
            self.strip::<E, T, S, R>(&strip, inputs, &mut scratch, pixels);
            row += count;
        }
        scratch.keep();
    }

    /// The rows of pixels that begin at these places, of each view; `floats` or `halves` are read where there is no row.
    fn lines<'a, const R: usize>(
        &self,
        inputs: &[PixelsRef<'a>],
        places: [Option<usize>; R],
        floats: &'a [f32],
        halves: &'a [f16],
    ) -> Vec<Rows<'a, R>> {
        let lines = |view: &PixelsRef<'a>| {
            if view.is_half() {
                Rows::Halves(view.lines(places, self.input[1], &halves[..view.channels()]))
            } else {
                Rows::Floats(view.lines(places, self.input[1], &floats[..view.channels()]))
            }
        };
        inputs[..self.views].iter().map(lines).collect()
    }

    /// The row or column of the input that row or column `at` of the tiles reads.
    fn place(&self, axis: usize, at: usize) -> Option<usize> {
        let place = at.checked_sub(self.padding[axis])? / self.enlarge;
        (place < self.input[axis]).then_some(place)
    }

    /// Computes a row of tiles, block by block.
    fn strip<E: Element, T: Scheme<S, R>, const S: usize, const R: usize>(
        &self,
        strip: &Strip<R>,
        inputs: &[PixelsRef],
        scratch: &mut Scratch,
        pixels: &mut PixelsMut,
    ) {
        let packed = &*self.parts[0].packed;
        let most = self.portions.iter().map(|portion| portion.channels.len()).max().unwrap_or(0);
        let channels = most.next_multiple_of(self.lanes);
        let cells = if T::INTEGERS { channels.div_ceil(2).next_multiple_of(self.lanes) } else { channels };
        let (numbers, sums) = (cells * T::PRODUCTS, packed.bias.len() * T::PRODUCTS);
        // Sums take the place of the numbers that they are made of, where nobody reads these again: they fill less of the cache, and
        // are written where it has just been read.
        let in_place = self.parts.len() == 1 && packed.blocks.len() == 1 && self.portions.len() == 1;
        let behind = if in_place { 0 } else { numbers };
        // A line between tiles, so that they do not share sets of the cache.
        let stride = numbers.max(behind + sums) + LINE;
        let [cells, ring, largest] = scratch.parts([T::TILES * stride, channels * T::PRODUCTS, T::TILES]);
        let tiles = self.result[1].div_ceil(S);
        for tile in (0..tiles).step_by(T::TILES) {
            let largest = &mut largest[..T::TILES.min(tiles - tile)];
            let block = TileBlock { left: tile * S, cells, stride, sums: behind, ring, largest };
            self.block::<E, T, S, R>(strip, block, inputs, pixels);
        }
    }

    /// Computes a block of tiles.
    fn block<E: Element, T: Scheme<S, R>, const S: usize, const R: usize>(
        &self,
        strip: &Strip<R>,
        tiles: TileBlock,
        inputs: &[PixelsRef],
        pixels: &mut PixelsMut,
    ) {
        let TileBlock { left, cells, stride, sums, ring, largest } = tiles;
        largest.fill(1.0);
        for portion in &self.portions {
            let spread = Spread::<T, S, R> {
                rows: &strip.rows[portion.views.clone()],
                channels: portion.channels.len(),
                columns: &strip.columns[left..],
                ring,
                numbers: cells,
                stride,
                largest,
                scheme: PhantomData,
            };
            dispatch(self.level, spread);
            if T::INTEGERS && largest.iter().any(|number| !number.is_finite()) {
                self.overflow.store(true, Ordering::Relaxed);
            }
            for Part { phase, packed } in &self.parts {
                let products = Products::<T, S, R> {
                    packed,
                    inputs: portion.channels.clone(),
                    cells,
                    stride,
                    sums,
                    tiles: largest.len(),
                    phase: *phase,
                    scheme: PhantomData,
                };
                if T::INTEGERS {
                    dispatch_dot(self.level, products);
                } else {
                    dispatch(self.level, products);
                }
                if portion.channels.end < packed.inputs {
                    continue;
                }
                let width = self.result[1];
                let start = phase.map_or(0, |phase| phase.row * width * self.step + phase.column);
                let gather = Gather::<E, T, S, R> {
                    packed,
                    channels: &self.channels,
                    sums: &cells[sums..],
                    stride,
                    largest,
                    own: strip.own.clone(),
                    left,
                    width,
                    steps: [self.row(), self.step],
                    slopes: &self.slopes,
                    epilogue: &self.epilogue,
                    inputs,
                    first: strip.first + start,
                    number: strip.number + start,
                    checks: self.checks && (T::INTEGERS || E::HALF),
                    element: PhantomData,
                    scheme: PhantomData,
                };
                if !self.finish(&gather, pixels) {
                    self.overflow.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Runs the last map, and stores the results; says whether all that are checked are numbers that can be stored.
    fn finish<E: Element, T: Scheme<S, R>, const S: usize, const R: usize>(
        &self,
        gather: &Gather<E, T, S, R>,
        pixels: &mut PixelsMut,
    ) -> bool {
        let known = self.ending.as_ref().is_none_or(|ending| match ending {
            Known::Nothing(ending) => self.end(gather, pixels, ending),
            Known::Silu(ending) => self.end(gather, pixels, ending),
            Known::Residual(ending) => self.end(gather, pixels, ending),
            Known::Residuals(ending) => self.end(gather, pixels, ending),
            Known::Gate(ending) => self.end(gather, pixels, ending),
        });
        let whole = self.ending.is_none();
        if !whole && gather.is_whole(self.lanes) {
            return known;
        }
        known & dispatch(self.level, Others { gather, pixels: pixels.reborrow(), whole })
    }

    /// Ends the squares that are whole.
    fn end<E: Element, T: Scheme<S, R>, D: Ending, const S: usize, const R: usize>(
        &self,
        gather: &Gather<E, T, S, R>,
        pixels: &mut PixelsMut,
        ending: &D,
    ) -> bool {
        dispatch(self.level, Ended { gather, pixels: pixels.reborrow(), ending })
    }
}

/// A row of tiles.
struct Strip<'a, const R: usize> {
    /// The rows of pixels that it reads, of each view.
    rows: &'a [Rows<'a, R>],
    /// The columns of pixels that it reads.
    columns: &'a [Option<usize>],
    /// The rows of the tiles that are wanted.
    own: Range<usize>,
    /// The number of the first pixel wanted: among those that are computed together, and in the whole result.
    first: usize,
    number: usize,
}

/// A block of tiles, in memory that stays in the cache.
struct TileBlock<'a> {
    /// The first column of results.
    left: usize,
    /// For each tile its numbers and its sums, see [`Products`].
    cells: &'a mut [f32],
    stride: usize,
    sums: usize,
    /// See [`Spread`].
    ring: &'a mut [f32],
    /// For each tile, see [`Spread`].
    largest: &'a mut [f32],
}
