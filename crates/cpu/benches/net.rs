//! How fast whole networks run: `cargo bench -p amplio-cpu --bench net -- [network] [threads] [level] [side] [precision]`.
//!
//! Prints, for networks of random weights, the milliseconds and the multiply-accumulates per second of a run, and what each
//! kind of step takes.
#![allow(clippy::print_stdout, reason = "the result of a benchmark is what it prints")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use amplio_cpu::{Cpu, Level};
use amplio_graph::ops::{
    Attention, Conv2d, Dim, LayerNorm, MatMul, Reshape, Slice, Transpose, Unary, WindowPartition,
    WindowReverse,
};
use amplio_graph::plan::FusedPlan;
use amplio_graph::{Builder, Device, Graph, Precision, Result, Shape, Tensor, Value};

/// Numbers that look random, and are the same in every run.
struct Noise(u32);

impl Noise {
    fn tensor(&mut self, shape: impl Into<Vec<usize>>, scale: f32) -> Tensor {
        Tensor::from_fn(Shape::new(shape), |_| {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale
        })
    }

    fn conv(&mut self, net: &mut Builder, x: Value, channels: [usize; 2]) -> Value {
        self.conv_of(3, net, x, channels)
    }

    fn conv_of(&mut self, side: usize, net: &mut Builder, x: Value, [inputs, outputs]: [usize; 2]) -> Value {
        let weight = self.tensor([outputs, inputs, side, side], (3.0 / (side * side * inputs) as f32).sqrt());
        let bias = self.tensor([outputs], 0.1);
        net.conv2d(Conv2d::same(weight, Some(bias.into())), x)
    }
}

/// SRVGGNetCompact (Real-ESRGAN): 64 features, 32 convolutions, four times larger.
fn compact() -> Result<Graph> {
    let (mut noise, mut net) = (Noise(1), Builder::new(3));
    let input = net.input();
    let mut x = input;
    for i in 0..33 {
        net.at(format!("body.{i}"));
        x = noise.conv(&mut net, x, [if i == 0 { 3 } else { 64 }, 64]);
        x = net.prelu(noise.tensor([64], 0.3), x);
    }
    net.at("last");
    x = noise.conv(&mut net, x, [64, 48]);
    x = net.pixel_shuffle(4, x);
    let base = net.nearest(4, input);
    x = net.add(x, base);
    net.finish(x)
}

/// RRDBNet (ESRGAN) with two of its 23 blocks: 64 features, dense blocks of 32, two nearest enlargements.
fn rrdb() -> Result<Graph> {
    let (mut noise, mut net) = (Noise(2), Builder::new(3));
    let input = net.input();
    let head = noise.conv(&mut net, input, [3, 64]);
    let mut x = head;
    for block in 0..2 {
        let start = x;
        for part in 0..3 {
            let mut all = vec![x];
            for i in 0..4 {
                net.at(format!("body.{block}.{part}.{i}"));
                let wide = if i == 0 { x } else { net.concat(&all) };
                let y = noise.conv(&mut net, wide, [64 + 32 * i, 32]);
                all.push(net.unary(Unary::LeakyRelu(0.2), y));
            }
            let wide = net.concat(&all);
            let y = noise.conv(&mut net, wide, [192, 64]);
            let y = net.scale(y, 0.2);
            x = net.add(y, x);
        }
        let y = net.scale(x, 0.2);
        x = net.add(y, start);
    }
    let body = noise.conv(&mut net, x, [64, 64]);
    x = net.add(body, head);
    for i in 0..2 {
        net.at(format!("up.{i}"));
        let larger = net.nearest(2, x);
        let y = noise.conv(&mut net, larger, [64, 64]);
        x = net.unary(Unary::LeakyRelu(0.2), y);
    }
    net.at("last");
    let y = noise.conv(&mut net, x, [64, 64]);
    let y = net.unary(Unary::LeakyRelu(0.2), y);
    let y = noise.conv(&mut net, y, [64, 3]);
    net.finish(y)
}

/// SPAN: 48 features, six blocks of attention without parameters, four times larger.
fn span() -> Result<Graph> {
    let (mut noise, mut net) = (Noise(3), Builder::new(3));
    let input = net.input();
    let head = noise.conv(&mut net, input, [3, 48]);
    let (mut x, mut first, mut early) = (head, head, head);
    for block in 0..6 {
        net.at(format!("block.{block}"));
        let y = noise.conv(&mut net, x, [48, 48]);
        let y = net.unary(Unary::Silu, y);
        early = y;
        let y = noise.conv(&mut net, y, [48, 48]);
        let y = net.unary(Unary::Silu, y);
        let y = noise.conv(&mut net, y, [48, 48]);
        let gate = net.unary(Unary::Sigmoid, y);
        let half = net.constant(Tensor::from_fn(Shape::new([1, 1, 1, 1]), |_| -0.5));
        let gate = net.add(gate, half);
        let sum = net.add(y, x);
        x = net.mul(sum, gate);
        if block == 0 {
            first = x;
        }
    }
    net.at("last");
    let body = noise.conv(&mut net, x, [48, 48]);
    let all = net.concat(&[head, body, first, early]);
    let y = noise.conv_of(1, &mut net, all, [192, 48]);
    let y = noise.conv(&mut net, y, [48, 48]);
    let y = net.pixel_shuffle(4, y);
    net.finish(y)
}

