//! Attention: for each head, scores, their softmax, and the sum of values that they weigh.

use std::sync::Arc;

use amplio_graph::ops;
use amplio_graph::plan::Step;
use amplio_graph::{Error, Result, Shape, Tensor};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::panels::Panels;
use super::softmax::softmax;
use super::vectors::{add, scale};
use crate::compiler::Compiler;

/// Scores that are kept at once.
const SCORES: usize = 1 << 18;

/// Attention, ready to run.
#[derive(Debug)]
pub(crate) struct Attention {
    scale: f32,
    heads: usize,
    queries: usize,
    keys: usize,
    /// Numbers of a query and a key.
    depth: usize,
    /// Numbers of a value.
    width: usize,
    bias: Option<Bias>,
    /// Queries that are answered at once.
    rows: usize,
}

/// Which bias belongs to a batch element and a head.
#[derive(Debug)]
struct Bias {
    batch: usize,
    heads: usize,
    /// The bias itself where it is learned: in row-major order its rows lie together.
    learned: Option<Arc<Tensor>>,
}

impl Attention {
    pub(crate) fn new(step: &Step, op: &ops::Attention, compiler: &Compiler) -> Result<Self> {
        let [q, k] = [&step.inputs[0].shape, &step.inputs[1].shape];
        if step.result.contains(&0) || k.contains(&0) {
            return Err(Error::Unsupported { what: format!("attention of {q} to {k}") });
        }
        let bias = step.inputs.get(3).map(|bias| Bias {
            batch: bias.shape[0],
            heads: bias.shape[1],
            learned: compiler.constant(bias).cloned(),
        });
        let (queries, keys) = (q[2], k[2]);
        let rows = queries.min((SCORES / keys).max(24));
        Ok(Self {
            scale: op.scale,
            heads: q[1],
            queries,
            keys,
            depth: q[3],
            width: step.result[3],
            bias,
            rows,
        })
    }

    pub(crate) fn grain(&self, _: &Shape) -> usize {
        self.rows * self.width
    }

    #[inline(always)]
    pub(crate) fn fill<I: Isa>(&self, isa: I, inputs: &[PixelsRef], first: usize, pixels: &mut PixelsMut) {
        let (first, rows) = (first / self.width, pixels.pixels() / self.width);
        let mut done = 0;
        while done < rows {
            let (batch, query) = ((first + done) / self.queries, (first + done) % self.queries);
            let rows = (rows - done).min(self.queries - query);
            let start = batch * self.queries + query;
            let asked = self.split(inputs[0], start * self.depth, rows * self.depth);
            let keys = self.split(inputs[1], batch * self.keys * self.depth, self.keys * self.depth);
            let values = self.split(inputs[2], batch * self.keys * self.width, self.keys * self.width);
            for head in 0..self.heads {
                let part = |of: &[f32]| head * (of.len() / self.heads)..(head + 1) * (of.len() / self.heads);
                let mut scores = self.scores(isa, &asked[part(&asked)], &keys[part(&keys)]);
                for (i, scores) in scores.chunks_exact_mut(self.keys).enumerate() {
                    self.finish(isa, inputs, [batch, head, query + i], scores);
                }
                let answers = self.answers(isa, &scores, &values[part(&values)]);
                // Heads are axis 1, which are channels in memory.
                for (i, answer) in answers.into_iter().enumerate() {
                    pixels.pixel(done * self.width + i)[head] = answer;
                }
            }
            done += rows;
        }
    }

    /// The channels of `count` pixels from `first` on, those of each head one after the other.
    #[inline(always)]
    fn split(&self, from: PixelsRef, first: usize, count: usize) -> Vec<f32> {
        let mut heads = vec![0.0; self.heads * count];
        for i in 0..count {
            for (to, x) in heads[i..].iter_mut().step_by(count).zip(from.pixel(first + i)) {
                *to = *x;
            }
        }
        heads
    }

    /// The products of all queries and keys of a head.
    #[inline(always)]
    fn scores<I: Isa>(&self, isa: I, queries: &[f32], keys: &[f32]) -> Vec<f32> {
        let mut scores = vec![0.0; queries.len() / self.depth * self.keys];
        let keys = Panels::new(isa, self.depth, self.keys, |c, j| keys[j * self.depth + c]);
        let mut result = PixelsMut::dense(&mut scores, self.keys);
        keys.multiply(I::LEVEL, PixelsRef::dense(queries, self.depth), &mut result);
        scores
    }

    /// Makes weights of the scores of a query.
    #[inline(always)]
    fn finish<I: Isa>(
        &self,
        isa: I,
        inputs: &[PixelsRef],
        [batch, head, query]: [usize; 3],
        scores: &mut [f32],
    ) {
        scale(isa, scores, self.scale);
        if let Some(bias) = &self.bias {
            let (batch, head) = (batch % bias.batch, head % bias.heads);
            if let Some(learned) = &bias.learned {
                let start = ((batch * bias.heads + head) * self.queries + query) * self.keys;
                add(isa, scores, &learned.data()[start..][..self.keys]);
            } else {
                let start = (batch * self.queries + query) * self.keys;
                for (j, score) in scores.iter_mut().enumerate() {
                    *score += inputs[3].pixel(start + j)[head];
                }
            }
        }
        softmax(isa, scores);
    }

    /// The sums of the values of a head that the scores weigh.
    #[inline(always)]
    fn answers<I: Isa>(&self, isa: I, scores: &[f32], values: &[f32]) -> Vec<f32> {
        let mut answers = vec![0.0; scores.len() / self.keys * self.width];
        let values = Panels::new(isa, self.keys, self.width, |j, c| values[j * self.width + c]);
        let mut result = PixelsMut::dense(&mut answers, self.width);
        values.multiply(I::LEVEL, PixelsRef::dense(scores, self.keys), &mut result);
        answers
    }
}
