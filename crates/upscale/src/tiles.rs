//! Where a picture is cut into tiles, and how the results are joined.
//!
//! A tile computes its *core* and reads a *margin* around it. Where the margin holds all that the network sees, the joined
//! result is exactly that of the whole picture (but for its last bits, if the device rounds blocks of pixels together:
//! [`Device::alignment`](amplio_graph::Device::alignment)). Where that costs too much, neighbouring results overlap by a *ramp* on each
//! side of the border, and a smooth window leads from one to the other.

use std::ops::Range;

/// How a picture is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The most that a tile reads: rows, columns. All tiles read equally much.
    pub(crate) read: [usize; 2],
    /// What a tile reads beyond what it contributes to the result.
    pub(crate) margin: usize,
    /// Half of the width over which neighbouring results are blended; 0 where the margin makes them equal.
    pub(crate) ramp: usize,
}

/// One tile along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// What it stands for in the result, in pixels of the input.
    pub(crate) core: Range<usize>,
    /// What it reads; every span of an axis reads equally much.
    pub(crate) input: Range<usize>,
    /// Half of the width of the blend at its start and at its end; 0 at the picture's border.
    pub(crate) ramps: [usize; 2],
}

impl Cut {
    /// Of the cuts whose tiles have room, the one whose tiles read the fewest pixels in all, and among equals that with the widest
    /// tiles; `smallest` if there is room for none. `has_room` is asked about the height and width of what a tile reads.
    pub(crate) fn cheapest(
        size: [usize; 2],
        grid: usize,
        smallest: Self,
        has_room: impl Fn([usize; 2]) -> bool,
    ) -> Self {
        let axes = size.map(|size| smallest.axis(0, size, grid));
        let most = [0, 1].map(|axis| axes[axis].spans(smallest.read[axis]));
        let read = |rows, columns| [axes[0].read(rows), axes[1].read(columns)];
        let candidates = (1..=most[1]).filter_map(|columns| {
            let (mut rows, mut too_few) = (most[0], 0);
            while rows - too_few > 1 {
                let middle = usize::midpoint(rows, too_few);
                *(if has_room(read(middle, columns)) { &mut rows } else { &mut too_few }) = middle;
            }
            has_room(read(rows, columns)).then(|| Self { read: read(rows, columns), ..smallest })
        });
        candidates.min_by_key(|cut| cut.work(size, grid)).unwrap_or(smallest)
    }

    /// Pixels that all tiles of a picture of this size read.
    pub(crate) fn work(&self, size: [usize; 2], grid: usize) -> usize {
        let along = |axis: usize| {
            let (axis, most) = (self.axis(0, size[axis], grid), self.read[axis]);
            axis.spans(most) * axis.read(axis.spans(most))
        };
        along(0).saturating_mul(along(1))
    }

    /// Cuts the places `from..size` of an axis into as few even spans as it allows.
    ///
    /// Borders, and where what is read begins, are multiples of `grid`, as `from` is; what is read is as far from a multiple in
    /// length as `size` is. The results of the places before `from` exist already.
    pub(crate) fn spans(&self, axis: usize, from: usize, size: usize, grid: usize) -> Vec<Span> {
        let (most, axis) = (self.read[axis], self.axis(from, size, grid));
        let count = axis.spans(most);
        let read = axis.read(count);
        let first = |i: usize| axis.first + (size - axis.first - read) / grid * i / (count - 1).max(1) * grid;
        let border = |i: usize| match i {
            0 => from,
            _ if i == count => size,
            _ => first(i) + axis.reach * grid,
        };
        let span = |i: usize| {
            let core = border(i)..border(i + 1);
            let ramp = |outermost: bool| if outermost { 0 } else { self.ramp };
            let ramps = [ramp(core.start == 0), ramp(core.end == size)];
            Span { core, input: first(i)..first(i) + read, ramps }
        };
        (0..count).map(span).collect()
    }

    /// What is read where the places `from..size` of an axis are cut into twice as many spans.
    pub(crate) fn halved(&self, axis: usize, from: usize, size: usize, grid: usize) -> usize {
        let (most, axis) = (self.read[axis], self.axis(from, size, grid));
        axis.read(2 * axis.spans(most))
    }

    /// Places that a tile reads on each side of its core, in a grid.
    pub(crate) fn reach(&self, grid: usize) -> usize {
        (self.margin + self.ramp).next_multiple_of(grid)
    }

    fn axis(&self, from: usize, size: usize, grid: usize) -> Axis {
        let reach = self.reach(grid);
        let first = from.saturating_sub(reach);
        Axis { first, units: (size - first) / grid, rest: (size - first) % grid, reach: reach / grid, grid }
    }
}

/// What is read of an axis, in units of its grid.
struct Axis {
    /// The first place that is read.
    first: usize,
    /// How many units there are, and the places behind the last whole one.
    units: usize,
    rest: usize,
    /// Units that a span reads beyond its core, where the axis does not end.
    reach: usize,
    grid: usize,
}

