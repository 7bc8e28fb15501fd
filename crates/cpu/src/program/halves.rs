//! Which of a plan's buffers hold floats of 16 bits.

use amplio_graph::Precision;
use amplio_graph::ops::BinaryFn;
use amplio_graph::plan::{Content, Epilogue, FusedPlan, Kernel, Operand, Step, View};

use crate::compiler::{form, keeps_halves};
use crate::device::Cpu;
use crate::kernels::{reads_half, wants_half};

/// So many convolutions from the beginning of a network keep floats of 32 bits in exact precision: what is rounded there passes
/// through all that follow, and at some places some networks enlarge it to several levels.
const EARLY: usize = 16;

/// For each buffer whether it holds floats of 16 bits: where a convolution wants what it holds to be short, and all others that
/// read it can.
pub(super) fn halves(plan: &FusedPlan, device: &Cpu, precision: Precision) -> Vec<bool> {
    let mut halves = vec![false; plan.buffers.len()];
    if !keeps_halves(device.level, precision) {
        return halves;
    }
    let form = form(device, precision);
    for step in plan.steps.iter().filter(|step| wants_half(step, form)) {
        for View { buffer, .. } in &step.inputs {
            halves[*buffer] = matches!(plan.buffers[*buffer].content, Content::Slot(_));
        }
    }
    if precision == Precision::Exact {
        for step in early(&plan.steps).iter().chain(plan.steps.iter().filter(|step| ends_blocks(step))) {
            halves[step.output.buffer] = false;
        }
    }
    for buffer in [plan.input, plan.output.buffer] {
        halves[buffer] = false;
    }
    for step in &plan.steps {
        for view in &step.inputs {
            halves[view.buffer] &= reads_half(step, form);
        }
        let shuffles = step.epilogue.iter().any(|op| matches!(op, Epilogue::PixelShuffle(_)));
        halves[step.output.buffer] &= !shuffles && !matches!(step.kernel, Kernel::Rearrange(_));
    }
    halves
}

/// The first steps, whose results exact precision does not round.
fn early(steps: &[Step]) -> &[Step] {
    let mut convolutions =
        steps.iter().enumerate().filter(|(_, step)| matches!(step.kernel, Kernel::Conv { .. }));
    &steps[..convolutions.nth(EARLY).map_or(steps.len(), |(next, _)| next)]
}

/// Whether more than one block of a network ends with the step, one in the other: exact precision does not round its sum, which goes
/// past the blocks that follow and would be rounded again with each of them.
fn ends_blocks(step: &Step) -> bool {
    let adds = |op: &&Epilogue| {
        matches!(op, Epilogue::Binary { function: BinaryFn::Add, operand: Operand::View { .. }, .. })
    };
    step.epilogue.iter().filter(adds).count() > 1
}
