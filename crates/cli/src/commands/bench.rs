//! `amplio bench`: how fast models run here.

mod film;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use amplio::cpu::{Cpu, Level, Peak};
use amplio::graph::plan::FusedPlan;
use amplio::graph::{Device, Error, Pixels, Precision, Shape};
use amplio::models::Model;
use anyhow::Result;
use serde_json::{Value, json};

use crate::engine::{self, PrecisionArg};
use crate::memory::{self, Memory};
use crate::outcome::Outcome;
use crate::quantity::{self, show_bytes};
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Built-in models (see `amplio models`) or model files, separated by commas.
    #[arg(short, long, value_name = "NAME|PATH", value_delimiter = ',', default_value = engine::DEFAULT)]
    model: Vec<String>,
    /// The sizes of the input in pixels.
    #[arg(long, value_name = "WxH", value_delimiter = ',', default_value = "256x256", value_parser = quantity::sides)]
    size: Vec<[u32; 2]>,
    /// The frames of this video instead, which are kept in memory and made larger in as many lanes as those of a film: how many
    /// in a second.
    #[arg(long, value_name = "FILE", conflicts_with = "size")]
    video: Option<PathBuf>,
    /// How exactly to compute; exact as for 8-bit results.
    #[arg(long, value_name = "HOW", value_enum, value_delimiter = ',', default_value = "fast")]
    precision: Vec<PrecisionArg>,
    /// How many threads work; 0 for one for each core.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "0",
        value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: Vec<u16>,
    /// Use no more than these instructions of the CPU, and compute as all CPUs do that have them.
    #[arg(long, value_name = "LEVEL", value_parser = engine::level())]
    isa: Option<Level>,
    /// How often each network runs, after one run that does not count.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Print a JSON object, or a list of them if there is more than one thing to measure.
    #[arg(long)]
    json: bool,
}

/// What was measured.
struct Measured {
    model: String,
    device: String,
    precision: Precision,
    threads: usize,
    width: usize,
    height: usize,
    /// Pixels of the result.
    made: f64,
    plan: FusedPlan,
    rounds: Vec<Duration>,
    /// For each step of the plan, its times.
    steps: Vec<Vec<Duration>>,
    peak: Peak,
    /// Bytes of the network's working memory.
    working: usize,
    /// The most memory that the process has taken so far, where the system tells.
    memory: Option<u64>,
}

/// How long the machine's peak is looked for.
const PEAK: Duration = Duration::from_millis(300);

/// The columns of [`Measured::row`].
const HEAD: [&str; 9] =
    ["model", "size", "precision", "threads", "minimum ms", "median ms", "GMAC/s", "of peak", "MP/s"];

/// Measures every model on every size in every precision with every number of threads.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let load = |name: &String| Ok(engine::load(name)?.without_weights());
    let models = args.model.iter().map(load).collect::<Result<Vec<_>>>()?;
    let mut all = Vec::new();
    if let Some(video) = &args.video {
        for model in models {
            let cpu = engine::cpu(args.threads[0], args.isa)?;
            film::run((model, cpu), video, args.precision[0].into(), (args.rounds, args.json))?;
        }
        return Ok(Outcome::Done);
    }
    for &threads in &args.threads {
        let cpu = engine::cpu(threads, args.isa)?;
        let peak = cpu.peak(PEAK);
        for model in &models {
            for size in &args.size {
                for precision in &args.precision {
                    all.push(measure(model, *size, (*precision).into(), &cpu, peak, args.rounds)?);
                }
            }
        }
    }
    match (&all[..], args.json) {
        ([one], true) => terminal::print(one.json())?,
        (all, true) => terminal::print(Value::Array(all.iter().map(Measured::json).collect()))?,
        ([one], false) => one.show()?,
        (all, false) => {
            let rows = [HEAD.map(str::to_owned).to_vec()].into_iter().chain(all.iter().map(Measured::row));
            terminal::print(terminal::table(&rows.collect::<Vec<_>>()))?;
        }
    }
    Ok(Outcome::Done)
}

/// Runs a network once to warm up, and then so often.
fn measure(
    model: &Model,
    [width, height]: [u32; 2],
    precision: Precision,
    cpu: &Cpu,
    peak: Peak,
    rounds: u32,
) -> Result<Measured> {
    let (info, [width, height]) = (model.info(), [width as usize, height as usize]);
    let size = [height, width].map(|side| model.side(side));
    let plan =
        FusedPlan::new(&model.graph_for(size), &Shape::image(1, info.input_channels, size[0], size[1]))?;
    let working = cpu.bytes(&plan, precision);
    if working as u64 > Memory::now().total {
        return Err(Error::OutOfMemory { bytes: working }.into());
    }
    let mut executable = cpu.compile(&plan, precision)?;
    let input = picture(size, info.input_channels)?;
    executable.run_pixels(&input, &mut |_, _| ControlFlow::Continue(()))?;
    let (mut times, mut steps) = (Vec::new(), vec![Vec::new(); plan.steps.len()]);
    for _ in 0..rounds {
        let began = Instant::now();
        executable.run_pixels(&input, &mut |step, time| {
            steps[step].push(time);
            ControlFlow::Continue(())
        })?;
        times.push(began.elapsed());
    }
    Ok(Measured {
        model: info.name.clone(),
        device: cpu.name(),
        precision,
        threads: cpu.threads(),
        width,
        height,
        made: (width * height * info.scale * info.scale) as f64,
        working,
        plan,
        rounds: times,
        steps,
        peak,
        memory: memory::peak(),
    })
}

