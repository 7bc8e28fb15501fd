//! Shared buffers: channel slices of one wide buffer, read and written at the same time.
//!
//! Networks that concatenate keep several tensors in one NHWC buffer: the convolution of a dense block reads the channels 0..96 of
//! every pixel and writes the channels 96..128 of the same buffer, from many threads, each writing other rows. [`borrow`] checks
//! once that what is written shares no element with anything else; after that, pixels are handed out as plain slices.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::slice;

use half::f16;

use crate::prefetch::prefetch_near;
use crate::{AlignedBuf, Element, Error, Isa};

/// Some channels of some pixels of a buffer: the elements `offset + p * stride + c` for all `p < pixels` and `c < channels`, counted
/// as if all of the buffer held elements of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region {
    /// The first element.
    pub offset: usize,
    /// The number of pixels.
    pub pixels: usize,
    /// The elements from one pixel to the next.
    pub stride: usize,
    /// The elements of each pixel that belong to the region; at most `stride`.
    pub channels: usize,
    /// Whether the elements are floats of 16 bits, not of 32.
    pub half: bool,
}

impl Region {
    /// A region of whole pixels, one after the other, from the start of a buffer.
    pub const fn dense(pixels: usize, channels: usize) -> Self {
        Self { offset: 0, pixels, stride: channels, channels, half: false }
    }

    /// The same, counted in units of 16 bits; `None` if that overflows.
    fn units(&self) -> Option<Self> {
        if self.half {
            return Some(*self);
        }
        let double = |n: usize| n.checked_mul(2);
        let (offset, stride, channels) = (double(self.offset)?, double(self.stride)?, double(self.channels)?);
        Some(Self { offset, stride, channels, half: true, ..*self })
    }

    /// The position after the last pixel's channels (also where there are none), or `None` if that overflows or the channels exceed the stride.
    fn end(&self) -> Option<usize> {
        if self.channels > self.stride {
            return None;
        }
        if self.pixels == 0 {
            return Some(self.offset);
        }
        let last = (self.pixels - 1).checked_mul(self.stride)?.checked_add(self.offset)?;
        last.checked_add(self.channels)
    }

    /// Whether it lies in a buffer of so many floats of 32 bits.
    fn fits(&self, len: usize) -> bool {
        let end = self.units().and_then(|units| units.end());
        end.is_some_and(|end| end.div_ceil(2) <= len)
    }

    fn is_empty(&self) -> bool {
        self.pixels == 0 || self.channels == 0
    }

    /// Whether two regions of one buffer, each within it, provably share no element.
    fn is_disjoint(&self, other: &Self) -> bool {
        match (self.units(), other.units()) {
            (Some(units), Some(other)) => units.is_apart(&other),
            _ => false,
        }
    }

    /// [`Region::is_disjoint`] of regions of one kind.
    fn is_apart(&self, other: &Self) -> bool {
        let (Some(end), Some(other_end)) = (self.end(), other.end()) else {
            return false;
        };
        if self.is_empty() || other.is_empty() || end <= other.offset || other_end <= self.offset {
            return true;
        }
        if self.stride != other.stride {
            return false;
        }
        // Modulo the stride each region is an arc of a circle; `other` must start after `self` ends and end before it starts again.
        let stride = self.stride;
        let distance = (other.offset % stride + stride - self.offset % stride) % stride;
        self.channels <= distance && other.channels <= stride - distance
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, pixels, stride, channels, half } = self;
        let half = if *half { ", halves" } else { "" };
        write!(f, "region of {pixels} pixels x {channels} channels (offset {offset}, stride {stride}{half})")
    }
}

/// The places of a square of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The number of the first pixel.
    pub first: usize,
    /// Pixels from one row of the square to the next.
    pub row: usize,
    /// Pixels from one column of the square to the next.
    pub column: usize,
}

impl Grid {
    /// The number of the last of `side` by `side` pixels, or `None` if that overflows.
    #[inline(always)]
    fn last(self, side: usize) -> Option<usize> {
        self.row.checked_add(self.column)?.checked_mul(side - 1)?.checked_add(self.first)
    }
}

