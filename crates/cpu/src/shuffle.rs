//! The store of a step that turns channels into blocks of pixels.

use amplio_graph::Shape;
use amplio_graph::ops::BinaryFn;
use amplio_graph::plan::{Epilogue, Operand};
use amplio_simd::{Isa, Kernel, Level, PixelsMut, PixelsRef, dispatch, f16};

use crate::epilogue::Link;
use crate::layout::row;

/// Channels to blocks of `r` by `r` pixels, and what is applied to the larger rows.
#[derive(Debug)]
pub(crate) struct Shuffle {
    r: usize,
    /// Pixels in a row of the kernel's result.
    width: usize,
    /// The picture that is added, if that is what comes first: each of its pixels to all of a block.
    base: Option<usize>,
    after: Vec<Link>,
}

impl Shuffle {
    /// The shuffle of a result of this shape.
    pub(crate) fn new(r: usize, result: &Shape) -> Self {
        Self { r, width: row(result), base: None, after: Vec::new() }
    }

    /// The shape of what it makes of a result of this shape.
    pub(crate) fn shape(&self, result: &Shape) -> Shape {
        let r = self.r;
        Shape::image(result[0], result[1] / (r * r), result[2] * r, result[3] * r)
    }

    /// Pixels of a block.
    pub(crate) fn block(&self) -> usize {
        self.r * self.r
    }

    /// Takes an operation on what it makes, which has this shape; `input` is the index of its first operand among the views that
    /// the step reads.
    pub(crate) fn follow(&mut self, op: &Epilogue, link: Link, shape: &Shape, input: usize) {
        if self.is_base(op, shape) {
            self.base = Some(input);
        } else {
            self.after.push(link);
        }
    }

    /// Whether the operation is the first after the shuffle, and adds to a picture of this shape one that has a pixel for each
    /// block.
    fn is_base(&self, op: &Epilogue, shape: &Shape) -> bool {
        let Epilogue::Binary { function: BinaryFn::Add, operand: Operand::View { view, enlarge }, .. } = op
        else {
            return false;
        };
        let blocks = [shape[0], shape[1], shape[2] / self.r, shape[3] / self.r];
        self.base.is_none() && self.after.is_empty() && *enlarge == self.r && view.shape[..] == blocks
    }

    /// Makes of rows of pixels of `c * r * r` channels `r` times as many rows of `r` times as many pixels. The first of them is
    /// number `first` of the kernel's result.
    pub(crate) fn store(
        &self,
        level: Level,
        from: &[f32],
        inputs: &[PixelsRef],
        first: usize,
        to: &mut PixelsMut,
    ) {
        let (channels, larger) = (to.channels(), self.width * self.block());
        let mut base = vec![0.0; self.width * channels];
        for (y, from) in from.chunks_exact((larger * channels).max(1)).enumerate() {
            if let Some(input) = self.base {
                read(&inputs[input], first + y * self.width, channels, &mut base);
            }
            let row = Row { shuffle: self, from, base: &base, first: y * larger, to: to.reborrow() };
            dispatch(level, row);
        }
        for op in &self.after {
            op.apply(level, inputs, first * self.block(), to);
        }
    }
}

/// Copies the pixels from number `first` on.
fn read(from: &PixelsRef, first: usize, channels: usize, to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(channels.max(1)).enumerate() {
        if from.is_half() {
            to.iter_mut().zip(from.pixel_of::<f16>(first + i)).for_each(|(to, x)| *to = x.to_f32());
        } else {
            to.copy_from_slice(from.pixel(first + i));
        }
    }
}

/// A row of the kernel's result on its way to rows of larger pixels.
struct Row<'a> {
    shuffle: &'a Shuffle,
    from: &'a [f32],
    /// What is added: for each pixel the channels of a larger one.
    base: &'a [f32],
    /// The number of the first larger pixel.
    first: usize,
    to: PixelsMut<'a>,
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, _: I) {
        let channels = self.to.channels();
        let samples = self.first * channels..self.first * channels + self.from.len();
        // Pictures of three channels in loops of which the compiler knows the length.
        match (self.shuffle.r, channels, self.to.as_mut_slice()) {
            (2, 3, Some(to)) => colours::<2, 6>(self.from, self.base, &mut to[samples]),
            (3, 3, Some(to)) => colours::<3, 9>(self.from, self.base, &mut to[samples]),
            (4, 3, Some(to)) => colours::<4, 12>(self.from, self.base, &mut to[samples]),
            _ => self.any(channels),
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn any(&mut self, channels: usize) {
        let Shuffle { r, width, .. } = *self.shuffle;
        for (x, base) in self.base.chunks_exact(channels.max(1)).enumerate() {
            let from = &self.from[x * channels * r * r..][..channels * r * r];
            for (i, j) in (0..r).flat_map(|i| (0..r).map(move |j| (i, j))) {
                let to = self.to.pixel(self.first + (i * width + x) * r + j);
                for (c, (to, base)) in to.iter_mut().zip(base).enumerate() {
                    *to = from[(c * r + i) * r + j] + base;
                }
            }
        }
    }
}

/// Blocks of `R` by `R` pixels of three channels, of which a row has `N` samples.
#[inline(always)]
fn colours<const R: usize, const N: usize>(from: &[f32], base: &[f32], to: &mut [f32]) {
    let (base, _) = base.as_chunks::<3>();
    for (i, to) in to.chunks_exact_mut(base.len() * N).enumerate() {
        let (to, _) = to.as_chunks_mut::<N>();
        for ((from, base), to) in from.chunks_exact(R * N).zip(base).zip(to) {
            for j in 0..R {
                for c in 0..3 {
                    to[j * 3 + c] = from[(c * R + i) * R + j] + base[c];
                }
            }
        }
    }
}