/// Any picture will do, but not an even one: some functions are faster there.
fn picture([height, width]: [usize; 2], channels: usize) -> Result<Pixels<'static>> {
    let mut data = Vec::new();
    let bytes = height.saturating_mul(width).saturating_mul(channels * size_of::<f32>());
    data.try_reserve_exact(bytes / size_of::<f32>()).map_err(|_| Error::OutOfMemory { bytes })?;
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        data.extend((0..channels).map(|c| ((y * 7 + x * 13 + c * 29) % 97) as f32 / 97.0));
    }
    Ok(Pixels::new(height, width, channels, data)?)
}

/// A step of the plan, as it is shown.
struct Step {
    index: usize,
    name: String,
    op: String,
    ms: f64,
    /// Percent of the time of all steps.
    share: f64,
    speed: f64,
}

impl Measured {
    fn least(&self) -> Duration {
        self.rounds.iter().min().copied().unwrap_or_default()
    }

    /// Thousand million multiply-accumulates of the network per second, counted as convolution tap by tap has them.
    fn speed(&self) -> f64 {
        speed(self.plan.macs(), self.least())
    }

    /// That speed as a part of the peak of the machine in floats.
    fn of_peak(&self) -> f64 {
        self.speed() / (self.peak.floats / 1e9)
    }

    fn megapixels(&self) -> f64 {
        self.made / 1e6 / self.least().as_secs_f64().max(1e-12)
    }

    fn steps(&self) -> Vec<Step> {
        let total: f64 = self.steps.iter().map(|times| ms(median(times))).sum();
        let step = |(index, times): (usize, &Vec<Duration>)| {
            let (step, time) = (&self.plan.steps[index], median(times));
            let share = 100.0 * ms(time) / total.max(1e-9);
            let (name, op) = (step.name.clone(), step.to_string());
            Step { index, name, op, ms: ms(time), share, speed: speed(step.macs, time) }
        };
        self.steps.iter().enumerate().map(step).collect()
    }

    fn json(&self) -> Value {
        let step = |step: Step| {
            let Step { index, name, op, ms, share, speed } = step;
            json!({ "index": index, "name": name, "op": op, "ms": ms, "share": share, "gmacs_per_second": speed })
        };
        json!({
            "model": self.model, "device": self.device, "precision": self.precision.to_string(),
            "threads": self.threads, "width": self.width, "height": self.height, "rounds": self.rounds.len(),
            "median_ms": ms(median(&self.rounds)), "minimum_ms": ms(self.least()),
            "gmacs": self.plan.macs() as f64 / 1e9, "gmacs_per_second": self.speed(),
            "peak_gmacs_per_second": { "floats": self.peak.floats / 1e9, "integers": self.peak.integers.map(|p| p / 1e9) },
            "megapixels_per_second": self.megapixels(), "working_memory": self.working,
            "peak_memory": self.memory, "steps": self.steps().into_iter().map(step).collect::<Vec<_>>(),
        })
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.model.clone(),
            format!("{}x{}", self.width, self.height),
            self.precision.to_string(),
            self.threads.to_string(),
            format!("{:.1}", ms(self.least())),
            format!("{:.1}", ms(median(&self.rounds))),
            format!("{:.1}", self.speed()),
            format!("{:.2}", self.of_peak()),
            format!("{:.2}", self.megapixels()),
        ]
    }

    fn show(&self) -> Result<()> {
        let Self { model, device, precision, width, height, peak, .. } = self;
        let integers = peak.integers.map(|rate| format!(", {:.0} GMAC/s in 16-bit integers", rate / 1e9));
        terminal::print(format!("{model}, {width}x{height}, {precision}, on {device}"))?;
        terminal::print(terminal::facts(&[
            ("minimum", format!("{:.1} ms of {} rounds", ms(self.least()), self.rounds.len())),
            ("median", format!("{:.1} ms", ms(median(&self.rounds)))),
            ("speed", format!("{:.1} GMAC/s, {:.2} MP/s of result", self.speed(), self.megapixels())),
            (
                "peak",
                format!("{:.0} GMAC/s in 32-bit floats{}", peak.floats / 1e9, integers.unwrap_or_default()),
            ),
            (
                "of peak",
                format!("{:.2} of that in floats; more than 1 takes fewer multiplications", self.of_peak()),
            ),
            ("work", format!("{:.2} GMAC", self.plan.macs() as f64 / 1e9)),
            ("working memory", show_bytes(self.working as u64)),
            ("peak memory", self.memory.map_or_else(|| "unknown here".into(), show_bytes)),
        ]))?;
        let head = ["step", "ms", "share", "GMAC/s", "layer", "what it does"].map(str::to_owned).to_vec();
        let row = |step: Step| {
            let (ms, share, speed) =
                (format!("{:.2}", step.ms), format!("{:.1} %", step.share), format!("{:.1}", step.speed));
            vec![step.index.to_string(), ms, share, speed, step.name, step.op]
        };
        terminal::print("")?;
        let rows = [head].into_iter().chain(self.steps().into_iter().map(row));
        terminal::print(terminal::table(&rows.collect::<Vec<_>>()))
    }
}

fn speed(macs: u64, time: Duration) -> f64 {
    macs as f64 / time.as_secs_f64().max(1e-12) / 1e9
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
