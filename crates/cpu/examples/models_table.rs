//! Writes docs/tested.md to standard output: what was tested against the reference implementations, how far the answers lie
//! apart, and how long a picture takes here, unless it is told `--untimed`: times of a busy machine say nothing. `tools/models-table`
//! runs it.
#![expect(clippy::print_stdout, reason = "the document is the result")]

use std::time::Instant;

use amplio_cpu::{Cpu, Level};
use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, ImageShape, Precision, Shape, Tensor};
use amplio_models::archs::ARCHITECTURES;
use amplio_models::{Error, Model};
use amplio_testkit::golden::{self, Case};
use amplio_testkit::tolerance;

/// The side of the picture that is timed, and how often; the shortest time counts.
const SIDE: usize = 128;
const RUNS: usize = 3;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let device = Cpu::new(0, Level::best())?;
    println!("{HEAD}");
    println!("Measured on {}, {}, in full precision.\n", processor(), device.name());
    println!("## Architectures\n");
    println!("| architecture | what it is | cases | largest error | ms | of the case |");
    println!("|---|---|---|---|---|---|");
    for architecture in ARCHITECTURES {
        let cases = golden::cases(&format!("archs/{}", architecture.name));
        let row = Row::of(&device, &cases, "model.safetensors")?;
        let Row { cases, error, milliseconds, costliest } = row;
        println!(
            "| {} | {} | {cases} | {error:.0e} | {milliseconds} | {costliest} |",
            architecture.name, architecture.summary
        );
    }
    println!("\n{PUBLISHED}");
    println!("| file | architecture | scale | numbers | error | ms |");
    println!("|---|---|---|---|---|---|");
    for case in [golden::cases("community"), golden::cases("fetched")].concat() {
        published(&device, &case)?;
    }
    println!("\n{EXPORTED}");
    println!("| network | error |");
    println!("|---|---|");
    for export in golden::cases("onnx/archs") {
        let name = export.expect["case"].as_str().unwrap_or_default();
        let case = golden::cases(name).swap_remove(0);
        let error = difference(&device, &Model::load(&export.file("model.onnx"))?, &case)?;
        println!("| {} | {error:.0e} |", name.trim_start_matches("archs/"));
    }
    Ok(())
}

const HEAD: &str = "# Models: what is tested, how exact it is, how long it takes

Written by `tools/models-table`. An error is the largest difference from what the reference implementation answers (PyTorch in double
precision; NCNN for NCNN files), as a part of the largest number in that answer. A time is for a picture of 128 x 128 pixels.
";

const PUBLISHED: &str = "## Published files

As `tools/fetch-weights` fetches them. An NCNN file holds layers; its architecture is told where they are one of the above.
";

const EXPORTED: &str = "## ONNX files

What `torch.onnx.export` makes of one network of an architecture, compared with the answer of the same weights.
";

/// What is said of an architecture.
struct Row {
    cases: usize,
    error: f32,
    milliseconds: String,
    /// The name of the case that was timed: the one with the most work.
    costliest: String,
}

impl Row {
    fn of(device: &Cpu, cases: &[Case], file: &str) -> Outcome<Self> {
        let mut row =
            Self { cases: cases.len(), error: 0.0, milliseconds: String::new(), costliest: String::new() };
        let mut most = None;
        for case in cases {
            let model = Model::load(&case.file(file))?;
            row.error = row.error.max(difference(device, &model, case)?);
            let work = model.info().macs_per_pixel;
            if most.as_ref().is_none_or(|(other, _, _)| work > *other) {
                most = Some((work, model, case));
            }
        }
        if let Some((_, model, case)) = most {
            row.milliseconds = timed(device, &model)?;
            row.costliest = case.name.rsplit('/').next().unwrap_or_default().to_owned();
        }
        Ok(row)
    }
}

fn published(device: &Cpu, case: &Case) -> Outcome<()> {
    let name = case.expect["weights"].as_str().unwrap_or_default();
    let file = golden::weights().join(name);
    if !file.is_file() {
        return Err(format!("{} is not there; tools/fetch-weights fetches it", file.display()).into());
    }
    let model = Model::load(&file)?;
    let architecture = match model.recognise() {
        Ok((architecture, _)) => architecture.name,
        Err(Error::Unsupported { .. }) => "layers",
        Err(error) => return Err(error.into()),
    };
    let (error, milliseconds) = (difference(device, &model, case)?, timed(device, &model)?);
    let (scale, numbers) = (model.info().scale, model.info().parameters);
    println!("| {name} | {architecture} | {scale} | {numbers} | {error:.0e} | {milliseconds} |");
    Ok(())
}

/// How far the model's answer lies from the reference's, relative to the largest number in it.
fn difference(device: &Cpu, model: &Model, case: &Case) -> Outcome<f32> {
    let input = case.input();
    let ImageShape { height, width, .. } = input.shape().as_image("input")?;
    let plan = FusedPlan::new(&model.graph_for([height, width]), input.shape())?;
    let answer = device.compile(&plan, Precision::Full)?.run(&input)?;
    Ok(tolerance::difference(&answer, &case.output()).relative())
}

/// The shortest of some runs in milliseconds, or a dash if times are not wanted.
fn timed(device: &Cpu, model: &Model) -> Outcome<String> {
    if std::env::args().any(|argument| argument == "--untimed") {
        return Ok("–".to_owned());
    }
    let info = model.info();
    let side = SIDE.max(info.minimum_size).next_multiple_of(info.size_multiple);
    let shape = Shape::image(1, info.input_channels, side, side);
    let picture = Tensor::from_fn(shape, |at| ((at[2] * 31 + at[3] * 17 + at[1] * 7) % 101) as f32 / 101.0);
    let plan = FusedPlan::new(model.graph(), picture.shape())?;
    let mut compiled = device.compile(&plan, Precision::Full)?;
    compiled.run(&picture)?;
    let mut shortest = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        compiled.run(&picture)?;
        shortest = shortest.min(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(format!("{shortest:.0}"))
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}