/// Lends regions of `buffers`, each named by the index of its buffer: `reads` to be shared, `writes` to be written exclusively.
///
/// A written region must share no element with any other region: it lies in a buffer of its own, or outside of the other's range of
/// elements, or both have the same stride and different channels modulo that stride.
///
/// # Errors
/// [`Error::OutOfBounds`] if a region exceeds its buffer, [`Error::Overlap`] if a written region may share an element with another.
pub fn borrow<'a>(
    buffers: &'a mut [AlignedBuf],
    reads: &[(usize, Region)],
    writes: &[(usize, Region)],
) -> Result<(Vec<PixelsRef<'a>>, Vec<PixelsMut<'a>>), Error> {
    for &(buffer, region) in reads.iter().chain(writes) {
        let len = buffers.get(buffer).map_or(0, |b| b.len());
        if buffer >= buffers.len() || !region.fits(len) {
            return Err(Error::OutOfBounds { buffer, len, region });
        }
    }
    for (i, &(buffer, write)) in writes.iter().enumerate() {
        for &(_, other) in reads.iter().chain(&writes[i + 1..]).filter(|(b, _)| *b == buffer) {
            if !write.is_disjoint(&other) {
                return Err(Error::Overlap { buffer, write, other });
            }
        }
    }
    let bases: Vec<*mut f16> = buffers.iter_mut().map(|buffer| buffer.base().cast()).collect();
    // `wrapping_add` because the offset of an empty region may lie anywhere up to the end, and needs no proof here.
    let start = |(buffer, region): &(usize, Region)| {
        bases[*buffer].wrapping_add(if region.half { region.offset } else { 2 * region.offset })
    };
    let reads = reads.iter().map(|r| PixelsRef { start: start(r), shape: r.1.into(), lifetime: PhantomData });
    let writes =
        writes.iter().map(|w| PixelsMut { start: start(w), shape: w.1.into(), lifetime: PhantomData });
    Ok((reads.collect(), writes.collect()))
}

/// What both views know of their region beside its start.
#[derive(Debug, Clone, Copy)]
struct Shape {
    pixels: usize,
    /// Units of 16 bits from one pixel to the next.
    stride: usize,
    channels: usize,
    /// Whether the elements are floats of 16 bits, not of 32.
    half: bool,
}

impl From<Region> for Shape {
    fn from(Region { pixels, stride, channels, half, .. }: Region) -> Self {
        Self { pixels, stride: if half { stride } else { 2 * stride }, channels, half }
    }
}

impl Shape {
    /// # Panics
    /// If `len` is no multiple of `channels`.
    fn dense(len: usize, channels: usize) -> Self {
        let pixels = len.checked_div(channels).unwrap_or(0);
        assert!(pixels * channels == len, "{len} elements are no whole pixels of {channels} channels");
        Self { pixels, stride: 2 * channels, channels, half: false }
    }

    /// Where pixel `i` of elements of this kind begins, in units of 16 bits from the start of the region.
    #[inline(always)]
    fn place<E: Element>(self, i: usize) -> usize {
        assert!(i < self.pixels, "pixel {i} of {}", self.pixels);
        assert!(self.half == E::HALF, "elements of the other kind");
        i * self.stride
    }

    /// Where `lanes` channels from `channel` on of a square of `side` pixels a side begin, in units of 16 bits.
    #[inline(always)]
    fn square<E: Element>(self, grid: Grid, side: usize, channel: usize, lanes: usize) -> usize {
        let Self { pixels, channels, half, .. } = self;
        let last = grid.last(side);
        assert!(last.is_some_and(|last| last < pixels), "{side} by {side} pixels, {grid:?}, of {pixels}");
        let last = channel.checked_add(lanes);
        assert!(last.is_some_and(|last| last <= channels), "{lanes} channels from {channel} of {channels}");
        assert!(half == E::HALF, "elements of the other kind");
        grid.first * self.stride + if half { channel } else { 2 * channel }
    }

    /// Whether it is floats of 32 bits without gaps.
    fn is_dense(self) -> bool {
        !self.half && 2 * self.channels == self.stride
    }
}

