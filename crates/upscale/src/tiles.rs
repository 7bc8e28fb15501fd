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
    /// The largest core: rows, columns. Cores are about equally large.
    pub(crate) core: [usize; 2],
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

/// Cuts the places `from..size` of an axis into even spans of at most `most` places (or of `grid`, if that is more).
///
/// Borders, and where what is read begins, are multiples of `grid`, as `from` is; what is read is as far from a multiple in
/// length as `size` is. The results of the places before `from` exist already.
pub(crate) fn spans(from: usize, size: usize, most: usize, cut: &Cut, grid: usize) -> Vec<Span> {
    let reach = (cut.margin + cut.ramp).next_multiple_of(grid);
    let units = (size - from).div_ceil(grid);
    // What fits is not cut, also if it is no multiple of the grid.
    let count = if size - from <= most { 1 } else { units.div_ceil((most / grid).max(1)) };
    let border = |i: usize| (from + i * units / count * grid).min(size);
    let longest = units.div_ceil(count) * grid;
    let read = (longest + 2 * reach + size % grid).min(size);
    let span = |i: usize| {
        let core = border(i)..border(i + 1);
        let first = core.start.saturating_sub(reach).min(size - read);
        let ramp = |outermost: bool| if outermost { 0 } else { cut.ramp };
        let ramps = [ramp(core.start == 0), ramp(core.end == size)];
        Span { core, input: first..first + read, ramps }
    };
    (0..count).map(span).collect()
}

impl Span {
    /// The places of the result that the span contributes to, at `scale` results for each place of the input.
    pub(crate) fn reach(&self, scale: usize) -> Range<usize> {
        (self.core.start - self.ramps[0]) * scale..(self.core.end + self.ramps[1]) * scale
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

    #[test]
    fn spans_cover_the_axis_once_and_read_equally_much() {
        for size in [1, 7, 64, 100, 641] {
            for most in [1, 16, 50, 1000] {
                let cut = Cut { core: [most; 2], margin: 9, ramp: 0 };
                let spans = spans(0, size, most, &cut, 1);
                let cores: Vec<usize> = spans.iter().flat_map(|span| span.core.clone()).collect();
                assert_eq!(cores, (0..size).collect::<Vec<_>>());
                for span in &spans {
                    assert_eq!(span.input.len(), spans[0].input.len());
                    assert!(span.core.len() <= most && span.input.end <= size);
                    assert!(span.input.start <= span.core.start.saturating_sub(9));
                    assert!(span.input.end >= (span.core.end + 9).min(size));
                }
            }
        }
    }

    #[test]
    fn weights_add_up_to_one() {
        let cut = Cut { core: [40; 2], margin: 8, ramp: 6 };
        let spans = spans(0, 150, 40, &cut, 2);
        for place in 0..450 {
            let reaching = spans.iter().filter(|span| span.reach(3).contains(&place));
            let sum: f32 = reaching.map(|span| span.weight(place, 3)).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{sum} at {place}");
        }
    }

    #[test]
    fn what_is_read_lies_on_the_coarse_grid() {
        let cut = Cut { core: [50; 2], margin: 5, ramp: 4 };
        assert_eq!(spans(0, 71, 71, &Cut { core: [71; 2], margin: 0, ramp: 0 }, 4).len(), 1);
        for size in [204, 206] {
            for span in spans(0, size, 50, &cut, 4) {
                assert_eq!((span.input.start % 4, span.input.len() % 4), (0, size % 4));
                assert!(span.input.start <= span.core.start.saturating_sub(9));
                assert!(span.input.end >= (span.core.end + 9).min(size));
            }
        }
    }
}