/// A part of SwinIR: two blocks of attention in windows of 8 by 8 pixels, 180 features, 6 heads.
fn swin() -> Result<Graph> {
    const FEATURES: usize = 180;
    const HEADS: usize = 6;
    let (mut noise, mut net) = (Noise(4), Builder::new(3));
    let input = net.input();
    let mut x = noise.conv(&mut net, input, [3, FEATURES]);
    let linear = |noise: &mut Noise, net: &mut Builder, x: Value, [inputs, outputs]: [usize; 2]| {
        let weight = net.constant(noise.tensor([inputs, outputs], (3.0 / inputs as f32).sqrt()));
        let bias = net.constant(noise.tensor([outputs], 0.1));
        let y = net.apply(MatMul, &[x, weight]);
        net.add(y, bias)
    };
    for block in 0..2 {
        net.at(format!("body.{block}"));
        let norm = LayerNorm { axis: 1, epsilon: 1e-5, centred: true, weight: None, bias: None };
        let y = net.apply(norm.clone(), &[x]);
        let windows = net.apply(WindowPartition { window: [8, 8] }, &[y]);
        let qkv = linear(&mut noise, &mut net, windows, [FEATURES, 3 * FEATURES]);
        let parts = [0, 1, 2].map(|i| {
            let slice =
                Slice { axis: 2, start: i * FEATURES as isize, end: (i + 1) * FEATURES as isize, step: 1 };
            let part = net.apply(slice, &[qkv]);
            let split = [Dim::Keep(0), Dim::Keep(1), Dim::Fixed(HEADS), Dim::Fixed(FEATURES / HEADS)];
            let part = net.apply(Reshape { dims: split.to_vec() }, &[part]);
            net.apply(Transpose { axes: vec![0, 2, 1, 3] }, &[part])
        });
        let bias = net.constant(noise.tensor([1, HEADS, 64, 64], 1.0));
        let [q, k, v] = parts;
        let y = net.apply(Attention { scale: (HEADS as f32 / FEATURES as f32).sqrt() }, &[q, k, v, bias]);
        let y = net.apply(Transpose { axes: vec![0, 2, 1, 3] }, &[y]);
        let y = net.apply(Reshape { dims: vec![Dim::Keep(0), Dim::Keep(1), Dim::Fixed(FEATURES)] }, &[y]);
        let y = linear(&mut noise, &mut net, y, [FEATURES, FEATURES]);
        let y = net.apply(WindowReverse { window: [8, 8] }, &[y, x]);
        x = net.add(y, x);
        let y = net.apply(norm, &[x]);
        let y = noise.conv_of(1, &mut net, y, [FEATURES, 2 * FEATURES]);
        let y = net.unary(Unary::Gelu, y);
        let y = noise.conv_of(1, &mut net, y, [2 * FEATURES, FEATURES]);
        x = net.add(y, x);
    }
    let y = noise.conv(&mut net, x, [FEATURES, 48]);
    let y = net.pixel_shuffle(4, y);
    net.finish(y)
}

fn report(name: &str, graph: &Graph, cpu: &Cpu, precision: Precision, side: usize) -> Result<()> {
    let shape = Shape::image(1, 3, side, side);
    let plan = FusedPlan::new(graph, &shape)?;
    let start = Instant::now();
    let mut program = cpu.compile(&plan, precision)?;
    let prepared = start.elapsed();
    let input = Noise(3).tensor(shape.to_vec(), 1.0);
    let mut steps = vec![Duration::MAX; plan.steps.len()];
    let mut runs = Vec::new();
    for _ in 0..12 {
        let start = Instant::now();
        program.run_watched(&input, &mut |i, time| {
            steps[i] = steps[i].min(time);
            ControlFlow::Continue(())
        })?;
        runs.push(start.elapsed());
    }
    runs.sort();
    let gmacs = |macs: u64, time: Duration| macs as f64 / time.as_secs_f64() / 1e9;
    let (best, median) = (runs[0], runs[runs.len() / 2]);
    println!(
        "{name} on {}, {precision}, {side}x{side}: best {best:.1?}, median {median:.1?}; {:.1} GMAC, {:.1} GMAC/s; {:.0} MiB; prepared in {prepared:.1?}",
        cpu.name(),
        plan.macs() as f64 / 1e9,
        gmacs(plan.macs(), best),
        plan.bytes() as f64 / f64::from(1 << 20),
    );
    let mut kinds: BTreeMap<String, (usize, Duration, u64)> = BTreeMap::new();
    for (step, time) in plan.steps.iter().zip(&steps) {
        let kind = kinds.entry(step.to_string()).or_default();
        *kind = (kind.0 + 1, kind.1 + *time, kind.2 + step.macs);
    }
    for (kind, (count, time, macs)) in kinds {
        println!("  {time:>9.2?} {:>7.1} GMAC/s  {count:>3} x {kind}", gmacs(macs, time));
    }
    Ok(())
}

fn main() -> Result<()> {
    // Cargo adds an argument of its own, `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let argument = |i: usize| arguments.get(i).map(String::as_str);
    let threads = argument(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let level = argument(2).and_then(|l| l.parse().ok()).unwrap_or(Level::best());
    let side = argument(3).and_then(|n| n.parse().ok()).unwrap_or(256);
    let precision = match argument(4) {
        Some("strict") => Precision::Strict,
        Some("full") => Precision::Full,
        Some("exact") => Precision::Exact,
        _ => Precision::Fast,
    };
    let cpu = Cpu::new(threads, level)?;
    let peak = cpu.peak(Duration::from_millis(400));
    let integers = peak.integers.unwrap_or_default();
    println!("peak: {:.0} GMAC/s in floats, {:.0} in integers", peak.floats / 1e9, integers / 1e9);
    for (name, graph) in
        [("compact", compact as fn() -> Result<Graph>), ("rrdb", rrdb), ("span", span), ("swin", swin)]
    {
        if argument(0).is_none_or(|wanted| wanted == name || wanted == "all") {
            report(name, &graph()?, &cpu, precision, side)?;
        }
    }
    Ok(())
}
