//! Operations that only move elements.

use amplio_graph::ops::{
    Concat, Dim, Gather, Pad, PadMode, PixelShuffle, PixelUnshuffle, Reshape, Roll, ShiftMask, Slice,
    Transpose, WindowPartition, WindowReverse,
};
use amplio_graph::{Op, Tensor};

use super::Suite;

pub(super) fn add(suite: &mut Suite) {
    let single = |suite: &mut Suite, name: &str, input: [usize; 4], op: Op| {
        suite.add(format!("{}: {name}", op.name()), input, |net, _| net.apply(op, &[net.input()]));
    };
    for (r, channels) in [(1, 3), (2, 4), (2, 12), (3, 9), (3, 27), (4, 48), (2, 68)] {
        single(suite, &format!("{r}, {channels} channels"), [2, channels, 3, 5], PixelShuffle { r }.into());
    }
    for (r, channels) in [(1, 3), (2, 1), (2, 3), (3, 2), (4, 3), (2, 17)] {
        single(
            suite,
            &format!("{r}, {channels} channels"),
            [2, channels, 12, 24],
            PixelUnshuffle { r }.into(),
        );
    }
    for mode in
        [PadMode::Constant(0.0), PadMode::Constant(-1.5), PadMode::Reflect, PadMode::Replicate, PadMode::Wrap]
    {
        for amounts in [[1; 4], [0, 3, 2, 1], [0, 0, 0, 4], [0; 4]] {
            single(suite, &format!("{mode:?} {amounts:?}"), [2, 3, 5, 6], Pad { mode, amounts }.into());
        }
    }
    for (axis, start, end, step) in [
        (1, 0, 3, 1),
        (1, 2, isize::MAX, 1),
        (1, -3, -1, 1),
        (1, 1, isize::MAX, 3),
        (2, 1, -1, 1),
        (2, 0, isize::MAX, 2),
        (3, 1, isize::MAX, 2),
        (3, -4, isize::MAX, 1),
    ] {
        let slice = Slice { axis, start, end, step };
        single(suite, &format!("axis {axis}, {start}..{end} by {step}"), [2, 8, 6, 7], slice.into());
    }
    for (axis, shift) in [(1, 1), (2, -2), (2, 9), (3, 3), (3, 0), (0, 1), (3, isize::MIN)] {
        single(suite, &format!("axis {axis} by {shift}"), [2, 5, 6, 7], Roll { axis, shift }.into());
    }
    for (axis, indices) in
        [(1, vec![2, 1, 0]), (1, vec![4, 4, 0, 1, 3, 2]), (2, vec![5, 0]), (3, vec![1, 1, 6])]
    {
        let name = format!("axis {axis} at {indices:?}");
        single(suite, &name, [2, 5, 6, 7], Gather { axis, indices: indices.into() }.into());
    }
    for axes in [[0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2], [3, 2, 1, 0], [1, 0, 2, 3]] {
        single(suite, &format!("{axes:?}"), [2, 5, 6, 7], Transpose { axes: axes.to_vec() }.into());
    }
    for window in [[1, 1], [2, 2], [4, 2], [8, 4]] {
        single(suite, &format!("{window:?}"), [2, 3, 8, 12], WindowPartition { window }.into());
        suite.add(format!("window_reverse: {window:?}"), [2, 3, 8, 12], |net, _| {
            let windows = net.apply(WindowPartition { window }, &[net.input()]);
            let some = net.apply(Slice { axis: 2, start: 1, end: 3, step: 1 }, &[windows]);
            net.apply(WindowReverse { window }, &[some, net.input()])
        });
    }
    for (window, shift) in [([2, 2], [1, 1]), ([4, 4], [2, 2]), ([4, 2], [1, 0]), ([4, 4], [0, 0])] {
        single(suite, &format!("{window:?} by {shift:?}"), [2, 3, 8, 12], ShiftMask { window, shift }.into());
    }
    reshapes(suite);
    concats(suite);
}

fn reshapes(suite: &mut Suite) {
    use Dim::{Fixed, Infer, Keep, Like};
    for (name, dims) in [
        ("to a vector", vec![Infer]),
        ("to tokens", vec![Keep(0), Keep(1), Infer]),
        ("to more dimensions", vec![Keep(0), Fixed(2), Fixed(3), Keep(2), Keep(3)]),
        ("to other rows", vec![Keep(0), Fixed(3), Infer, Keep(2), Fixed(1)]),
        ("without common factors", vec![Infer, Fixed(4), Keep(1)]),
        ("to the same", vec![Keep(0), Keep(1), Keep(2), Keep(3)]),
    ] {
        suite.add(format!("reshape: {name}"), [2, 6, 4, 5], |net, _| {
            net.apply(Reshape { dims }, &[net.input()])
        });
    }
    suite.add("reshape: there and back", [2, 6, 4, 5], |net, _| {
        let tokens = net.apply(Reshape { dims: vec![Keep(0), Keep(1), Infer] }, &[net.input()]);
        let swapped = net.apply(Transpose { axes: vec![0, 2, 1] }, &[tokens]);
        let again = net.apply(Transpose { axes: vec![0, 2, 1] }, &[swapped]);
        let dims = vec![Like(0), Keep(1), Like(2), Like(3)];
        net.apply(Reshape { dims }, &[again, net.input()])
    });
    suite.add("reshape: channel shuffle", [2, 6, 4, 5], |net, _| {
        let split = vec![Keep(0), Fixed(2), Infer, Keep(2), Keep(3)];
        let x = net.apply(Reshape { dims: split }, &[net.input()]);
        let x = net.apply(Transpose { axes: vec![0, 2, 1, 3, 4] }, &[x]);
        net.apply(Reshape { dims: vec![Keep(0), Infer, Keep(3), Keep(4)] }, &[x])
    });
}

fn concats(suite: &mut Suite) {
    for axis in 0..4 {
        suite.add(format!("concat: axis {axis}"), [2, 5, 6, 7], |net, _| {
            let part = if axis == 0 {
                net.input()
            } else {
                net.apply(Slice { axis, start: 1, end: 3, step: 1 }, &[net.input()])
            };
            net.apply(Concat { axis }, &[net.input(), part, net.input()])
        });
    }
    suite.add("concat: alone", [1, 5, 6, 7], |net, _| net.concat(&[net.input()]));
    suite.add("concat: with a constant", [1, 5, 6, 7], |net, random| {
        let pooled = net.apply(Slice { axis: 2, start: 0, end: 1, step: 1 }, &[net.input()]);
        let pixel = net.apply(Slice { axis: 3, start: 0, end: 1, step: 1 }, &[pooled]);
        let constant: Tensor = random.tensor([1, 3, 1, 1]);
        let constant = net.constant(constant);
        net.concat(&[constant, pixel, constant])
    });
    suite.add("concat: of tokens", [2, 6, 4, 5], |net, _| {
        let tokens =
            net.apply(Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Infer] }, &[net.input()]);
        net.apply(Concat { axis: 1 }, &[tokens, tokens])
    });
}
