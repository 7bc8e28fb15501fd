//! DySample: an enlargement that looks for each of its pixels where the network says.
//!
//! Paper: Liu, Lu, Fu, Cao: Learning to Upsample by Learning to Sample, 2023, <https://arxiv.org/abs/2308.15085>,
//! <https://github.com/tiny-smart/dysample>; here with the scope of each step and a convolution at the end.

use amplio_graph::ops::{
    Binary, BinaryFn, Coordinates, Dim, Filter, GridPadding, GridSample, Reduce, ReduceKind,
};
use amplio_graph::ops::{Reshape, Resize, Target, Transpose, Unary};
use amplio_graph::{Builder, Shape, Tensor, Value};

use super::layers::{conv, side};
use super::square_root;
use crate::weights::Scope;
use crate::{Error, Result};

/// The largest scale that is believed.
const LARGEST_SCALE: usize = 16;

/// The scale of the enlargement with these weights, which splits its channels into `groups`.
pub(super) fn scale(weights: &Scope<'_>, groups: usize) -> Result<usize> {
    let steps = side(&weights.scope("offset"), 0)?;
    let scale = steps.is_multiple_of(2 * groups).then(|| square_root(steps / (2 * groups))).flatten();
    scale.filter(|scale| (1..=LARGEST_SCALE).contains(scale)).ok_or_else(|| {
        Error::unsupported(format!(
            "{steps} channels of steps for {groups} groups are those of no whole scale"
        ))
    })
}

/// `x` enlarged. Its channels are split into `groups` that move together.
pub(super) fn dysample(net: &mut Builder, weights: &Scope<'_>, groups: usize, x: Value) -> Result<Value> {
    let scale = scale(weights, groups)?;
    let channels = side(&weights.scope("offset"), 1)?;
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(Error::unsupported(format!("{channels} channels in {groups} groups")));
    }
    let grid = grid(net, weights, groups, scale, x)?;
    let split = Reshape { dims: vec![Dim::Infer, Dim::Fixed(channels / groups), Dim::Keep(2), Dim::Keep(3)] };
    let split = net.at(weights.path()).apply(split, &[x]);
    let sample = GridSample { filter: Filter::Bilinear, padding: GridPadding::Border, align_corners: false };
    let sampled = net.apply(sample, &[split, grid]);
    let joined = Reshape { dims: vec![Dim::Infer, Dim::Fixed(channels), Dim::Keep(2), Dim::Keep(3)] };
    let joined = net.apply(joined, &[sampled]);
    if weights.has("end_conv.weight") { conv(net, &weights.scope("end_conv"), joined) } else { Ok(joined) }
}

/// Where each pixel of the result is looked for: for each group, as [`GridSample`] takes it.
fn grid(net: &mut Builder, weights: &Scope<'_>, groups: usize, scale: usize, x: Value) -> Result<Value> {
    let steps = groups * scale * scale;
    let scope = conv(net, &weights.scope("scope"), x)?;
    let scope = net.unary(Unary::Sigmoid, scope);
    let scope = net.scale(scope, 0.5);
    let offset = conv(net, &weights.scope("offset"), x)?;
    let offset = net.mul(offset, scope);
    let start = weights.tensor("init_pos")?;
    if start.data().len() != 2 * steps {
        return Err(Error::unsupported(format!(
            "{}.init_pos has the shape {}",
            weights.path(),
            start.shape()
        )));
    }
    let start = Tensor::new(Shape::new([1, 2 * steps, 1, 1]), start.data().to_vec())?;
    let start = net.constant(start);
    let offset = net.add(offset, start);

    // Horizontal, then vertical, each from the centre of the small pixel, in small pixels.
    let split =
        Reshape { dims: vec![Dim::Keep(0), Dim::Fixed(2), Dim::Fixed(steps), Dim::Keep(2), Dim::Keep(3)] };
    let offset = net.apply(split, &[offset]);
    let [centres, sizes] = places(net, x);
    let apart = |x: Value, net: &mut Builder| {
        let dims = vec![Dim::Keep(0), Dim::Keep(1), Dim::Fixed(1), Dim::Keep(2), Dim::Keep(3)];
        net.apply(Reshape { dims }, &[x])
    };
    let (centres, sizes) = (apart(centres, net), apart(sizes, net));
    let offset = net.scale(offset, 2.0);
    let offset = net.apply(Binary { function: BinaryFn::Div }, &[offset, sizes]);
    let place = net.add(offset, centres);

    let joined = Reshape { dims: vec![Dim::Keep(0), Dim::Fixed(2 * steps), Dim::Keep(3), Dim::Keep(4)] };
    let place = net.apply(joined, &[place]);
    let place = net.pixel_shuffle(scale, place);
    let by_axis =
        Reshape { dims: vec![Dim::Keep(0), Dim::Fixed(2), Dim::Fixed(groups), Dim::Keep(2), Dim::Keep(3)] };
    let place = net.apply(by_axis, &[place]);
    let place = net.apply(Transpose { axes: vec![0, 2, 3, 4, 1] }, &[place]);
    let flat = Reshape { dims: vec![Dim::Infer, Dim::Keep(2), Dim::Keep(3), Dim::Fixed(2)] };
    Ok(net.apply(flat, &[place]))
}

/// Where the centres of the pixels of `x` lie, from -1 to 1 between the picture's edges, and the picture's width and height:
/// each as two channels, the horizontal one first. No primitive knows sizes, so that both are made of constants that are
/// enlarged to the size of `x`.
fn places(net: &mut Builder, x: Value) -> [Value; 2] {
    let like =
        |filter, coordinates| Resize { filter, target: Target::LikeSecond, coordinates, antialias: false };
    // From 0 at the first pixel to 1 at the last.
    let corners =
        Tensor::from_fn(Shape::new([1, 2, 2, 2]), |at| if at[1] == 0 { at[3] as f32 } else { at[2] as f32 });
    let corners = net.constant(corners);
    let ramps = net.apply(like(Filter::Bilinear, Coordinates::AlignCorners), &[corners, x]);
    let one = net.constant(Tensor::from_fn(Shape::new([1, 1, 1, 1]), |_| 1.0));
    let ones = net.apply(like(Filter::Nearest, Coordinates::HalfPixel), &[one, x]);
    let [width, height] = [3, 2].map(|axis| {
        let count = net.apply(Reduce { kind: ReduceKind::Sum, axes: vec![axis], keep: true }, &[ones]);
        net.apply(Reduce { kind: ReduceKind::Max, axes: vec![5 - axis], keep: true }, &[count])
    });
    let sizes = net.concat(&[width, height]);
    // The centre of pixel i lies at (2 i + 1) / size - 1; i is the ramp's part of the last pixel.
    let minus_one = net.constant(Tensor::scalar(-1.0));
    let last = net.add(sizes, minus_one);
    let index = net.mul(ramps, last);
    let doubled = net.scale(index, 2.0);
    let one = net.constant(Tensor::scalar(1.0));
    let odd = net.add(doubled, one);
    let parts = net.apply(Binary { function: BinaryFn::Div }, &[odd, sizes]);
    [net.add(parts, minus_one), sizes]
}
