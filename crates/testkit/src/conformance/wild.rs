//! Random networks: graphs of five to fifteen operations over pictures, in any order that fits.

use amplio_graph::ops::{
    Binary, BinaryFn, Conv2d, Gather, LayerNorm, Pad, PadMode, Pool, PoolKind, Reduce, ReduceKind, Resize,
    Roll, Slice, Unary,
};
use amplio_graph::ops::{Coordinates, Filter, Target};
use amplio_graph::{Builder, Shape, Value};

use super::Case;
use super::convolutions::conv;
use crate::random::Random;

/// A value, its channels, and its size as a multiple (numerator, denominator) of the network's input.
#[derive(Clone, Copy)]
struct Part {
    value: Value,
    channels: usize,
    scale: (usize, usize),
}

/// Values may have no more channels than this, nor be so many times larger than the input.
const MOST_CHANNELS: usize = 40;
const LARGEST: usize = 4;

/// The random network of a seed.
pub(super) fn case(seed: u64) -> Case {
    let mut random = Random::new(0x5eed_0000 + seed);
    let channels = random.pick(&[1, 3, 4, 16]);
    // Even sizes can be halved once.
    let input = [1 + random.below(2), channels, 2 * (2 + random.below(6)), 2 * (2 + random.below(6))];
    let mut net = Builder::new(channels);
    let mut parts = vec![Part { value: net.input(), channels, scale: (1, 1) }];
    let count = 5 + random.below(11);
    for i in 0..count {
        net.at(format!("wild.{i}"));
        let part = loop {
            // Mostly the last value, so that the network becomes deep.
            let x = if random.below(3) > 0 { parts[parts.len() - 1] } else { random.pick(&parts) };
            if let Some(part) = grow(&mut net, &mut random, &parts, x) {
                break part;
            }
        };
        parts.push(part);
    }
    let output = parts[parts.len() - 1].value;
    let name = format!("random network {seed}");
    let graph = net.finish(output).unwrap_or_else(|e| panic!("{name}: {e}"));
    Case { name, graph, input: Shape::new(input) }
}

/// One more operation on `x`, if the one that chance has chosen fits.
fn grow(net: &mut Builder, random: &mut Random, parts: &[Part], x: Part) -> Option<Part> {
    let same = |value: Value| Some(Part { value, ..x });
    let with = |value: Value, channels: usize| Some(Part { value, channels, ..x });
    match random.below(18) {
        0..4 => {
            let outputs = random.pick(&[1, 3, 8, 12, 16, 17]);
            with(convolution(net, random, x, outputs), outputs)
        }
        4 => same(net.prelu(random.tensor([x.channels]), x.value)),
        5 | 6 => {
            let functions =
                [Unary::Relu, Unary::LeakyRelu(0.2), Unary::Silu, Unary::Gelu, Unary::Sigmoid, Unary::Abs];
            same(net.unary(random.pick(&functions), x.value))
        }
        7 => same(net.scale(x.value, 0.5)),
        8 => {
            let constant = net.constant(random.tensor([x.channels, 1, 1]));
            let function = random.pick(&[BinaryFn::Add, BinaryFn::Mul, BinaryFn::Sub]);
            let pair = if random.below(2) == 0 { [x.value, constant] } else { [constant, x.value] };
            same(net.apply(Binary { function }, &pair))
        }
        9 | 10 => {
            let fits =
                |part: &&Part| part.scale == x.scale && (part.channels == x.channels || part.channels == 1);
            let others: Vec<Part> = parts.iter().filter(fits).copied().collect();
            let function = random.pick(&[BinaryFn::Add, BinaryFn::Mul, BinaryFn::Sub, BinaryFn::Max]);
            let other = random.pick(&others).value;
            let pair = if random.below(2) == 0 { [x.value, other] } else { [other, x.value] };
            same(net.apply(Binary { function }, &pair))
        }
        11 | 12 => {
            let others: Vec<Part> = parts.iter().filter(|part| part.scale == x.scale).copied().collect();
            let mut joined = vec![x];
            (0..1 + random.below(3)).for_each(|_| joined.push(random.pick(&others)));
            let channels = joined.iter().map(|part| part.channels).sum();
            let values: Vec<Value> = joined.iter().map(|part| part.value).collect();
            (channels <= MOST_CHANNELS).then(|| with(net.concat(&values), channels))?
        }
        13 if x.channels > 1 => {
            let start = random.below(x.channels);
            let count = 1 + random.below(x.channels - start);
            let slice = Slice { axis: 1, start: start as isize, end: (start + count) as isize, step: 1 };
            with(net.apply(slice, &[x.value]), count)
        }
        14 => resized(net, random, x),
        15 => same(kept(net, random, x)),
        16 => {
            let mean = Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: true };
            let gate = net.apply(mean, &[x.value]);
            let gate = net.conv2d(conv(random, [x.channels, x.channels, 1, 1]), gate);
            let gate = net.unary(Unary::Sigmoid, gate);
            same(net.mul(x.value, gate))
        }
        17 => {
            let order: Vec<usize> = (0..x.channels).map(|_| random.below(x.channels)).collect();
            same(net.apply(Gather { axis: 1, indices: order.into() }, &[x.value]))
        }
        _ => None,
    }
}

