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
//! Tiles lie on a grid that begins at the corner of each picture, and each is computed whole wherever a run of rows begins or
//! ends, so that its numbers depend neither on threads nor on runs. All results of a tile are rounded with all of its pixels,
//! though: where a picture is cut, the bits of a result may differ as far as the tiles reach, not only as far as the taps do.
//!
//! A block of tiles passes through memory of the thread that stays in the cache: the transformed pixels as
//! `[36][tile][input channel]`, the sums as `[tile][vector of output channels][36][lane]`.

mod scratch;
mod spread;
pub(crate) mod transforms;

use std::array;
use std::ops::Range;
use std::sync::Arc;

use amplio_graph::ops::Conv2d;
use amplio_graph::plan::Step;
use amplio_graph::{ImageShape, Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use self::scratch::{LINE, Scratch};
use self::spread::Spread;
use self::transforms::{PRODUCTS, REACH, SIDE};
use super::pack::{Block, Filters, Packed};
use super::panels::accumulate;
use crate::device::Compiler;

/// Tiles of a block: multiples of 6 and 12, the numbers of rows that are multiplied together; fewer where there are more than
/// [`NARROW`] input or output channels, so that a block stays in the cache.
const MANY: usize = 24;
const FEW: usize = 12;
const NARROW: usize = 80;

/// A convolution with 3x3 taps, ready to run.
#[derive(Debug)]
pub(crate) struct Winograd {
    packed: Arc<Packed>,
    /// Height and width of the input, of which each pixel is read as a block of `enlarge` by `enlarge`.
    input: [usize; 2],
    enlarge: usize,
    /// Height and width of the result.
    result: [usize; 2],
    /// Rows above, and columns left of the input.
    padding: [usize; 2],
    /// What taps outside the picture read.
    outside: Vec<f32>,
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

    pub(crate) fn new(step: &Step, conv: &Conv2d, enlarge: usize, compiler: &Compiler) -> Result<Self> {
        let ImageShape { height, width, .. } = step.inputs[0].shape.as_image("conv2d")?;
        let packed = compiler.packed(Filters { winograd: true, ..conv.into() })?;
        Ok(Self {
            input: [height, width],
            enlarge,
            result: [step.result[2], step.result[3]],
            padding: [conv.padding[0], conv.padding[1]],
            outside: vec![0.0; packed.inputs],
            packed,
        })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        SIDE * self.result[1]
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let [height, width] = self.result;
        let (first, rows) = (first / width, pixels.pixels() / width);
        let mut scratch = Scratch::take();
        let mut row = 0;
        while row < rows {
            let (picture, y) = ((first + row) / height, (first + row) % height);
            let top = y / SIDE * SIDE;
            let count = (rows - row).min(height - y).min(top + SIDE - y);
            let columns = self.columns(inputs[0], picture, top);
            let strip =
                Strip { conv: self, columns: &columns, own: y - top..y - top + count, first: row * width };
            strip.fill(isa, &mut scratch, pixels);
            row += count;
        }
        scratch.keep();
    }

    /// The pixels that the tiles from row `top` of a picture read, column by column.
    fn columns<'a>(&'a self, input: PixelsRef<'a>, picture: usize, top: usize) -> Vec<[&'a [f32]; REACH]> {
        let place = |axis: usize, at: usize| {
            let place = at.checked_sub(self.padding[axis])? / self.enlarge;
            (place < self.input[axis]).then_some(place)
        };
        let [height, width] = self.input;
        let rows: [_; REACH] =
            array::from_fn(|y| place(0, top + y).map(|row| (picture * height + row) * width));
        let column = |x: usize| {
            let column = place(1, x);
            rows.map(|row| row.zip(column).map_or(&self.outside[..], |(row, x)| input.pixel(row + x)))
        };
        (0..self.result[1].next_multiple_of(SIDE) + REACH - SIDE).map(column).collect()
    }

    /// Input channels, filled up to whole vectors.
    #[inline(always)]
    fn depth<I: Isa>(&self, _: I) -> usize {
        self.packed.inputs.next_multiple_of(I::LANES)
    }

    /// Elements of the sums of a tile; a line more than that, so that tiles do not share sets of the cache.
    #[inline(always)]
    fn sums<I: Isa>(&self, _: I) -> usize {
        self.packed.bias.len() * PRODUCTS + LINE
    }
}

/// A row of tiles.
struct Strip<'a> {
    conv: &'a Winograd,
    /// The pixels that it reads.
    columns: &'a [[&'a [f32]; REACH]],
    /// The rows of the tiles that are wanted.
    own: Range<usize>,
    /// Where the first of them goes.
    first: usize,
}