/// Some channels of some pixels, to be read.
///
/// Invariant: for `'a`, every element of the region is initialised, alive and written by nobody.
#[derive(Debug, Clone, Copy)]
pub struct PixelsRef<'a> {
    start: *const f16,
    shape: Shape,
    lifetime: PhantomData<&'a [f32]>,
}

/// Some channels of some pixels, to be written by one owner.
///
/// Invariant: for `'a`, every element of the region is initialised, alive and used by nobody else.
#[derive(Debug)]
pub struct PixelsMut<'a> {
    start: *mut f16,
    shape: Shape,
    lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: by its invariant a `PixelsRef` is a `&[f32]` with gaps, which is Send.
unsafe impl Send for PixelsRef<'_> {}
// SAFETY: by its invariant a `PixelsRef` is a `&[f32]` with gaps, which is Sync.
unsafe impl Sync for PixelsRef<'_> {}
// SAFETY: by its invariant a `PixelsMut` is a `&mut [f32]` with gaps, which is Send.
unsafe impl Send for PixelsMut<'_> {}
// SAFETY: by its invariant a `PixelsMut` is a `&mut [f32]` with gaps, which is Sync: a shared reference to it gives no pixel away.
unsafe impl Sync for PixelsMut<'_> {}

impl<'a> PixelsRef<'a> {
    /// The whole of `elements` as pixels of `channels` channels.
    ///
    /// # Panics
    /// If the number of elements is no multiple of `channels`.
    pub fn dense(elements: &'a [f32], channels: usize) -> Self {
        let shape = Shape::dense(elements.len(), channels);
        Self { start: elements.as_ptr().cast(), shape, lifetime: PhantomData }
    }

    /// The number of pixels.
    #[inline(always)]
    pub fn pixels(&self) -> usize {
        self.shape.pixels
    }

    /// The number of channels of each pixel.
    #[inline(always)]
    pub fn channels(&self) -> usize {
        self.shape.channels
    }

    /// The channels of pixel `i`.
    ///
    /// # Panics
    /// If there is no pixel `i`, or its elements are halves.
    #[inline(always)]
    pub fn pixel(&self, i: usize) -> &'a [f32] {
        self.pixel_of(i)
    }

    /// As [`PixelsRef::pixel`], of elements `E`.
    ///
    /// # Panics
    /// If there is no pixel `i`, or its elements are of another kind.
    #[inline(always)]
    pub fn pixel_of<E: Element>(&self, i: usize) -> &'a [E] {
        let place = self.shape.place::<E>(i);
        // SAFETY: `place` checked `i` and the kind, so these are elements of the region, aligned as those of its buffer, which the
        // invariant lets us read for 'a.
        unsafe { slice::from_raw_parts(self.start.add(place).cast(), self.shape.channels) }
    }

    /// Whether the elements are floats of 16 bits.
    #[inline(always)]
    pub fn is_half(&self) -> bool {
        self.shape.half
    }

    /// A vector of the channels from `channel` on of each pixel of a square of `N` by `N`.
    ///
    /// # Panics
    /// If there are no such pixels or channels, or the elements are of another kind.
    #[inline(always)]
    pub fn load_square<I: Isa, E: Element, const N: usize>(
        &self,
        isa: I,
        grid: Grid,
        channel: usize,
    ) -> [[I::F32; N]; N] {
        let shape = self.shape;
        let place = shape.square::<E>(grid, N, channel, I::LANES);
        let mut vectors = [[isa.zero(); N]; N];
        for (y, row) in vectors.iter_mut().enumerate() {
            for (x, vector) in row.iter_mut().enumerate() {
                // SAFETY: `square` checked that the pixels and channels are in the region and of this kind, so that the invariant
                // lets us read them.
                let from = unsafe {
                    let start = self.start.add(place + (y * grid.row + x * grid.column) * shape.stride);
                    slice::from_raw_parts(start.cast::<E>(), I::LANES)
                };
                *vector = E::load(isa, from);
            }
        }
        vectors
    }

    /// Lines of `length` neighbours each, from these pixels on; where there is none, each pixel of the line is `outside`.
    ///
    /// # Panics
    /// If there are no such pixels, `outside` has another number of channels, or the elements are of another kind.
    pub fn lines<E: Element, const N: usize>(
        &self,
        firsts: [Option<usize>; N],
        length: usize,
        outside: &'a [E],
    ) -> Lines<'a, E, N> {
        let Shape { pixels, stride, channels, half } = self.shape;
        assert!(half == E::HALF, "elements of the other kind");
        assert!(outside.len() == channels, "a pixel of {} channels, not {channels}", outside.len());
        let lines = firsts.map(|first| match first {
            Some(first) => {
                let end = first.checked_add(length);
                assert!(end.is_some_and(|end| end <= pixels), "{length} pixels from {first} of {pixels}");
                (self.start.wrapping_add(first * stride).cast(), if half { stride } else { stride / 2 })
            }
            None => (outside.as_ptr(), 0),
        });
        Lines { lines, length, channels, lifetime: PhantomData }
    }

    /// The pixels of `range` only.
    ///
    /// # Panics
    /// If the range exceeds the pixels.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let Range { start, end } = range;
        assert!(start <= end && end <= self.shape.pixels, "pixels {start}..{end} of {}", self.shape.pixels);
        let shape = Shape { pixels: end - start, ..self.shape };
        Self { start: self.start.wrapping_add(start * shape.stride), shape, lifetime: PhantomData }
    }

    /// All elements, if they are floats of 32 bits and the pixels follow each other without gaps.
    pub fn as_slice(&self) -> Option<&'a [f32]> {
        // SAFETY: without gaps the region is one range of elements, which the invariant lets us read for 'a.
        self.shape.is_dense().then(|| unsafe {
            slice::from_raw_parts(self.start.cast(), self.shape.pixels * self.shape.channels)
        })
    }
}

