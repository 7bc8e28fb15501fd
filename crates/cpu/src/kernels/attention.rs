//! Attention: for each head, scores, their softmax, and the sum of values that they weigh.

use amplio_graph::ops;
use amplio_graph::plan::Step;
use amplio_graph::{Error, Result, Shape};
use amplio_simd::{Isa, PixelsMut, PixelsRef};

use super::panels::Panels;
use super::softmax::softmax;

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
#[derive(Clone, Copy, Debug)]
struct Bias {
    batch: usize,
    heads: usize,
}

impl Attention {
    pub(crate) fn new(step: &Step, op: &ops::Attention) -> Result<Self> {
        let [q, k] = [&step.inputs[0].shape, &step.inputs[1].shape];
        if step.result.contains(&0) || k.contains(&0) {
            return Err(Error::Unsupported { what: format!("attention of {q} to {k}") });
        }
        let bias = step.inputs.get(3).map(|bias| Bias { batch: bias.shape[0], heads: bias.shape[1] });
        let (queries, keys) = (q[2], k[2]);
        let rows = queries.min((SCORES / keys).max(24));
        Ok(Self { scale: op.scale, heads: q[1], queries, keys, depth: q[3], width: step.result[3], bias, rows })
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
            for head in 0..self.heads {
                let head = Head { attention: self, inputs, batch, head };
                let answers = head.answers(isa, query, rows);
                // Heads are axis 1, which are channels in memory.
                for (i, answer) in answers.into_iter().enumerate() {
                    pixels.pixel(done * self.width + i)[head.head] = answer;
                }
            }
            done += rows;
        }
    }
}

/// One head of one batch element.
struct Head<'a> {
    attention: &'a Attention,
    inputs: &'a [PixelsRef<'a>],
    batch: usize,
    head: usize,
}

impl Head<'_> {
    /// The answers to `rows` queries from `first` on, one after the other.
    #[inline(always)]
    fn answers<I: Isa>(&self, isa: I, first: usize, rows: usize) -> Vec<f32> {
        let &Attention { scale, queries, keys, depth, width, .. } = self.attention;
        let number = |input: usize, place: usize| self.inputs[input].pixel(place)[self.head];
        let key = |c: usize, j: usize| number(1, (self.batch * keys + j) * depth + c);
        let value = |j: usize, c: usize| number(2, (self.batch * keys + j) * width + c);
        let start = (self.batch * queries + first) * depth;
        let asked: Vec<f32> = (0..rows * depth).map(|i| number(0, start + i) * scale).collect();

        let mut scores = vec![0.0; rows * keys];
        let products = Panels::new(isa, depth, keys, key);
        products.multiply(isa, PixelsRef::dense(&asked, depth), &mut PixelsMut::dense(&mut scores, keys));
        for (i, scores) in scores.chunks_exact_mut(keys).enumerate() {
            self.add_bias(first + i, scores);
            softmax(isa, scores);
        }
        let mut answers = vec![0.0; rows * width];
        let sums = Panels::new(isa, keys, width, value);
        sums.multiply(isa, PixelsRef::dense(&scores, keys), &mut PixelsMut::dense(&mut answers, width));
        answers
    }

    #[inline(always)]
    fn add_bias(&self, query: usize, scores: &mut [f32]) {
        if let Some(bias) = self.attention.bias {
            let start = (self.batch % bias.batch * self.attention.queries + query) * self.attention.keys;
            for (j, score) in scores.iter_mut().enumerate() {
                *score += self.inputs[3].pixel(start + j)[self.head % bias.heads];
            }
        }
    }
}
