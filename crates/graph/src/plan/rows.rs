//! Which rows of what a plan's steps make are seen in some rows of its output.

use std::ops::Range;

use super::{Epilogue, FusedPlan, Kernel, Step, View};
use crate::Shape;

impl FusedPlan {
    /// For each step, the rows of its output that are to be computed for these rows of the plan's, where step `i` computes `unit(i)`
    /// rows together; as [`View::rows`] counts.
    pub fn rows_for(&self, rows: Range<usize>, unit: impl Fn(usize) -> usize) -> Vec<Range<usize>> {
        let mut seen = vec![0..0; self.buffers.len()];
        seen[self.output.buffer] = rows;
        let mut all = vec![0..0; self.steps.len()];
        for (i, step) in self.steps.iter().enumerate().rev() {
            let Range { start, end } = seen[step.output.buffer].clone();
            if start < end {
                let unit = unit(i).max(1);
                all[i] = start / unit * unit..end.next_multiple_of(unit).min(step.output.rows());
                for (view, rows) in step.sees(all[i].clone()) {
                    let known = seen[view.buffer].clone();
                    seen[view.buffer] = match known.is_empty() {
                        true => rows,
                        false => known.start.min(rows.start)..known.end.max(rows.end),
                    };
                }
            }
        }
        all
    }
}

impl View {
    /// The rows of what it shows: those of a single picture, or one that is all.
    pub fn rows(&self) -> usize {
        height(&self.shape)
    }
}

impl Step {
    /// What the step reads for these rows of its output.
    fn sees(&self, rows: Range<usize>) -> Vec<(&View, Range<usize>)> {
        let output = self.output.rows();
        let mut stage = (scaled(rows.clone(), output, height(&self.result)), height(&self.result));
        let mut seen: Vec<_> =
            self.inputs.iter().map(|view| (view, self.kernel.sees(&stage.0, &self.result, view))).collect();
        for op in &self.epilogue {
            if let Epilogue::PixelShuffle(_) = op {
                stage = (rows.clone(), output);
            }
            for view in op.reads() {
                seen.push((view, scaled(stage.0.clone(), stage.1, view.rows())));
            }
        }
        seen
    }
}

impl Kernel {
    /// The rows of an input that these rows of a result of this shape are made of.
    fn sees(&self, rows: &Range<usize>, result: &Shape, input: &View) -> Range<usize> {
        let all = input.rows();
        match self {
            Self::Copy => scaled(rows.clone(), height(result), all),
            Self::Conv { conv, enlarge } if all > 1 => {
                let (stride, above) = (conv.stride[0], conv.padding[0]);
                let last = (rows.end - 1) * stride + (conv.kernel()[0] - 1) * conv.dilation[0];
                let row = |at: usize| at.saturating_sub(above) / enlarge;
                row(rows.start * stride).min(all - 1)..(row(last) + 1).min(all)
            }
            _ => 0..all,
        }
    }
}

/// The rows of what has this shape.
fn height(shape: &Shape) -> usize {
    match shape[..] {
        [1, _, height, _] => height,
        _ => 1,
    }
}

/// Rows of a picture of `from` rows, in one of `to` rows that shows the same.
fn scaled(rows: Range<usize>, from: usize, to: usize) -> Range<usize> {
    rows.start * to / from.max(1)..(rows.end * to).div_ceil(from.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Conv2d, Reduce, ReduceKind};
    use crate::{Builder, Tensor, Value};

    fn conv(net: &mut Builder, channels: usize, x: Value) -> Value {
        net.conv2d(Conv2d::same(Tensor::zeros(Shape::new([channels, 4, 3, 3])), None), x)
    }

    fn plan(net: Builder, output: Value) -> FusedPlan {
        let graph = net.finish(output).expect("a network");
        FusedPlan::new(&graph, &Shape::image(1, 4, 32, 8)).expect("a plan")
    }

    #[test]
    fn rows_are_those_that_convolutions_see() {
        let mut net = Builder::new(4);
        let input = net.input();
        let first = conv(&mut net, 4, input);
        let large = net.nearest(2, first);
        let second = conv(&mut net, 4, large);
        let third = conv(&mut net, 16, second);
        let larger = net.pixel_shuffle(2, third);
        let base = net.nearest(4, input);
        let output = net.add(larger, base);
        let plan = plan(net, output);
        assert_eq!(plan.steps.len(), 3);
        assert_eq!(plan.rows_for(0..128, |_| 4), [0..32, 0..64, 0..128]);
        assert_eq!(plan.rows_for(40..44, |_| 1), [9..12, 19..23, 40..44]);
        assert_eq!(plan.rows_for(41..44, |_| 4), [4..16, 16..24, 40..44]);
        assert_eq!(plan.rows_for(0..1, |_| 1), [0..2, 0..2, 0..1]);
        assert_eq!(plan.rows_for(127..128, |_| 1), [30..32, 62..64, 127..128]);
        assert_eq!(plan.rows_for(5..5, |_| 4), [0..0, 0..0, 0..0]);
    }

    #[test]
    fn what_sees_all_needs_all() {
        let mut net = Builder::new(4);
        let input = net.input();
        let first = conv(&mut net, 4, input);
        let mean = net.apply(Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: true }, &[first]);
        let output = net.mul(first, mean);
        let plan = plan(net, output);
        assert_eq!(plan.rows_for(8..9, |_| 1), [0..32, 0..1, 8..9]);
    }
}