/// Lines of pixels that are read together, of which some may lie outside of a picture.
///
/// Invariant: for `'a`, `channels` elements from `start + x * stride` on are initialised, alive and written by nobody, for the start
/// and the stride of each line and all `x < length`.
#[derive(Debug)]
pub struct Lines<'a, E, const N: usize> {
    /// Of each line, where it begins, and the elements from one of its pixels to the next.
    lines: [(*const E, usize); N],
    length: usize,
    channels: usize,
    lifetime: PhantomData<&'a [E]>,
}

impl<'a, E: Element, const N: usize> Lines<'a, E, N> {
    /// The number of channels of each pixel.
    #[inline(always)]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The channels of pixel `x` of each line.
    ///
    /// # Panics
    /// If there is no such pixel.
    #[inline(always)]
    pub fn column(&self, x: usize) -> [&'a [E]; N] {
        assert!(x < self.length, "pixel {x} of {}", self.length);
        // SAFETY: as `x` is in the line, the invariant lets us read these elements for 'a.
        self.lines
            .map(|(start, stride)| unsafe { slice::from_raw_parts(start.add(x * stride), self.channels) })
    }

    /// Whether something lies between the pixels of a line.
    #[inline(always)]
    pub fn has_gaps(&self) -> bool {
        self.lines.iter().any(|(_, stride)| *stride != self.channels)
    }

    /// Asks for some pixels of each line to be brought near, to be read soon; a hint that changes nothing.
    #[inline(always)]
    pub fn prefetch(&self, pixels: Range<usize>) {
        for (start, stride) in self.lines {
            for x in pixels.clone() {
                prefetch_near(start.wrapping_add(x * stride), self.channels);
            }
        }
    }
}

impl<'a> PixelsMut<'a> {
    /// The whole of `elements` as pixels of `channels` channels.
    ///
    /// # Panics
    /// If the number of elements is no multiple of `channels`.
    pub fn dense(elements: &'a mut [f32], channels: usize) -> Self {
        let shape = Shape::dense(elements.len(), channels);
        Self { start: elements.as_mut_ptr().cast(), shape, lifetime: PhantomData }
    }

    /// The number of pixels.
    #[inline(always)]
    pub fn pixels(&self) -> usize {
        self.shape.pixels
    }

    /// The number of channels of each pixel.
    #[inline(always)]
    pub fn channels(&self) -> usize {
        self.shape.channels
    }