impl Axis {
    /// The fewest spans that read at most `most` places each, or margins and a unit if that is more.
    fn spans(&self, most: usize) -> usize {
        let (most, margins) = (most.saturating_sub(self.rest) / self.grid, 2 * self.reach);
        match self.units <= most.max(margins) {
            true => 1,
            false => (self.units - margins).div_ceil(most.saturating_sub(margins).max(1)),
        }
    }

    /// Places that each of so many spans reads.
    fn read(&self, spans: usize) -> usize {
        let units = (self.units + 2 * self.reach * (spans - 1)).div_ceil(spans);
        units.clamp((2 * self.reach + 1).min(self.units), self.units) * self.grid + self.rest
    }
}

impl Span {
    /// The places of the result that the span contributes to, at `scale` results for each place of the input.
    pub(crate) fn reach(&self, scale: usize) -> Range<usize> {
        (self.core.start - self.ramps[0]) * scale..(self.core.end + self.ramps[1]) * scale
    }

    /// These places, in the result of the tile alone.
    pub(crate) fn reach_in_tile(&self, scale: usize) -> Range<usize> {
        let (reach, first) = (self.reach(scale), self.input.start * scale);
        reach.start - first..reach.end - first
    }

    /// How much of the result at `place` is this span's; over all spans that reach the place, the sum is 1.
    pub(crate) fn weight(&self, place: usize, scale: usize) -> f32 {
        // The distance into the blend from its outer end, as a share of its width.
        let rise = |distance: f32, ramp: usize| match ramp {
            0 => 1.0,
            _ => ((distance / (2 * ramp * scale) as f32).clamp(0.0, 1.0) * std::f32::consts::FRAC_PI_2)
                .sin()
                .powi(2),
        };
        let reach = self.reach(scale);
        let (before, after) =
            (place as f32 + 0.5 - reach.start as f32, reach.end as f32 - place as f32 - 0.5);
        rise(before, self.ramps[0]) * rise(after, self.ramps[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(most: usize, margin: usize, ramp: usize) -> Cut {
        Cut { read: [most; 2], margin, ramp }
    }

    #[test]
    fn spans_cover_the_axis_once_and_read_equally_much() {
        for (from, size) in [(0, 1), (0, 7), (0, 64), (0, 100), (0, 641), (3, 64), (30, 641)] {
            for most in [1, 19, 68, 1018] {
                let spans = cut(most, 9, 0).spans(0, from, size, 1);
                let cores: Vec<usize> = spans.iter().flat_map(|span| span.core.clone()).collect();
                assert_eq!(cores, (from..size).collect::<Vec<_>>());
                for span in &spans {
                    assert_eq!(span.input.len(), spans[0].input.len());
                    assert!(span.input.len() <= most.max(19) && span.input.end <= size);
                    assert!(span.input.start <= span.core.start.saturating_sub(9));
                    assert!(span.input.end >= (span.core.end + 9).min(size));
                }
            }
        }
    }

    #[test]
    fn spans_read_no_margin_where_the_picture_ends() {
        let read = |spans: usize| cut(1000, 48, 0).spans(0, 0, 1000 * spans - 96 * (spans - 1), 1);
        for count in 1..5 {
            let spans = read(count);
            assert_eq!(spans.len(), count);
            assert!(spans.iter().all(|span| span.input.len() == 1000));
        }
    }

    #[test]
    fn weights_add_up_to_one() {
        let spans = cut(68, 8, 6).spans(0, 0, 150, 2);
        for place in 0..450 {
            let reaching = spans.iter().filter(|span| span.reach(3).contains(&place));
            let sum: f32 = reaching.map(|span| span.weight(place, 3)).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{sum} at {place}");
        }
    }

    #[test]
    fn what_is_read_lies_on_the_coarse_grid() {
        assert_eq!(cut(71, 0, 0).spans(0, 0, 71, 4).len(), 1);
        for size in [204, 206] {
            for span in cut(74, 5, 4).spans(1, 0, size, 4) {
                assert_eq!((span.input.start % 4, span.input.len() % 4), (0, size % 4));
                assert!(span.input.start <= span.core.start.saturating_sub(9));
                assert!(span.input.end >= (span.core.end + 9).min(size));
            }
        }
    }

    #[test]
    fn the_cheapest_cut_reads_as_much_as_there_is_room_for() {
        let cheapest = |most: usize| {
            let cut =
                Cut::cheapest([1000, 1000], 1, cut(120, 32, 16), |[height, width]| height * width <= most);
            (cut.read, cut.work([1000, 1000], 1))
        };
        // Strips as wide as the picture, with margins of 48 rows where they meet; then squares.
        assert_eq!(cheapest(600_000), ([548, 1000], 1_096_000));
        assert_eq!(cheapest(500_000), ([398, 1000], 1_194_000));
        assert_eq!(cheapest(105_000), ([322, 322], 16 * 322 * 322));
        assert_eq!(cheapest(100).0, [120, 120], "there is room for no tile");
    }

    #[test]
    fn twice_as_many_spans_read_less() {
        let cut = cut(548, 32, 16);
        assert_eq!(cut.halved(0, 0, 1000, 1), 322);
        assert_eq!(cut.halved(0, 500, 1000, 1), 322);
        assert_eq!(cut.halved(0, 0, 96, 1), 96, "all of it is margin");
    }
}
