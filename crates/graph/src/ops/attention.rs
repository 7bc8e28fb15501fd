use super::Primitive;
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Scaled dot-product attention: `softmax(q kᵀ * scale + bias) v`, softmax over the keys (Vaswani et al. 2017, arXiv
/// 1706.03762).
///
/// Inputs: q `[b, heads, lq, d]`, k `[b, heads, lk, d]`, v `[b, heads, lk, dv]` and, if given, a bias
/// `[w, heads or 1, lq, lk]` where `w` divides `b`; batch element `i` gets bias `i % w`, so that one tensor carries
/// relative positions and the masks of shifted windows. Result `[b, heads, lq, dv]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// What each product of a query and a key is multiplied by, usually `1 / sqrt(d)`.
    pub scale: f32,
}

impl Primitive for Attention {
    const NAME: &'static str = "attention";
    const TOLERANCE: f32 = 2e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        let (&[q, k, v] | &[q, k, v, _]) = inputs else {
            return fail(format!("takes q, k, v and perhaps a bias, and has {} inputs", inputs.len()));
        };
        let (&[b, heads, lq, d], &[bk, hk, lk, dk], &[bv, hv, lv, dv]) = (&q[..], &k[..], &v[..]) else {
            return fail(format!("needs batch x heads x tokens x channels, not {q}, {k} and {v}"));
        };
        if [bk, hk, dk] != [b, heads, d] || [bv, hv, lv] != [b, heads, lk] {
            return fail(format!("queries {q}, keys {k} and values {v} do not fit"));
        }
        if let Some(bias) = inputs.get(3) {
            let &[w, hb, bq, bk] = &bias[..] else { return fail(format!("a bias of {bias} has not rank 4")) };
            if w == 0 || b % w != 0 || (hb != 1 && hb != heads) || [bq, bk] != [lq, lk] {
                return fail(format!("bias {bias} does not fit queries {q} and keys {k}"));
            }
        }
        Ok(Shape::new([b, heads, lq, dv]))
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let [q, k, v] = [inputs[0], inputs[1], inputs[2]];
        let (heads, lq, lk, d, dv) = (shape[1], shape[2], k.shape()[2], q.shape()[3], shape[3]);
        let score = |[b, h, i]: [usize; 3], j: usize| -> f64 {
            let product = |c| f64::from(q.at(&[b, h, i, c])) * f64::from(k.at(&[b, h, j, c]));
            let bias = inputs.get(3).map_or(0.0, |bias| {
                let (w, heads) = (bias.shape()[0], bias.shape()[1]);
                f64::from(bias.at(&[b % w, h % heads, i, j]))
            });
            (0..d).map(product).sum::<f64>() * f64::from(self.scale) + bias
        };
        let mut result = Tensor::zeros(shape);
        for (row, out) in result.data_mut().chunks_mut(dv.max(1)).enumerate() {
            let [b, h, i] = [row / lq / heads, row / lq % heads, row % lq];
            let scores: Vec<f64> = (0..lk).map(|j| score([b, h, i], j)).collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for (c, out) in out.iter_mut().enumerate() {
                let sum: f64 = (0..lk).map(|j| weights[j] * f64::from(v.at(&[b, h, j, c]))).sum();
                *out = (sum / total) as f32;
            }
        }
        result
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        Spread::Whole
    }

    fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        let (d, keys, dv) = (inputs[0][3], inputs[1][2], output[3]);
        let rows = output[..3].iter().fold(1, |n: usize, &d| n.saturating_mul(d));
        rows.saturating_mul(keys).saturating_mul(d.saturating_add(dv)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dims: [usize; 4], data: &[f32]) -> Tensor {
        Tensor::new(Shape::new(dims), data.to_vec()).expect("as many numbers as the shape says")
    }

    #[test]
    fn equal_scores_average_the_values_and_a_mask_hides_them() {
        let q = tensor([2, 1, 1, 1], &[0.0, 0.0]);
        let k = tensor([2, 1, 2, 1], &[1.0, 2.0, 3.0, 4.0]);
        let v = tensor([2, 1, 2, 1], &[2.0, 4.0, 10.0, 30.0]);
        let op = Attention { scale: 1.0 };
        let shape = Shape::new([2, 1, 1, 1]);
        assert_eq!(op.reference(&[&q, &k, &v], shape.clone()).data(), [3.0, 20.0]);
        let bias = tensor([2, 1, 1, 2], &[0.0, -1000.0, -1000.0, 0.0]);
        assert_eq!(op.reference(&[&q, &k, &v, &bias], shape).data(), [2.0, 30.0]);
    }

    #[test]
    fn scores_are_scaled_before_the_bias() {
        // weights are softmax(0.5 * 2 * ln 3, 0) = 3/4, 1/4
        let q = tensor([1, 1, 1, 1], &[2.0]);
        let k = tensor([1, 1, 2, 1], &[3f32.ln(), 0.0]);
        let v = tensor([1, 1, 2, 1], &[4.0, 8.0]);
        let y = Attention { scale: 0.5 }.reference(&[&q, &k, &v], Shape::new([1, 1, 1, 1]));
        assert!((y.data()[0] - 5.0).abs() < 1e-6);
    }
}
