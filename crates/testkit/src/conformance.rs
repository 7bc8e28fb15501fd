//! Graphs that every device must run as the reference does, within the tolerances of their operations.

mod convolutions;
mod elementwise;
mod mixing;
mod movement;
mod networks;
mod sampling;
mod wild;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use amplio_graph::plan::FusedPlan;
use amplio_graph::{Builder, Device, Graph, Precision, Shape, Tensor, Value, passes, reference};

use crate::random::Random;
use crate::tolerance::compare;

/// Errors of a device add up from operation to operation, and are measured against the largest magnitude of the network's
/// output, while each operation's tolerance is meant against that of its own result, which may be larger.
const SLACK: f32 = 4.0;

/// How many random networks there are.
const WILD: u64 = 40;

/// A graph and the size of its input.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it tests, for example `conv2d: 3x3 stride 2, 16 to 48 channels`.
    pub name: String,
    /// The network.
    pub graph: Graph,
    /// The dimensions of the picture that it is given.
    pub input: Shape,
}

impl Case {
    /// The picture of a case: numbers from -1 to 1, others for each `seed`.
    pub fn picture(&self, seed: u64) -> Tensor {
        Random::new(seed).tensor(self.input.to_vec())
    }

    /// How far a device may be from the reference, relative to the largest magnitude of the reference's output: nothing if
    /// the graph only moves elements.
    pub fn tolerance(&self) -> f32 {
        SLACK * self.graph.nodes().filter_map(|(_, node)| node.op()).map(|op| op.tolerance()).sum::<f32>()
    }
}

/// All cases: every primitive with several attributes and shapes, networks that invite fusion and sharing of buffers, and
/// random networks. The same on every call.
pub fn cases() -> Vec<Case> {
    let mut suite = Suite { cases: Vec::new(), random: Random::new(0) };
    convolutions::add(&mut suite);
    elementwise::add(&mut suite);
    sampling::add(&mut suite);
    movement::add(&mut suite);
    mixing::add(&mut suite);
    networks::add(&mut suite);
    suite.cases.extend((0..WILD).map(wild::case));
    suite.cases
}

/// Runs every case on a device: as it is, folded, with the memory of an earlier run, and twice, which must give the same
/// bits. Panics with a list of all failures.
pub fn check(device: &dyn Device, precision: Precision) {
    check_cases(device, precision, &cases());
}

/// As [`check`], for these cases.
pub fn check_cases(device: &dyn Device, precision: Precision, cases: &[Case]) {
    let failed = |case: &Case| {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(device, precision, case)));
        let problem = outcome.unwrap_or_else(|panic| Err(format!("panics: {}", message(&*panic)))).err()?;
        Some(format!("{} ({}): {problem}", case.name, case.input))
    };
    let failures: Vec<String> = cases.iter().filter_map(failed).collect();
    let (few, all) = (failures.len(), cases.len());
    assert!(
        failures.is_empty(),
        "{few} of {all} cases fail on {}, {precision}:\n{}",
        device.name(),
        failures.join("\n")
    );
}

fn run(device: &dyn Device, precision: Precision, case: &Case) -> Result<(), String> {
    let say = |e: amplio_graph::Error| e.to_string();
    let picture = case.picture(1);
    let expected = reference::run(&case.graph, &picture).map_err(say)?;
    let folded = passes::fold(&case.graph);
    let variants = [
        ("", Some(&case.graph)),
        ("folded: ", (folded.nodes().count() != case.graph.nodes().count()).then_some(&folded)),
    ];
    for (variant, graph) in variants.into_iter().filter_map(|(name, graph)| Some((name, graph?))) {
        let answer = || -> Result<(), String> {
            let plan = FusedPlan::new(graph, &case.input).map_err(say)?;
            let mut executable = device.compile(&plan, precision).map_err(say)?;
            // Something else first: nothing of it may be left.
            executable.run(&case.picture(2)).map_err(say)?;
            let got = executable.run(&picture).map_err(say)?;
            compare(&got, &expected, case.tolerance())?;
            let again = executable.run(&picture).map_err(say)?;
            let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
            let equal = got.data().iter().zip(again.data()).all(same);
            if equal { Ok(()) } else { Err("gives other bits when run again".into()) }
        };
        answer().map_err(|what| format!("{variant}{what}"))?;
    }
    Ok(())
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// The cases so far, and where their weights come from.
struct Suite {
    cases: Vec<Case>,
    random: Random,
}

impl Suite {
    /// Adds a case: a network on pictures of dimensions `input`, whose output `build` makes.
    fn add(
        &mut self,
        name: impl Display,
        input: [usize; 4],
        build: impl FnOnce(&mut Builder, &mut Random) -> Value,
    ) {
        let mut net = Builder::new(input[1]);
        let output = build(&mut net, &mut self.random);
        let graph = net.finish(output).unwrap_or_else(|e| panic!("{name}: {e}"));
        self.cases.push(Case { name: name.to_string(), graph, input: Shape::new(input) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplio_graph::Op;

    #[test]
    fn every_primitive_occurs() {
        let cases = cases();
        for name in Op::NAMES {
            let ops = |case: &Case| {
                case.graph.nodes().any(|(_, node)| node.op().is_some_and(|op| op.name() == *name))
            };
            let count = cases.iter().filter(|case| ops(case)).count();
            assert!(count >= 2, "{name} occurs in {count} cases");
        }
    }

    #[test]
    fn cases_are_reproducible_and_give_numbers() {
        for (case, again) in cases().iter().zip(cases()) {
            let output = reference::run(&case.graph, &case.picture(1))
                .unwrap_or_else(|e| panic!("{}: {e}", case.name));
            assert!(output.data().iter().all(|v| v.is_finite()), "{}", case.name);
            assert!(case.name == again.name && format!("{:?}", case.graph) == format!("{:?}", again.graph));
        }
    }
}