impl Strip<'_> {
    #[inline(always)]
    fn fill<I: Isa>(&self, isa: I, scratch: &mut Scratch, pixels: &mut PixelsMut) {
        let Winograd { packed, result, .. } = self.conv;
        let (depth, sums) = (self.conv.depth(isa), self.conv.sums(isa));
        let most = if depth.max(packed.bias.len()) <= NARROW { MANY } else { FEW };
        let plane = most * depth + LINE;
        let [inputs, outputs, ring] = scratch.parts([plane * PRODUCTS, most * sums, PRODUCTS * depth]);
        let tiles = result[1].div_ceil(SIDE);
        for first in (0..tiles).step_by(most) {
            let count = most.min(tiles - first);
            let mut spread = Spread { channels: packed.inputs, depth, plane, ring, planes: inputs };
            spread.fill(isa, &self.columns[first * SIDE..], count);
            for (i, inputs) in inputs.chunks_exact(plane).enumerate() {
                for block in &packed.blocks {
                    let product = Product { packed, block, number: i, inputs, depth, sums };
                    product.fill(isa, count, outputs);
                }
            }
            for (t, sums) in outputs.chunks_exact(sums).take(count).enumerate() {
                self.gather(isa, sums, (first + t) * SIDE, pixels);
            }
        }
    }

    /// Stores the results of a tile, which begins at column `left`.
    #[inline(always)]
    fn gather<I: Isa>(&self, isa: I, sums: &[f32], left: usize, pixels: &mut PixelsMut) {
        let Winograd { packed, result: [_, width], .. } = self.conv;
        let columns = SIDE.min(width - left);
        for block in &packed.blocks {
            for j in 0..block.vectors {
                let first = block.bias + j * I::LANES;
                let bias = isa.load(&packed.bias[first..]);
                let results = results(isa, &sums[first * PRODUCTS..][..PRODUCTS * I::LANES]);
                let channels = (block.channels - j * I::LANES).min(I::LANES);
                let output = block.output + j * I::LANES;
                if self.own == (0..SIDE) && columns == SIDE && channels == I::LANES {
                    for (y, row) in results.iter().enumerate() {
                        for (x, &result) in row.iter().enumerate() {
                            let to = &mut pixels.pixel(self.first + y * width + left + x)[output..];
                            isa.store(to, isa.add(result, bias));
                        }
                    }
                    continue;
                }
                for (y, row) in results.iter().enumerate() {
                    for (x, &result) in row.iter().enumerate() {
                        if self.own.contains(&y) && x < columns {
                            let pixel = self.first + (y - self.own.start) * width + left + x;
                            let to = &mut pixels.pixel(pixel)[output..][..channels];
                            isa.store_partial(to, isa.add(result, bias));
                        }
                    }
                }
            }
        }
    }
}

/// The results of a tile for a vector of output channels.
#[inline(always)]
fn results<I: Isa>(isa: I, sums: &[f32]) -> [[I::F32; SIDE]; SIDE] {
    let mut columns = [[isa.zero(); SIDE]; REACH];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = transforms::output(
            isa,
            array::from_fn(|y| isa.load(&sums[(y * REACH + x) * I::LANES..][..I::LANES])),
        );
    }
    let mut results = [[isa.zero(); SIDE]; SIDE];
    for (y, row) in results.iter_mut().enumerate() {
        *row = transforms::output(isa, array::from_fn(|x| columns[x][y]));
    }
    results
}

/// The products of a block of tiles at one of the 36 places, for a block of output channels.
struct Product<'a> {
    packed: &'a Packed,
    block: &'a Block,
    /// Which of the 36.
    number: usize,
    /// For each tile, `depth` elements.
    inputs: &'a [f32],
    depth: usize,
    /// Elements from the sums of one tile to those of the next.
    sums: usize,
}

impl Product<'_> {
    /// Sums the products of `tiles` tiles.
    #[inline(always)]
    fn fill<I: Isa>(&self, isa: I, tiles: usize, outputs: &mut [f32]) {
        // As many sums as the registers hold beside the weights and the pixel.
        match (I::REGISTERS, self.block.vectors) {
            (32, 4) => self.multiply::<I, 6, 4>(isa, tiles, outputs),
            (32, 3) => self.multiply::<I, 8, 3>(isa, tiles, outputs),
            (32, 2) => self.multiply::<I, 12, 2>(isa, tiles, outputs),
            (32, _) => self.multiply::<I, 12, 1>(isa, tiles, outputs),
            (_, 2) => self.multiply::<I, 6, 2>(isa, tiles, outputs),
            _ => self.multiply::<I, 12, 1>(isa, tiles, outputs),
        }
    }

    /// `P` tiles by `V` vectors at a time.
    #[inline(always)]
    fn multiply<I: Isa, const P: usize, const V: usize>(&self, isa: I, tiles: usize, outputs: &mut [f32]) {
        let inputs = self.packed.inputs;
        let size = inputs * V * I::LANES;
        let weights = &self.packed.weights[self.block.weights + self.number * size..][..size];
        for first in (0..tiles).step_by(P) {
            let mut rows: [&[f32]; P] = [&[]; P];
            for (t, row) in rows.iter_mut().enumerate() {
                // Beyond the last tile, the last one again; its sums are not stored.
                *row = &self.inputs[(first + t).min(tiles - 1) * self.depth..][..inputs];
            }
            let sums = accumulate(isa, [[isa.zero(); V]; P], rows, weights);
            for (t, sums) in sums.iter().enumerate().take(tiles - first) {
                let tile = &mut outputs[(first + t) * self.sums + self.block.bias * PRODUCTS..];
                let vectors = tile.chunks_exact_mut(PRODUCTS * I::LANES);
                for (&sum, to) in sums.iter().zip(vectors) {
                    isa.store(&mut to[self.number * I::LANES..], sum);
                }
            }
        }
    }
}