fn convolution(net: &mut Builder, random: &mut Random, x: Part, outputs: usize) -> Value {
    let side = random.pick(&[1, 3, 3, 3, 5]);
    if random.below(4) > 0 {
        return net.conv2d(conv(random, [outputs, x.channels, side, side]), x.value);
    }
    if x.channels == outputs {
        let depthwise = Conv2d { groups: x.channels, ..conv(random, [outputs, 1, side, side]) };
        return net.conv2d(depthwise, x.value);
    }
    // The same with the padding made before.
    let by = side / 2;
    let mode = random.pick(&[PadMode::Constant(0.0), PadMode::Replicate, PadMode::Wrap]);
    let padded = if by < 2 { net.apply(Pad { mode, amounts: [by; 4] }, &[x.value]) } else { x.value };
    let padding = if by < 2 { [0; 4] } else { [by; 4] };
    net.conv2d(Conv2d { padding, ..conv(random, [outputs, x.channels, side, side]) }, padded)
}

/// A larger or smaller picture.
fn resized(net: &mut Builder, random: &mut Random, x: Part) -> Option<Part> {
    let (up, down) = x.scale;
    let larger = (up, down) != (LARGEST, 1);
    let twice = if down == 2 { (1, 1) } else { (2 * up, 1) };
    let half = if up > 1 { (up / 2, 1) } else { (1, 2) };
    let resize = |filter, factor| Resize {
        filter,
        target: Target::Scale([factor; 2]),
        coordinates: Coordinates::HalfPixel,
        antialias: false,
    };
    match random.below(5) {
        0 if larger => Some(Part { value: net.nearest(2, x.value), scale: twice, ..x }),
        1 if larger => {
            let value = net.apply(resize(random.pick(&[Filter::Bilinear, Filter::BICUBIC]), 2.0), &[x.value]);
            Some(Part { value, scale: twice, ..x })
        }
        2 if larger && x.channels.is_multiple_of(4) => {
            Some(Part { value: net.pixel_shuffle(2, x.value), channels: x.channels / 4, scale: twice })
        }
        3 if down == 1 && 4 * x.channels <= MOST_CHANNELS => {
            Some(Part { value: net.pixel_unshuffle(2, x.value), channels: 4 * x.channels, scale: half })
        }
        4 if down == 1 => {
            let mut op = conv(random, [8, x.channels, 3, 3]);
            op.stride = [2, 2];
            Some(Part { value: net.conv2d(op, x.value), channels: 8, scale: half })
        }
        _ => None,
    }
}

/// Something else that keeps the dimensions.
fn kept(net: &mut Builder, random: &mut Random, x: Part) -> Value {
    match random.below(4) {
        0 => net.apply(Roll { axis: random.pick(&[2, 3]), shift: random.pick(&[-1, 1, 3]) }, &[x.value]),
        1 => {
            let kind = random.pick(&[PoolKind::Max, PoolKind::Average { count_padding: false }]);
            net.apply(Pool { kind, kernel: [3, 3], stride: [1, 1], padding: [1; 4] }, &[x.value])
        }
        2 => {
            // A large epsilon: pixels with nearly equal channels do not magnify errors.
            let norm = LayerNorm { axis: 1, epsilon: 0.1, centred: true, weight: None, bias: None };
            net.apply(norm, &[x.value])
        }
        _ => net.unary(Unary::Tanh, x.value),
    }
}
