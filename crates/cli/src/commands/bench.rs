//! `amplio bench`: how fast a model runs here.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use amplio::Size;
use amplio::graph::plan::FusedPlan;
use amplio::graph::{Device, Precision, Shape, Tensor};
use anyhow::Result;
use serde_json::{Value, json};

use crate::engine::{DeviceArgs, ModelArgs};
use crate::outcome::{Failure, Outcome};
use crate::quantity::{self, show_bytes};
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// The size of the input in pixels.
    #[arg(long, value_name = "WxH", default_value = "256x256", value_parser = quantity::size)]
    size: Size,
    /// How often the network runs, after one run that does not count.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// The times of all rounds.
struct Times {
    rounds: Vec<Duration>,
    /// For each step, its times.
    steps: Vec<Vec<Duration>>,
}

/// Measures.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let Size::Exact { width, height, .. } = args.size else {
        return Err(Failure::usage("--size needs a width and a height"));
    };
    let model = args.model.load()?;
    let cpu = args.device.cpu()?;
    let precision = args.device.precision().unwrap_or(Precision::Fast);
    let info = model.info();
    let shape = Shape::image(1, info.input_channels, height as usize, width as usize);
    let plan = FusedPlan::new(model.graph(), &shape)?;
    let times = measure(&plan, &cpu, precision, args.rounds)?;

    let (median, least) = (median(&times.rounds), times.rounds.iter().min().copied().unwrap_or_default());
    let speed = |macs: u64, time: Duration| macs as f64 / time.as_secs_f64().max(1e-12) / 1e9;
    let made = f64::from(width) * f64::from(height) * (info.scale * info.scale) as f64 / 1e6;
    let total: Duration = times.steps.iter().map(|times| self::median(times)).sum();
    let step = |(index, times): (usize, &Vec<Duration>)| {
        let (step, time) = (&plan.steps[index], self::median(times));
        let share = 100.0 * time.as_secs_f64() / total.as_secs_f64().max(1e-12);
        (index, step.name.clone(), step.to_string(), ms(time), share, speed(step.macs, time))
    };
    let steps: Vec<_> = times.steps.iter().enumerate().map(step).collect();

    if args.json {
        let object = |(index, name, op, ms, share, speed): &(usize, String, String, f64, f64, f64)| json!({ "index": index, "name": name, "op": op, "ms": ms, "share": share, "gmacs_per_second": speed });
        return terminal::print(json!({
            "model": info.name, "device": cpu.name(), "width": width, "height": height, "rounds": args.rounds,
            "median_ms": ms(median), "minimum_ms": ms(least), "gmacs": plan.macs() as f64 / 1e9,
            "gmacs_per_second": speed(plan.macs(), median), "megapixels_per_second": made / median.as_secs_f64(),
            "working_memory": plan.bytes(), "steps": steps.iter().map(object).collect::<Vec<Value>>(),
        }))
        .map(|()| Outcome::Done);
    }
    terminal::print(format!("{}, {width}x{height}, on {}", info.name, cpu.name()))?;
    terminal::print(terminal::facts(&[
        ("median", format!("{:.1} ms of {} rounds", ms(median), args.rounds)),
        ("minimum", format!("{:.1} ms", ms(least))),
        (
            "speed",
            format!(
                "{:.1} GMAC/s, {:.2} MP/s of result",
                speed(plan.macs(), median),
                made / median.as_secs_f64()
            ),
        ),
        ("work", format!("{:.2} GMAC", plan.macs() as f64 / 1e9)),
        ("working memory", show_bytes(plan.bytes() as u64)),
    ]))?;
    let head = ["step", "ms", "share", "GMAC/s", "layer", "what it does"].map(str::to_owned).to_vec();
    let row = |(index, name, op, ms, share, speed): (usize, String, String, f64, f64, f64)| {
        vec![index.to_string(), format!("{ms:.2}"), format!("{share:.1} %"), format!("{speed:.1}"), name, op]
    };
    terminal::print("")?;
    terminal::print(terminal::table(
        &[head].into_iter().chain(steps.into_iter().map(row)).collect::<Vec<_>>(),
    ))?;
    Ok(Outcome::Done)
}

/// Runs the plan once to warm up, and then so often.
fn measure(plan: &FusedPlan, device: &dyn Device, precision: Precision, rounds: u32) -> Result<Times> {
    let mut executable = device.compile(plan, precision)?;
    // Any picture will do, but not an even one: some functions are faster there.
    let input = Tensor::from_fn(plan.input_shape().clone(), |i| {
        ((i[2] * 7 + i[3] * 13 + i[1] * 29) % 97) as f32 / 97.0
    });
    executable.run(&input)?;
    let mut times = Times { rounds: Vec::new(), steps: vec![Vec::new(); plan.steps.len()] };
    for _ in 0..rounds {
        let began = Instant::now();
        executable.run_watched(&input, &mut |step, time| {
            times.steps[step].push(time);
            ControlFlow::Continue(())
        })?;
        times.rounds.push(began.elapsed());
    }
    Ok(times)
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    match sorted.len() {
        0 => Duration::ZERO,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2,
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let times = |all: &[u64]| {
            median(&all.iter().map(|&ms| Duration::from_millis(ms)).collect::<Vec<_>>()).as_millis()
        };
        assert_eq!((times(&[9, 1, 5]), times(&[4, 2]), times(&[])), (5, 3, 0));
    }
}