    /// The channels of pixel `i`.
    ///
    /// # Panics
    /// If there is no pixel `i`, or its elements are halves.
    #[inline(always)]
    pub fn pixel(&mut self, i: usize) -> &mut [f32] {
        self.pixel_of(i)
    }

    /// As [`PixelsMut::pixel`], of elements `E`.
    ///
    /// # Panics
    /// If there is no pixel `i`, or its elements are of another kind.
    #[inline(always)]
    pub fn pixel_of<E: Element>(&mut self, i: usize) -> &mut [E] {
        let place = self.shape.place::<E>(i);
        // SAFETY: `place` checked `i` and the kind, so these are elements of the region, aligned as those of its buffer, which by the
        // invariant are ours alone; the borrow of `self` keeps us from lending them twice.
        unsafe { slice::from_raw_parts_mut(self.start.add(place).cast(), self.shape.channels) }
    }

    /// Whether the elements are floats of 16 bits.
    #[inline(always)]
    pub fn is_half(&self) -> bool {
        self.shape.half
    }

    /// All elements, if they are floats of 32 bits and the pixels follow each other without gaps.
    pub fn as_mut_slice(&mut self) -> Option<&mut [f32]> {
        // SAFETY: without gaps the region is one range of elements, by the invariant ours alone; the borrow of `self` keeps us from
        // lending them twice.
        self.shape.is_dense().then(|| unsafe {
            slice::from_raw_parts_mut(self.start.cast(), self.shape.pixels * self.shape.channels)
        })
    }

    /// Writes a vector to the channels from `channel` on of each pixel of a square of `N` by `N`.
    ///
    /// # Panics
    /// If there are no such pixels or channels, or the elements are of another kind.
    #[inline(always)]
    pub fn store_square<I: Isa, E: Element, const N: usize>(
        &mut self,
        isa: I,
        grid: Grid,
        channel: usize,
        vectors: &[[I::F32; N]; N],
    ) {
        let (start, shape) = (self.start, self.shape);
        let place = shape.square::<E>(grid, N, channel, I::LANES);
        for (y, row) in vectors.iter().enumerate() {
            for (x, &vector) in row.iter().enumerate() {
                // SAFETY: `square` checked that the pixels and channels are in the region and of this kind, so that by the
                // invariant they are ours alone; the borrow of `self` keeps us from lending them twice.
                let to = unsafe {
                    let start = start.add(place + (y * grid.row + x * grid.column) * shape.stride);
                    slice::from_raw_parts_mut(start.cast::<E>(), I::LANES)
                };
                E::store(isa, to, vector);
            }
        }
    }

    /// The same pixels for a shorter time.
    pub fn reborrow(&mut self) -> PixelsMut<'_> {
        PixelsMut { start: self.start, shape: self.shape, lifetime: PhantomData }
    }

    /// The pixels before `pixel`, and those from it on.
    ///
    /// # Panics
    /// If `pixel` exceeds the number of pixels.
    pub fn split_at(self, pixel: usize) -> (Self, Self) {
        assert!(pixel <= self.shape.pixels, "pixel {pixel} of {}", self.shape.pixels);
        let head = Shape { pixels: pixel, ..self.shape };
        let tail = Shape { pixels: self.shape.pixels - pixel, ..self.shape };
        // The tail may be empty, and its start then lie outside of the buffer: `wrapping_add`.
        let middle = self.start.wrapping_add(pixel * self.shape.stride);
        (
            Self { start: self.start, shape: head, lifetime: PhantomData },
            Self { start: middle, shape: tail, lifetime: PhantomData },
        )
    }

    /// Parts of `pixels` pixels each, and the rest in the last, for one thread each.
    ///
    /// # Panics
    /// If `pixels` is zero.
    pub fn chunks(self, pixels: usize) -> impl Iterator<Item = Self> + Send {
        assert!(pixels > 0, "chunks of no pixels");
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let all = rest.take().filter(|all| all.pixels() > 0)?;
            let at = pixels.min(all.pixels());
            let (chunk, tail) = all.split_at(at);
            rest = Some(tail);
            Some(chunk)
        })
    }
}

#[cfg(test)]
mod tests;
