//! Resampling, sampling at given places, pooling.

use amplio_graph::ops::{
    Coordinates, Filter, GridPadding, GridSample, Pool, PoolKind, Resize, Slice, Target, Transpose,
};

use super::Suite;
use super::convolutions::conv;

const FILTERS: [Filter; 3] = [Filter::Nearest, Filter::Bilinear, Filter::BICUBIC];
const COORDINATES: [Coordinates; 3] =
    [Coordinates::HalfPixel, Coordinates::AlignCorners, Coordinates::Asymmetric];

pub(super) fn add(suite: &mut Suite) {
    resize(suite);
    grid_sample(suite);
    pool(suite);
}

fn resize(suite: &mut Suite) {
    let scales = [[2.0, 2.0], [3.0, 1.0], [0.5, 0.5], [1.5, 1.25], [0.7, 0.4]];
    for filter in FILTERS {
        for coordinates in COORDINATES {
            for scale in scales {
                let op = Resize { filter, target: Target::Scale(scale), coordinates, antialias: false };
                let name = format!("resize: {filter:?} {coordinates:?} by {scale:?}");
                suite.add(name, [2, 3, 6, 8], |net, _| net.apply(op, &[net.input()]));
            }
        }
    }
    for filter in [Filter::Bilinear, Filter::Bicubic(-0.5)] {
        for scale in [[0.5, 0.25], [0.3, 0.7], [2.0, 1.5]] {
            let target = Target::Scale(scale);
            let op = Resize { filter, target, coordinates: Coordinates::HalfPixel, antialias: true };
            let name = format!("resize: antialiased {filter:?} by {scale:?}");
            suite.add(name, [1, 5, 12, 16], |net, _| net.apply(op, &[net.input()]));
        }
    }
    for size in [[1, 1], [7, 5], [13, 20]] {
        for coordinates in COORDINATES {
            let target = Target::Size(size);
            let op = Resize { filter: Filter::Bilinear, target, coordinates, antialias: false };
            let name = format!("resize: {coordinates:?} to {size:?}");
            suite.add(name, [1, 17, 6, 8], |net, _| net.apply(op, &[net.input()]));
        }
    }
    suite.add("resize: like the second", [1, 3, 9, 11], |net, random| {
        let mut small = conv(random, [4, 3, 3, 3]);
        small.stride = [2, 2];
        let small = net.conv2d(small, net.input());
        let op = Resize {
            filter: Filter::Bilinear,
            target: Target::LikeSecond,
            coordinates: Coordinates::HalfPixel,
            antialias: false,
        };
        net.apply(op, &[small, net.input()])
    });
    for r in [1, 2, 3, 4] {
        suite.add(format!("resize: nearest {r}"), [2, 5, 4, 3], |net, _| net.nearest(r, net.input()));
    }
}

fn grid_sample(suite: &mut Suite) {
    for filter in FILTERS {
        for padding in [GridPadding::Zeros, GridPadding::Border, GridPadding::Reflection] {
            for align_corners in [false, true] {
                let name = format!(
                    "grid_sample: {filter:?} {padding:?} {}",
                    ["edges", "centres"][usize::from(align_corners)]
                );
                suite.add(name, [2, 5, 6, 7], |net, _| {
                    // Two channels say where to look in the other three, also beyond the edge.
                    let picture = net.apply(Slice { axis: 1, start: 0, end: 3, step: 1 }, &[net.input()]);
                    let places = net.apply(Slice { axis: 1, start: 3, end: 5, step: 1 }, &[net.input()]);
                    let grid = net.apply(Transpose { axes: vec![0, 2, 3, 1] }, &[places]);
                    let grid = net.scale(grid, 2.5);
                    net.apply(GridSample { filter, padding, align_corners }, &[picture, grid])
                });
            }
        }
    }
}

fn pool(suite: &mut Suite) {
    let kinds = [
        PoolKind::Max,
        PoolKind::Average { count_padding: true },
        PoolKind::Average { count_padding: false },
    ];
    for kind in kinds {
        for (kernel, stride, padding) in [
            ([2, 2], [2, 2], [0; 4]),
            ([3, 3], [1, 1], [1; 4]),
            ([3, 3], [2, 2], [1; 4]),
            ([2, 3], [2, 1], [1, 2, 0, 1]),
            ([7, 3], [3, 3], [0; 4]),
        ] {
            let op = Pool { kind, kernel, stride, padding };
            let name = format!("pool: {kind:?} {kernel:?} stride {stride:?} padding {padding:?}");
            suite.add(&name, [2, 17, 9, 10], |net, _| net.apply(op, &[net.input()]));
            suite.add(name, [1, 1, 7, 8], |net, _| net.apply(op, &[net.input()]));
        }
    }
}
