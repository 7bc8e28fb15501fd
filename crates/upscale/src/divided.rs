//! Networks whose last layers run in bands of rows.
//!
//! Most networks look at a picture in its own size, and make it large at the end. There a row of the picture needs many times the
//! memory that it needed before; but those layers see only a few rows. In bands of rows they need memory for a band instead
//! of for the picture, and tiles may be as much larger.

use std::ops::Range;

use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, Graph, Precision, Shape, passes, receptive};

use crate::Result;
use crate::tiles::Cut;

/// Bytes of memory for a band.
const BAND: usize = 32 << 20;

/// The fewest rows of a band: it computes those that it reads beyond its own once more.
const FEWEST: usize = 16;

/// The side of the picture for which memory is compared.
const PROBE: usize = 256;

/// The most places at which a network is tried to be divided.
const MOST_TRIED: usize = 16;

/// A network, in two parts where that saves memory: the head keeps the size of the picture or makes it smaller, the tail runs in
/// bands of its rows.
#[derive(Debug)]
pub(crate) struct Divided {
    head: Graph,
    tail: Option<Tail>,
}

#[derive(Debug)]
struct Tail {
    graph: Graph,
    /// Rows before and after its own that a row of the tail's result sees, in rows of what it reads.
    radius: usize,
    /// Bands begin at multiples of this, for the tail's own coarser grids.
    multiple: usize,
    /// Bytes of memory for a band.
    memory: usize,
}

/// Some rows of what a tail reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    /// Those for which it makes the result.
    pub(crate) core: Range<usize>,
    /// Those that it reads; every band reads equally many.
    pub(crate) reads: Range<usize>,
}

impl Divided {
    /// The network in two parts if these need at most half of the memory.
    pub(crate) fn new(graph: &Graph, device: &dyn Device) -> Self {
        Self::in_parts(graph, device).unwrap_or_else(|| Self::not(graph.clone()))
    }

    /// The network in one part.
    pub(crate) fn not(graph: Graph) -> Self {
        Self { head: graph, tail: None }
    }

    fn in_parts(graph: &Graph, device: &dyn Device) -> Option<Self> {
        let input = Shape::image(1, graph.input_channels(), PROBE, PROBE);
        let shapes = graph.shapes(&input).ok()?;
        let bytes = |graph: &Graph, input: &Shape| {
            FusedPlan::new(graph, input).map(|plan| device.bytes(&plan, Precision::default())).ok()
        };
        let candidates = passes::bridges(graph).into_iter().rev().take(MOST_TRIED).filter_map(|bridge| {
            let shape = &shapes[bridge.index()];
            let [1, channels, height, width] = shape[..] else { return None };
            if height != width || !PROBE.is_multiple_of(height) {
                return None;
            }
            let (head, tail) = passes::split(graph, bridge, channels);
            let footprint = receptive::footprint(&tail, shape).ok()?;
            let radius = footprint.radius().filter(|&radius| radius <= FEWEST)?;
            footprint.scale[0].whole()?;
            let band = Shape::image(1, channels, FEWEST.min(height), width);
            let needed = bytes(&head, &input)? + bytes(&tail, &band)?;
            let tail = Tail { graph: tail, radius, multiple: footprint.multiple[0], memory: BAND };
            Some((needed, Self { head, tail: Some(tail) }))
        });
        let (needed, best) = candidates.min_by_key(|(needed, _)| *needed)?;
        (needed <= bytes(graph, &input)? / 2).then_some(best)
    }

    /// The first part, or the whole network.
    pub(crate) fn head(&self) -> &Graph {
        &self.head
    }

    /// The second part, if there is one.
    pub(crate) fn tail(&self) -> Option<&Graph> {
        self.tail.as_ref().map(|tail| &tail.graph)
    }

    /// The bands of the head's result, which has this shape.
    pub(crate) fn bands(
        &self,
        between: &Shape,
        device: &dyn Device,
        precision: Precision,
    ) -> Result<Vec<Band>> {
        let (Some(tail), &[_, channels, height, width]) = (&self.tail, &between[..]) else {
            return Ok(Vec::new());
        };
        let few = FEWEST.min(height);
        let plan = FusedPlan::new(&tail.graph, &Shape::image(1, channels, few, width))?;
        let rows = tail.memory / device.bytes(&plan, precision).div_ceil(few).max(1);
        let cut = Cut { read: [rows, width], margin: tail.radius, ramp: 0 };
        let grid = tail.multiple * device.alignment(precision).max(1);
        let least = FEWEST.next_multiple_of(grid) + 2 * cut.reach(grid);
        let bands = Cut { read: [rows.max(least), width], ..cut }.spans(0, 0, height, grid).into_iter();
        Ok(bands.map(|span| Band { core: span.core, reads: span.input }).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::Arc;

    use amplio_cpu::{Cpu, Level};
    use amplio_graph::ops::Conv2d;
    use amplio_graph::{Builder, Pixels, Tensor};

    use super::*;
    use crate::program::Plans;

    /// A trunk with a way past it, and twice a larger picture.
    fn network() -> Graph {
        let weight = |outputs: usize, inputs: usize| {
            let weights = Tensor::from_fn(Shape::new([outputs, inputs, 3, 3]), |i| {
                ((i[0] * 7 + i[1] * 5 + i[2] * 3 + i[3]) % 13) as f32 * 0.02 - 0.12
            });
            Conv2d::same(weights, Some(Arc::new(Tensor::vector(vec![0.1; outputs]))))
        };
        let mut net = Builder::new(3);
        let first = net.conv2d(weight(8, 3), net.input());
        let body = net.conv2d(weight(8, 8), first);
        let mut x = net.add(body, first);
        for _ in 0..2 {
            x = net.nearest(2, x);
            x = net.conv2d(weight(8, 8), x);
        }
        let x = net.conv2d(weight(3, 8), x);
        net.finish(x).expect("a network")
    }

    #[test]
    fn bands_give_the_bits_of_the_whole() {
        let (graph, device) = (network(), Cpu::new(2, Level::best()).expect("a device"));
        let whole = Divided::not(graph.clone());
        let mut divided = Divided::new(&graph, &device);
        divided.tail.as_mut().expect("a tail").memory = 1 << 18;
        let data: Vec<f32> = (0..70 * 37 * 3).map(|i| (i * 31 % 101) as f32 / 101.0).collect();
        let input = Pixels::new(70, 37, 3, data).expect("a picture");
        let run = |network: &Divided| {
            let plans = Plans::new(network, &input.shape(), &device, Precision::Strict).expect("plans");
            let mut program = plans.compile(&device, Precision::Strict).expect("a program");
            let go_on = |_| ControlFlow::Continue(());
            program.begin(&input, 0..4 * 70, &go_on).expect("a run");
            program.all_rows(0..4 * 70, &go_on).expect("a picture").to_tensor()
        };
        let bands = divided.bands(&Shape::image(1, 8, 70, 37), &device, Precision::Strict).expect("bands");
        assert!(bands.len() > 2, "{bands:?}");
        assert_eq!(run(&divided), run(&whole));
    }
}
